"""LightGBM's trees as tables for machine code: the same bits, whatever the rows; what they cannot say is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from serve_app.adapters.compiled_forest import CompiledForest
from serve_app.adapters.compiled_trial import SIZES, probing_rows
from serve_app.adapters.lightgbm_student import LightGBMForest
from serve_app.adapters.tree_kernel import kernel
from serve_app.adapters.tree_tables import TreeTables, at_most, from_bytes, to_bytes
from serve_app.adapters.tree_walk import LANES
from serve_app.core.errors import BadBundle

COLUMNS = 6
KINDS: Mapping[str, Mapping[str, Any]] = {
    "numbers": {"objective": "binary"},
    "small trees": {"objective": "binary", "num_leaves": 3},
    "large trees": {"objective": "regression", "num_leaves": 64, "min_child_samples": 2},
    "nothing missing": {"objective": "binary", "whole": True},
    "missing is zero": {"objective": "binary", "use_missing": False},
    "categories one by one": {"objective": "binary", "max_cat_to_onehot": 100, "codes": [4, 5]},
    "categories in sets": {"objective": "binary", "max_cat_to_onehot": 2, "cat_smooth": 1.0, "codes": [4, 5]},
    "many classes": {"objective": "multiclass", "num_class": 5, "codes": [5]},
    "quantile": {"objective": "quantile", "alpha": 0.9},
    "no node": {"objective": "regression", "min_child_samples": 10_000},
    "columns nobody asks for": {"objective": "binary", "num_leaves": 2, "feature_fraction": 0.2},
}
REFUSED: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "zeros are missing": ({"objective": "binary", "zero_as_missing": True}, "zero counts as missing"),
    "leaves": ({"objective": "regression", "num_leaves": 65, "min_child_samples": 1}, "more than 64 leaves"),
    "linear": ({"objective": "regression", "linear_tree": True}, "a linear model"),
    "averaged": (
        {"objective": "binary", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5},
        "averaged",
    ),
}


def matrix(count: int, seed: int, whole: bool = False) -> np.ndarray:
    """Numbers, small ones and zeros among them, and two columns of codes."""
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(count, COLUMNS)).round(1)
    found[:, 1] *= 1e-35
    found[:, 4], found[:, 5] = rng.integers(0, 4, count), rng.integers(0, 90, count)
    if not whole:
        found[rng.random(found.shape) < 0.15] = np.nan
    return np.ascontiguousarray(found, dtype=np.float32)


def booster(settings: Mapping[str, Any], seed: int = 1) -> lgb.Booster:
    own = {"num_leaves": 15, "verbosity": -1, "num_threads": 1, "seed": seed, **settings}
    codes, whole = own.pop("codes", []), own.pop("whole", False)
    data = matrix(1200, seed, whole)
    known = np.nan_to_num(data)
    value = known[:, 0] + known[:, 5] % 3 + known[:, 1] * 1e35 + np.random.default_rng(seed).random(len(data))
    target = {"binary": value > 1, "multiclass": np.digitize(value, [0, 1, 2, 3])}.get(own["objective"], value)
    return lgb.train(own, lgb.Dataset(data, target.astype(float), categorical_feature=codes, params=own), 12)


def texts(settings: Mapping[str, Any], bags: int = 2) -> list[bytes]:
    return [booster(settings, seed).model_to_string().encode() for seed in range(1, bags + 1)]


def both(given: list[bytes]) -> tuple[CompiledForest, LightGBMForest, TreeTables]:
    plain = LightGBMForest([lgb.Booster(model_str=text.decode()) for text in given])
    tables = from_bytes(to_bytes({"model": TreeTables.of(given)}))["model"]
    return CompiledForest(tables, plain), plain, tables


def bits(found: Any) -> list[bytes]:
    return [np.ascontiguousarray(bag).tobytes() for bag in found]


@pytest.mark.parametrize("kind", KINDS)
def test_they_give_lightgbms_bits_on_rows_made_to_find_a_difference(kind: str) -> None:
    compiled, plain, tables = both(texts(KINDS[kind]))
    for seed in (1, 2):
        rows = probing_rows(tables, max(SIZES), seed)
        for size in SIZES:
            wanted = bits(plain.raw(rows[:size], 1))
            assert bits(compiled.raw(rows[:size], 1)) == wanted
            assert bits(compiled.raw(rows[:size], 3)) == wanted
    seen = matrix(300, 9)
    assert bits(compiled.raw(seen, 1)) == bits(plain.raw(seen, 1))


def test_a_row_has_its_bits_whatever_its_neighbours() -> None:
    compiled, _, tables = both(texts(KINDS["many classes"]))
    rows = probing_rows(tables, 2 * LANES + 3)
    (whole, _) = compiled.raw(rows, 1)
    for at in range(len(rows)):
        assert next(iter(compiled.raw(rows[at : at + 1], 1))).tobytes() == whole[at : at + 1].tobytes()


@pytest.mark.parametrize("kind", REFUSED)
def test_what_they_cannot_say_is_refused(kind: str) -> None:
    settings, why = REFUSED[kind]
    with pytest.raises(BadBundle, match=why):
        TreeTables.of(texts(settings, 1))


def test_a_matrix_of_another_kind_is_the_librarys_business() -> None:
    compiled, plain, _ = both(texts(KINDS["numbers"]))
    data = matrix(40, 3)
    for other in (data.astype(np.float64), np.asfortranarray(data), data[::2]):
        assert bits(compiled.raw(other, 1)) == bits(plain.raw(other, 1))
    with pytest.raises(lgb.basic.LightGBMError):
        list(compiled.raw(np.ascontiguousarray(data[:, :3]), 1))
    assert [bag.shape for bag in compiled.raw(data[:0], 1)] == [(0, 1), (0, 1)]


def test_explanations_are_the_librarys() -> None:
    compiled, plain, _ = both(texts(KINDS["numbers"]))
    data = matrix(5, 3)
    assert bits(compiled.contributions(data)) == bits(plain.contributions(data))


@pytest.mark.parametrize("threshold", [0.1, -0.1, 1e-35, 1.0000000180025095e-35, 1e300, -1e300, 3.4e38, 0.0, 7.0])
def test_a_threshold_parts_float32_as_its_float64_does(threshold: float) -> None:
    found = at_most(threshold)
    with np.errstate(over="ignore"):
        near = [found, *(np.nextafter(found, np.float32(way)) for way in (np.inf, -np.inf))]
    for value in [*near, np.float32(np.inf), np.float32(-np.inf)]:
        assert (value > found) == (float(value) > threshold)


def test_code_is_made_once_a_process() -> None:
    assert kernel(32) is kernel(32)
    assert kernel(32) is not kernel(64)


def test_tables_that_lack_an_array_are_refused() -> None:
    with pytest.raises(BadBundle):
        from_bytes(b"PK nonsense")
