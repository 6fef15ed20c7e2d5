"""LightGBM's C functions called directly give the bits of ``Booster.predict``, and step aside where they cannot."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from serve_app.adapters.lightgbm_calls import FEW, Bag, library
from serve_app.adapters.lightgbm_student import LightGBMForest

COLUMNS = 6
KINDS: Mapping[str, Mapping[str, Any]] = {
    "numbers": {"objective": "binary"},
    "zeros are missing": {"objective": "binary", "zero_as_missing": True},
    "categories": {"objective": "binary", "max_cat_to_onehot": 4},
    "many classes": {"objective": "multiclass", "num_class": 5},
    "quantile": {"objective": "quantile", "alpha": 0.9},
}
SIZES = [1, 2, FEW, FEW + 1, 33, 700]


def matrix(count: int, seed: int) -> np.ndarray:
    """Numbers with holes, zeros and infinities, and two columns of codes."""
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(count, COLUMNS)).round(1)
    found[:, 4], found[:, 5] = rng.integers(0, 4, count), rng.integers(0, 40, count)
    found[rng.random(found.shape) < 0.15] = np.nan
    found[rng.random(found.shape) < 0.01] = np.inf
    return np.ascontiguousarray(found, dtype=np.float32)


def booster(kind: str, seed: int = 1) -> lgb.Booster:
    data = matrix(900, seed)
    noise = np.random.default_rng(seed).random(len(data))
    known = np.nan_to_num(data, posinf=0.0)
    value = known[:, 0] + known[:, 5] % 3 + noise
    target = value if kind == "quantile" else np.digitize(value, np.quantile(value, [0.2, 0.4, 0.6, 0.8]))
    settings = {"num_leaves": 15, "verbosity": -1, "num_threads": 1, "seed": seed, **KINDS[kind]}
    labels = (target > 2).astype(int) if settings["objective"] == "binary" else target
    codes = [4, 5] if kind == "categories" else []
    trained = lgb.train(settings, lgb.Dataset(data, labels, categorical_feature=codes, params=settings), 20)
    return lgb.Booster(model_str=trained.model_to_string())


@pytest.fixture(scope="module", params=KINDS)
def own(request: pytest.FixtureRequest) -> lgb.Booster:
    return booster(request.param)


def expected(asked: lgb.Booster, data: np.ndarray) -> np.ndarray:
    found = asked.predict(data, raw_score=True, num_threads=1)
    return np.asarray(found, dtype=np.float64).reshape(len(data), -1)


def same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and bool((one.view(np.int64) == other.view(np.int64)).all())


def test_this_lightgbm_has_them() -> None:
    assert library() is not None


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("threads", [1, 2])
def test_the_bits_are_those_of_the_booster(own: lgb.Booster, count: int, threads: int) -> None:
    bag, data = Bag(own, library()), matrix(count, seed=2)
    assert same_bits(bag.raw(data, threads), expected(own, data))
    assert same_bits(bag.raw(data, threads), expected(own, data)), "what was kept from the last call changes nothing"


def test_an_answer_is_not_overwritten_by_the_next(own: lgb.Booster) -> None:
    bag, data = Bag(own, library()), matrix(2, seed=3)
    first = bag.raw(data[:1], 1)
    kept = first.copy()
    bag.raw(data[1:], 1)
    assert same_bits(first, kept)


@pytest.mark.parametrize("bags", [1, 5])
def test_a_forest_asks_its_bags_in_order(bags: int) -> None:
    boosters = [booster("many classes", seed) for seed in range(bags)]
    data = matrix(3, seed=4)
    found = list(LightGBMForest(boosters).raw(data, 1))
    assert len(found) == bags
    assert all(same_bits(part, expected(each, data)) for part, each in zip(found, boosters, strict=True))


def test_many_threads_at_once(own: lgb.Booster) -> None:
    bag, data = Bag(own, library()), matrix(64, seed=5)
    wanted = expected(own, data)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda row: bag.raw(data[row : row + 1], 1), list(range(64)) * 20))
    assert all(same_bits(part, wanted[at % 64 : at % 64 + 1]) for at, part in enumerate(found))


@pytest.mark.parametrize("count", [1, 40])
def test_where_the_functions_are_not_there_the_booster_answers(own: lgb.Booster, count: int) -> None:
    data = matrix(count, seed=6)
    assert same_bits(Bag(own, None).raw(data, 1), expected(own, data))


def test_a_library_without_one_of_them_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lgb.basic, "_LIB", object())
    assert library() is None


def test_a_library_that_answers_otherwise_is_not_used(own: lgb.Booster) -> None:
    functions = library()
    assert functions is not None
    silent = {**functions, "LGBM_BoosterPredictForMatSingleRowFast": lambda *_: 0}
    data = matrix(3, seed=10)
    bag = Bag(own, silent)
    assert same_bits(bag.raw(data, 1), expected(own, data))


@pytest.mark.parametrize("count", [1, 40])
def test_a_matrix_that_is_not_plain_is_the_boosters(own: lgb.Booster, count: int) -> None:
    data = matrix(count, seed=7)
    for odd in (data.astype(np.float64), np.asfortranarray(data), np.repeat(data, 2, axis=0)[::2]):
        assert same_bits(Bag(own, library()).raw(odd, 1), expected(own, data))


@pytest.mark.parametrize("count", [1, 40])
def test_too_few_columns_are_refused_and_not_read_beyond(own: lgb.Booster, count: int) -> None:
    with pytest.raises(lgb.basic.LightGBMError, match="number of features"):
        Bag(own, library()).raw(np.ascontiguousarray(matrix(count, seed=8)[:, 1:]), 1)


def test_predictors_are_shared_and_go_with_their_bag(own: lgb.Booster) -> None:
    bag = Bag(own, library())
    for _ in range(5):
        bag.raw(matrix(1, seed=9), 1)
    (idle,) = bag._idle
    assert idle._calls
    gone = weakref.ref(idle)
    del idle, bag
    gc.collect()
    assert gone() is None
