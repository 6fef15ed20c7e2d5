"""A challenger compared with the champion, for classes and for numbers."""

from __future__ import annotations

from typing import Any

import pytest

from serve_app.core.jobs import Shadow
from serve_app.core.ports import Lesson
from serve_app.core.shadow import Shadowed, comparison
from serve_app.core.use_case import UseCase
from tests.fakes.events import NOON, label, logged
from tests.fakes.small_graph import PRICES, RISK

CLASSES, NUMBERS = UseCase.model_validate(RISK), UseCase.model_validate(PRICES)


def row(ours: Any, theirs: Any, teacher: Any = None, *people: Any, key: str = "label") -> Shadowed:
    prediction = logged(
        student=None if theirs is None else {key: theirs}, teacher=None if teacher is None else {key: teacher}
    )
    said = tuple(label(prediction.id, **{"label": None, key: each}) for each in people)
    return Shadow(prediction.id, "x", "3", NOON, {key: ours}), Lesson(prediction, said)


def test_classes_agree_or_they_do_not() -> None:
    rows = [row("yes", "yes", "no"), row("yes", "no", "yes", "no", "yes"), row("no", None, "no"), row("no", "no")]
    assert comparison(CLASSES, rows) == {
        "rows": 4,
        "measure": "agreement",
        "between": {"rows": 3, "share": pytest.approx(2 / 3)},
        "champion": {"teacher": {"rows": 2, "share": 0.0}, "people": {"rows": 1, "share": 0.0}},
        "challenger": {"teacher": {"rows": 3, "share": pytest.approx(2 / 3)}, "people": {"rows": 1, "share": 1.0}},
    }


def test_numbers_are_so_far_apart() -> None:
    rows = [row(10.0, 12.0, None, 11.0, key="value"), row(5.0, 5.0, 4.0, 8.0, key="value")]
    found = comparison(NUMBERS, rows)
    assert (found["measure"], found["between"]) == ("difference", {"rows": 2, "distance": 1.0})
    assert found["champion"]["people"] == {"rows": 2, "distance": 2.0}
    assert found["challenger"]["people"] == {"rows": 2, "distance": 2.0}
    assert found["challenger"]["teacher"] == {"rows": 1, "distance": 1.0}


def test_without_rows_there_is_no_figure() -> None:
    assert comparison(CLASSES, [])["between"] == {"rows": 0, "share": None}
