from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from serve_app.core.answers import ClassAnswers, NoStudent, ValueAnswers
from serve_app.core.drift import Psi, Scores, psi, reference
from serve_app.core.rows import Rows, numeric_column, text_column
from serve_app.core.use_case import UseCase
from tests.fakes.small_models import STUDENT, USE_CASES

STONES = UseCase.model_validate_json(
    json.dumps({"name": "stones", "title": "Stones", "student": STUDENT, **USE_CASES["stones"]})
)
BOATS = UseCase.model_validate_json(
    json.dumps({"name": "boats", "title": "Boats", **USE_CASES["boats"], "student": STUDENT})
)
DATED = UseCase.model_validate_json(
    json.dumps({
        "name": "dated", "title": "Dated", "student": STUDENT, **USE_CASES["sands"],
        "fields": {"made": {"kind": "date", "required": False}},
    })
)  # fmt: skip


def stones(count: int, seed: int, heavier: float = 0.0, red: float = 0.3, words: int = 3, missing: float = 0.2) -> Rows:
    rng = np.random.default_rng(seed)
    colour = [str(rng.choice(["red", "green"], p=[red, 1 - red])) for _ in range(count)]
    note = [None if rng.random() < missing else "x" * int(rng.poisson(5 * words)) for _ in range(count)]
    weight = rng.normal(5 + heavier, 1, count)
    return Rows({"weight": weight, "colour": text_column(colour), "note": text_column(note)})


def sure(count: int, seed: int, sureness: float = 3.0, first: float = 0.5) -> ClassAnswers:
    rng = np.random.default_rng(seed)
    top = 1 / 3 + 2 / 3 * rng.beta(sureness, 1, count)
    chances = np.stack([top, (1 - top) / 2, (1 - top) / 2], axis=1)
    swap = rng.random(count) >= first
    chances[swap] = chances[swap][:, [1, 0, 2]]
    return ClassAnswers(("pebble", "cobble", "boulder"), chances, "1")


KEPT = reference(STONES, stones(5000, 1), sure(1000, 2))


def now(rows: Rows, answers: Any = None) -> Psi:
    return psi(STONES, KEPT, rows, None if answers is None else Scores.of(answers))


def test_rows_like_those_learned_from_have_not_drifted() -> None:
    for seed in range(10, 30):
        found = now(stones(1000, seed), sure(1000, seed))
        assert found.worst()[1] < 0.1
        assert set(found.features) == {"weight", "colour", "note"}
        assert found.score is not None
        assert found.mix is not None


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"heavier": 0.8}, "weight"),
        ({"red": 0.8}, "colour"),
        ({"words": 6}, "note"),
        ({"missing": 0.6}, "note"),
    ],
)
def test_a_feature_that_moves_is_the_one_named(changed: dict[str, float], name: str) -> None:
    found = now(stones(1000, 3, **changed), sure(1000, 3))  # type: ignore[arg-type]
    assert found.worst()[0] == name
    assert found.worst()[1] > 0.25
    others = [value for other, value in found.features.items() if other != name]
    assert max(others) < 0.1


def test_confidence_and_the_mix_of_classes_are_looked_at_apart() -> None:
    unsure, other = now(stones(1000, 4), sure(1000, 4, sureness=1.0)), now(stones(1000, 4), sure(1000, 4, first=0.9))
    assert unsure.worst()[0] == "(score)"
    assert other.worst()[0] == "(classes)"
    assert unsure.worst()[1] > 0.25
    assert other.worst()[1] > 0.25


def test_it_is_the_sum_in_the_docstring() -> None:
    """Two levels, 30 % and 70 % then, 80 % and 20 % now; large samples, so that smoothing hardly counts."""
    count = 100_000
    then = Rows({"weight": np.ones(count), "note": text_column(["x"] * count),
                 "colour": text_column(["red"] * 30_000 + ["green"] * 70_000)})  # fmt: skip
    later = Rows({**then.columns, "colour": text_column(["red"] * 80_000 + ["green"] * 20_000)})
    found = psi(STONES, reference(STONES, then, NoStudent(count)), later, None)
    by_hand = (0.8 - 0.3) * math.log(0.8 / 0.3) + (0.2 - 0.7) * math.log(0.2 / 0.7)
    assert math.isclose(found.features["colour"], by_hand, rel_tol=1e-3)
    assert found.features["weight"] == found.features["note"] == 0.0


def test_a_constant_that_changes_is_seen_whichever_way_it_goes() -> None:
    then = Rows({"weight": np.ones(500), "colour": text_column(["red"] * 500), "note": text_column(["x"] * 500)})
    kept = reference(STONES, then, NoStudent(500))
    for value in (0.999, 1.001, np.nan):
        later = Rows({**then.columns, "weight": np.full(500, value)})
        assert psi(STONES, kept, later, None).features["weight"] > 1


def test_a_level_never_seen_and_a_value_beyond_all_are_bins_of_their_own() -> None:
    rows = stones(1000, 5)
    blue = Rows({**rows.columns, "colour": text_column(["blue"] * 1000)})
    assert now(blue).features["colour"] > 1
    far = Rows({**rows.columns, "weight": np.full(1000, 1e9)})
    assert now(far).features["weight"] > 1


def test_a_date_drifts_by_its_month() -> None:
    def made(days: list[str | None]) -> Rows:
        return Rows({"made": text_column(days)})

    year = [f"2025-{month:02d}-{day:02d}" for month in range(1, 13) for day in range(1, 29)]
    kept = reference(DATED, made([*year, None]), NoStudent(1))
    assert psi(DATED, kept, made([day.replace("-28", "-01") for day in year]), None).features["made"] < 0.01
    assert psi(DATED, kept, made([day.replace("2025", "2026") for day in year]), None).features["made"] > 1
    assert psi(DATED, kept, made([None] * 100), None).features["made"] > 1


def test_numbers_have_a_score_and_no_classes() -> None:
    rng = np.random.default_rng(6)
    rows = Rows({"length": rng.uniform(1, 30, 900), "market_price": rng.uniform(1, 30, 900)})
    value = rng.normal(10, 1, 900)
    kept = reference(BOATS, rows, ValueAnswers(value, value - 1, value + 1, "1"))
    dearer = Scores(value + 2)
    found = psi(BOATS, kept, rows, dearer)
    assert found.mix is None
    assert found.worst()[0] == "(score)"
    assert psi(BOATS, kept, rows, Scores(value)).score == 0.0


def test_the_log_gives_the_same_figure_as_the_answers() -> None:
    answers = sure(400, 7, sureness=1.5)
    parts = [{"label": answers.classes[int(best)], "confidence": float(row.max())}
             for best, row in zip(answers.best(), answers.probabilities, strict=True)]  # fmt: skip
    rows = stones(400, 7)
    logged = Scores.logged([*parts, None])
    direct, through = psi(STONES, KEPT, rows, Scores.of(answers)), psi(STONES, KEPT, rows, logged)
    assert direct == through
    assert Scores.logged([None]) is None
    value = Scores.logged([{"value": 3.0, "interval": [1.0, 4.0]}])
    assert value is not None
    assert value.labels is None


def test_a_reference_travels_as_json_and_is_small() -> None:
    text = json.dumps(KEPT, allow_nan=False)
    assert len(text) < 4000
    rows = stones(300, 8)
    assert psi(STONES, json.loads(text), rows, None) == now(rows)


def test_nothing_to_compare_is_no_drift() -> None:
    rows = stones(10, 9)
    assert psi(STONES, {**KEPT, "format": 99}, rows, None) == Psi()
    assert psi(STONES, KEPT, rows.take([]), None) == Psi()
    only = Rows({"weight": numeric_column([5.0])})
    assert set(psi(STONES, KEPT, only, None).features) == {"weight"}
    assert Psi().worst() == ("", 0.0)
