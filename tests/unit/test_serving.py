"""A batch in two halves: whatever part of it is taken, each row keeps what is its own."""

from __future__ import annotations

import pickle
from collections.abc import Sequence

import numpy as np
import pytest

from serve_app.core.answers import (
    Act,
    ClassAnswers,
    NoStudent,
    StudentAnswers,
    TeacherAnswer,
    TeacherReply,
    ValueAnswers,
    Verdict,
)
from serve_app.core.arbitration import Arbiter, Pair
from serve_app.core.certificate import Certificate, ClassCertificate
from serve_app.core.grounds import Grounds
from serve_app.core.rows import Rows, text_column
from serve_app.core.serving import Consulted, Screened, Settled

COUNT = 23
NAMES = text_column([f"row{number}" for number in range(COUNT)])
CLASSES = ClassAnswers(("a", "b"), np.column_stack([np.arange(COUNT) / COUNT, 1 - np.arange(COUNT) / COUNT]), "1")
NUMBERS = ValueAnswers(np.arange(COUNT) + 0.0, np.arange(COUNT) - 1.0, np.arange(COUNT) + 1.0, "1")


def settled(rows: Sequence[int], who: str) -> Settled:
    return Settled([Verdict("student", f"{who}{row}") for row in rows], [Act(f"{who}{row}") for row in rows])


def screened(seed: int, answers: StudentAnswers = CLASSES) -> Screened:
    rng = np.random.default_rng(seed)
    deferred, audited = rng.random(COUNT) < 0.4, rng.random(COUNT) < 0.2
    kept = np.flatnonzero(~(deferred | audited)).tolist()
    return Screened(answers, deferred, audited, settled(kept, "kept"), np.where(deferred, 1.0, 0.2), "p", 0.2)


def consulted(batch: Screened, first: int) -> Consulted:
    """The teacher answers every second row that waits."""
    rows = (first + np.flatnonzero(batch.waits)).tolist()
    said: dict[int, TeacherReply] = {
        place: TeacherAnswer("p", "m", f"said{row}") for place, row in enumerate(rows) if place % 2
    }
    return Consulted(said, settled(rows, "asked"))


@pytest.mark.parametrize("seed", range(5))
def test_every_span_of_a_batch_has_its_own_rows_settled_in_order(seed: int) -> None:
    batch = screened(seed)
    for start in range(COUNT):
        for stop in range(start, COUNT + 1):
            part = batch.span(start, stop)
            came = part.cascaded(consulted(part, start))
            expected = [f"{'asked' if batch.waits[row] else 'kept'}{row}" for row in range(start, stop)]
            assert [verdict.label for verdict in came.verdicts] == expected
            assert [act.action for act in came.acts] == expected
            assert came.propensity.tolist() == batch.propensity[start:stop].tolist()
            assert [came.is_audited(row) for row in range(stop - start)] == batch.audited[start:stop].tolist()
            assert isinstance(came.answers, ClassAnswers)
            assert came.answers.probabilities.tolist() == CLASSES.probabilities[start:stop].tolist()
            for row, reply in came.replies.items():
                assert isinstance(reply, TeacherAnswer)
                assert reply.label == f"said{start + row}"


@pytest.mark.parametrize("answers", [CLASSES, NUMBERS, NoStudent(COUNT, "schema_changed")])
def test_what_waits_goes_to_the_teacher_with_all_that_was_made_of_it(answers: StudentAnswers) -> None:
    batch = screened(1, answers).span(3, 19)
    waits = np.flatnonzero(batch.waits).tolist()
    found = batch.unsure(Rows({"name": NAMES[3:19]}))
    assert found.rows["name"].tolist() == [f"row{3 + row}" for row in waits]
    assert found.deferred.tolist() == [batch.deferred[row] for row in waits]
    assert found.audited.tolist() == [batch.audited[row] for row in waits]
    assert (len(found.answers), found.policy_version) == (len(waits), "p")
    match found.answers:
        case ClassAnswers():
            assert found.answers.probabilities[:, 0].tolist() == [(3 + row) / COUNT for row in waits]
        case ValueAnswers():
            assert found.answers.low.tolist() == [2.0 + row for row in waits]
            assert found.answers.high.tolist() == [4.0 + row for row in waits]
        case NoStudent():
            assert found.answers.reason == "schema_changed"


def test_where_nothing_waits_nobody_is_asked() -> None:
    nobody = np.zeros(2, dtype=bool)
    batch = Screened(CLASSES.take(slice(0, 2)), nobody, nobody, settled([0, 1], "kept"), np.zeros(2), "p")
    assert not batch.waits.any()
    came = batch.cascaded(None)
    assert [act.action for act in came.acts] == ["kept0", "kept1"]
    assert (came.replies, came.money_again) == ({}, None)


def test_grounds_travel_as_they_are_and_are_read_once() -> None:
    certificate = Certificate(0.9, "teacher", 0.05, 1, 0.1 + 0.2, 600, {"a": ClassCertificate(0.6, 200, 4, 0.06)})
    for grounds in (
        Grounds(certificate, Arbiter({"a": {"b": Pair("student", 9, 7, 1)}})),
        Grounds(certificate),
        Grounds(None, Arbiter({}, "student")),
        Grounds(),
    ):
        there = [pickle.loads(pickle.dumps(grounds)) for _ in range(2)]
        assert there[0] == grounds
        assert there[0] is there[1]
