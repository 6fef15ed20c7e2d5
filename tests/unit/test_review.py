"""Which rows want a person, and how well people agree."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.core.events import LoggedPrediction
from serve_app.core.ports import Review
from serve_app.core.review import Seen, agreement, alpha, candidate, is_double, queue, seen
from serve_app.core.use_case import UseCase
from tests.fakes.events import label, logged
from tests.fakes.small_graph import PRICES, TICKETS

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CASE = UseCase.model_validate({**TICKETS, "budget": {"value": {"network": 5.0}}, "review": {"double_share": 0.0}})
NUMBERS = UseCase.model_validate(PRICES)

# Krippendorff's own example: four observers, twelve units, and what it comes to in "Computing Krippendorff's
# Alpha-Reliability" (2011), section C: nominal 0.743, interval 0.849.
UNITS = [
    [1, 1, 1], [2, 2, 3, 2], [3, 3, 3, 3], [3, 3, 3, 3], [2, 2, 2, 2], [1, 2, 3, 4],
    [4, 4, 4, 4], [1, 1, 2, 1], [2, 2, 2, 2], [5, 5, 5], [1, 1], [3],
]  # fmt: skip


def row(
    student: tuple[str, float] | None, teacher: str | None, *, degraded: bool = False, **more: Any
) -> LoggedPrediction:
    said = None if student is None else {"label": student[0], "confidence": student[1]}
    told = None if teacher is None else {"label": teacher, "provider": "recorded", "model": "m", "confidence": None}
    best = teacher or (student[0] if student else None)
    answer = {"prediction": {"label": best, "confidence": 0.9}, "degraded": degraded, "student": said, "teacher": told}
    return logged(student=said, teacher=told, answer=answer, use_case="tickets", **more)


def ids(rows: list[LoggedPrediction], known: dict[str, Seen] | None = None, by: str = "ani") -> list[str]:
    return [each.prediction.id for each in queue(CASE, rows, known or {}, by)]


def test_what_is_settled_wants_nobody() -> None:
    assert ids([row(("access", 0.9), None), row(("access", 0.5), "access")]) == []


def test_it_ranks_by_disagreement_value_and_uncertainty() -> None:
    sure, unsure = row(("access", 0.9), "other"), row(("access", 0.5), "other")
    dear = row(("access", 0.85), "network")
    nobody = row(None, None, degraded=True)
    degraded = row(("access", 0.4), None, degraded=True)
    assert ids([sure, unsure, dear, nobody, degraded]) == [nobody.id, dear.id, degraded.id, unsure.id, sure.id]
    scores = [candidate(CASE, each).score for each in (nobody, dear, degraded)]  # type: ignore[union-attr]
    assert scores == pytest.approx([1.0, 5 * 0.15, 0.6])
    assert [candidate(CASE, each).why for each in (nobody, dear, degraded)] == [  # type: ignore[union-attr]
        "unanswered", "disagreement", "degraded",
    ]  # fmt: skip


def test_rows_alike_stand_by_their_ids() -> None:
    rows = [row(("access", 0.5), "other") for _ in range(5)]
    assert ids(rows[::-1]) == sorted(each.id for each in rows)


def test_of_numbers_it_counts_how_far_apart_they_are() -> None:
    def priced(teacher: float) -> LoggedPrediction:
        student = {"value": 100.0, "interval": [90.0, 110.0]}
        told = {"value": teacher, "label": None, "provider": "recorded", "model": "m", "confidence": None}
        answer = {"prediction": {"value": teacher, "interval": None}, "degraded": False}
        return logged(student=student, teacher=told, answer=answer, use_case="prices")

    assert candidate(NUMBERS, priced(105.0)) is None
    near, far = candidate(NUMBERS, priced(115.0)), candidate(NUMBERS, priced(500.0))
    assert near is not None
    assert far is not None
    assert (near.disagreement, far.disagreement) == (0.25, 1.0)
    assert near.uncertainty == pytest.approx(0.2)


def test_what_somebody_has_dealt_with_is_not_shown_to_them_again() -> None:
    one, other, third = (row(("access", 0.5), "other") for _ in range(3))
    labels = [label(one.id, by="ani")]
    reviews = [Review("1", other.id, "tickets", "ani", NOON), Review("2", third.id, "tickets", "budi", NOON, "access")]
    known = seen(labels, reviews)
    assert ids([one, other, third], known, "ani") == []
    assert ids([one, other, third], known, "budi") == [other.id]


def test_a_share_is_shown_to_two_people_and_to_no_third() -> None:
    double = UseCase.model_validate({**TICKETS, "review": {"double_share": 1.0}})
    one = row(("access", 0.5), "other")
    for people, by, shown in (({"ani"}, "budi", True), ({"ani"}, "ani", False), ({"ani", "budi"}, "cici", False)):
        assert bool(queue(double, [one], {one.id: Seen(people)}, by)) is shown
    assert queue(CASE, [one], {one.id: Seen({"ani"})}, "budi") == []


def test_which_share_that_is_follows_from_the_id_alone() -> None:
    chosen = [is_double(f"id-{number}", 0.1) for number in range(5000)]
    assert chosen == [is_double(f"id-{number}", 0.1) for number in range(5000)]
    assert 400 < sum(chosen) < 600
    assert not is_double("x", 0.0)
    assert is_double("x", 1.0)


def test_alpha_is_krippendorffs() -> None:
    assert alpha(UNITS, nominal=True) == pytest.approx(0.743, abs=5e-4)
    assert alpha(UNITS, nominal=False) == pytest.approx(0.849, abs=5e-4)


def test_alpha_is_not_defined_where_nothing_can_be_expected() -> None:
    assert alpha([], nominal=True) is None
    assert alpha([["a"], ["b"]], nominal=True) is None
    assert alpha([["a", "a"], ["a", "a"]], nominal=True) is None


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=2, max_size=4), min_size=1, max_size=12))
def test_alpha_is_at_most_one_and_one_only_where_all_agree(units: list[list[str]]) -> None:
    found = alpha(units, nominal=True)
    together = all(len(set(unit)) == 1 for unit in units)
    assert found is None or (found == 1 if together else found < 1)


def test_agreement_is_told_of_rows_that_two_people_labelled() -> None:
    def said(which: str, by: str, what: str | None) -> Review:
        return Review(f"{which}{by}{what}", which, "tickets", by, NOON, what)

    newest_first = [
        said("a", "ani", "access"), said("a", "budi", "access"), said("b", "ani", "other"), said("b", "cici", "access"),
        said("c", "ani", "other"), said("d", "ani", "other"), said("d", "budi", None), said("a", "ani", "network"),
    ]  # fmt: skip
    told = agreement(CASE, newest_first)
    assert told == {
        "use_case": "tickets", "rows": 2, "people": 3, "measure": "nominal", "share": 0.5, "alpha": told["alpha"],
        "differ": ["b"],
    }  # fmt: skip
    assert told["alpha"] == pytest.approx(alpha([["access", "access"], ["other", "access"]], nominal=True))
    assert agreement(CASE, [])["share"] is None
