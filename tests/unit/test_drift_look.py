"""The drift of what is asked and answered now, as it is looked at: figures, reasons, the reference's fetching."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from pipelines.drift import Looks, disagreement, disagrees, drift
from serve_app.adapters.memory_event_log import MemoryEventLog
from serve_app.adapters.memory_registry import MemoryRegistry
from serve_app.core.answers import ClassAnswers
from serve_app.core.drift import reference
from serve_app.core.events import LoggedPrediction
from serve_app.core.rows import Rows, text_column
from serve_app.core.use_case import UseCase
from tests.fakes.small_models import USE_CASES

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def knots(**settings: Any) -> UseCase:
    whole = {**USE_CASES["knots"], "retraining": {"drift": {"least": 100, **settings}}}
    return UseCase.model_validate({"name": "knots", "title": "Knots", "student": {"kind": "lightgbm"}, **whole})


def learned(case: UseCase) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    rows = Rows({"turns": rng.normal(5, 1, 2000), "rope": text_column(["hemp", "nylon"] * 1000)})
    sure = rng.uniform(0.5, 1.0, 2000)
    answers = ClassAnswers(("no", "yes"), np.column_stack([sure, 1 - sure]), "3")
    return json.loads(json.dumps(reference(case, rows, answers)))


def logged(count: int, turns: float = 5.0, version: str = "3", wrong: float = 0.0) -> list[LoggedPrediction]:
    rng = np.random.default_rng(2)
    made = []
    for n in range(count):
        student = {"label": "no", "confidence": float(rng.uniform(0.5, 1.0)), "probabilities": []}
        teacher = {"label": "yes" if rng.random() < wrong else "no"}
        features = {"turns": float(rng.normal(turns, 1)), "rope": "hemp" if n % 2 else "nylon"}
        made.append(
            LoggedPrediction(
                f"{version}{n:025d}", "knots", NOON, features, student, teacher, {}, version, "p", "s", 1.0, 0.0, 1.0
            )
        )
    return made


def test_what_was_learned_from_has_not_drifted() -> None:
    case = knots()
    found = drift(case, "3", learned(case), logged(600))
    assert (found["drifted"], found["why"], found["rows"]) == (False, [], 600)
    assert found["features"].keys() == {"turns", "rope"}
    assert max(found["features"].values()) < 0.1
    assert found["score_psi"] < 0.1
    assert found["threshold"] == 0.25
    json.dumps(found, allow_nan=False)


def test_a_feature_that_moved_is_named_with_its_figure() -> None:
    case = knots()
    found = drift(case, "3", learned(case), logged(600, turns=7.0))
    assert found["drifted"]
    assert [why.split(" is ")[0] for why in found["why"]] == ["PSI of turns"]
    assert found["features"]["turns"] > 0.25


def test_a_date_goes_on_with_the_calendar_and_starts_nothing() -> None:
    whole = {**USE_CASES["knots"], "fields": {**USE_CASES["knots"]["fields"], "tied": {"kind": "date"}}}
    case = UseCase.model_validate({"name": "knots", "title": "Knots", "student": {"kind": "lightgbm"}, **whole})
    rng = np.random.default_rng(1)
    rows = Rows(
        {
            "turns": rng.normal(5, 1, 2000),
            "rope": text_column(["hemp", "nylon"] * 1000),
            "tied": text_column(["2025-11-03", "2025-12-09"] * 1000),
        }
    )
    sure = rng.uniform(0.5, 1.0, 2000)
    before = reference(case, rows, ClassAnswers(("no", "yes"), np.column_stack([sure, 1 - sure]), "3"))
    newest = [replace(each, features={**each.features, "tied": "2026-03-01"}) for each in logged(600)]
    found = drift(case, "3", before, newest)
    assert found["features"]["tied"] > 0.25, "the figure is shown"
    assert not found["drifted"]


def test_too_few_rows_are_shown_and_start_nothing() -> None:
    case = knots()
    found = drift(case, "3", learned(case), logged(90, turns=9.0))
    assert found["features"]["turns"] > 0.25
    assert (found["drifted"], found["rows"], found["least"]) == (False, 90, 100)


def test_what_an_older_champion_answered_is_not_held_against_this_one() -> None:
    case = knots()
    found = drift(case, "3", learned(case), [*logged(500, turns=9.0, version="2"), *logged(300)])
    assert (found["drifted"], found["rows"]) == (False, 300)


def test_a_teacher_that_contradicts_more_than_it_did_is_drift() -> None:
    case = knots()
    found = drift(case, "3", learned(case), [*logged(600, wrong=0.05), *logged(400, wrong=0.6)])
    assert found["drifted"]
    assert found["why"][0].startswith("student and teacher disagree more than before: 0.")
    assert 0.4 < found["adwin"]["rate"] < 0.8
    assert found["adwin"]["width"] < 1000


def test_a_teacher_that_agrees_more_than_it_did_is_none() -> None:
    found = disagreement([*logged(600, wrong=0.6), *logged(400, wrong=0.05)], 0.002)
    assert not found["detected"]
    assert found["rate"] < 0.2


def test_a_steady_disagreement_is_none() -> None:
    assert not disagreement(logged(2000, wrong=0.3), 0.002)["detected"]


def test_without_a_reference_only_the_disagreement_is_told() -> None:
    found = drift(knots(), "3", {}, logged(600, turns=9.0))
    assert (found["features"], found["score_psi"], found["drifted"]) == ({}, None, False)
    assert found["adwin"]["rows"] == 600


def test_what_it_is_to_disagree() -> None:
    assert disagrees({"label": "no"}, {"label": "yes"}) is True
    assert disagrees({"label": "no"}, {"label": "no"}) is False
    assert disagrees({"label": "no"}, None) is None
    assert disagrees(None, {"label": "no"}) is None
    assert disagrees({"value": 5, "interval": [4, 6]}, {"value": 6.5}) is True
    assert disagrees({"value": 5, "interval": [4, 6]}, {"value": 4.0}) is False


class Counted(MemoryRegistry):
    fetched = 0

    def fetch(self, use_case: str, version: str) -> Any:
        self.fetched += 1
        return {"drift.json": json.dumps(learned(knots())).encode()}

    def aliased(self, use_case: str, alias: str) -> Any:
        from serve_app.core.ports import Version

        return None if self.away else Version(use_case, "3", "sha256:x")


def test_the_reference_of_a_champion_is_fetched_once() -> None:
    log, registry = MemoryEventLog(), Counted()
    log.append(logged(300, turns=9.0))
    looks = Looks(log, lambda: registry)
    assert [looks.look(knots())["drifted"] for _ in range(3)] == [True] * 3  # type: ignore[index]
    assert registry.fetched == 1
    registry.away = True
    assert looks.look(knots()) is None
