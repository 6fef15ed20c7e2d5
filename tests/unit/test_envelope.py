"""The parts of an answer: what each side said."""

from __future__ import annotations

import numpy as np
import pytest

from serve_app.core.answers import (
    Act,
    ClassAnswers,
    NoStudent,
    StudentAnswers,
    TeacherAnswer,
    TeacherFailure,
    TeacherReply,
    ValueAnswers,
    Verdict,
)
from serve_app.core.envelope import envelope, said, student_part, teacher_part, version_of

CLASSES = ClassAnswers(("no", "yes"), np.array([[0.25, 0.75], [0.5, 0.5]]), "7")
VALUES = ValueAnswers(np.array([2.0]), np.array([1.0]), np.array([4.0]), "8")
COLD = NoStudent(1)


@pytest.mark.parametrize(
    ("answers", "row", "part"),
    [
        (CLASSES, 0, {"label": "yes", "confidence": 0.75}),
        (CLASSES, 1, {"label": "no", "confidence": 0.5}),
        (VALUES, 0, {"value": 2.0, "interval": [1.0, 4.0]}),
        (COLD, 0, None),
    ],
)
def test_what_the_student_said(answers: StudentAnswers, row: int, part: dict[str, object] | None) -> None:
    assert student_part(answers, row) == part


def test_the_log_has_every_class() -> None:
    assert said(CLASSES)[0].logged() == {"label": "yes", "confidence": 0.75, "probabilities": [0.25, 0.75]}
    assert said(VALUES)[0].logged() == student_part(VALUES, 0)
    assert said(COLD)[0].logged() is None


@pytest.mark.parametrize(("answers", "version"), [(CLASSES, "7"), (VALUES, "8"), (COLD, None)])
def test_which_model_it_was(answers: StudentAnswers, version: str | None) -> None:
    assert version_of(answers) == version


@pytest.mark.parametrize("reply", [None, TeacherFailure("timeout", "openai", 5.0, 0.1)])
def test_a_teacher_that_said_nothing_has_no_part(reply: TeacherReply | None) -> None:
    assert teacher_part(reply) is None


def test_what_the_teacher_said() -> None:
    part = teacher_part(TeacherAnswer("openai", "m", "yes", latency_ms=3.0, cost_usd=0.1))
    assert part["label"] == "yes"
    assert part["confidence"] is None, "that none was stated is told"
    assert "value" not in part


def test_the_answer_says_all_of_it_once() -> None:
    verdict = Verdict("arbitration", "no", 0.9, 0.1, reason="teacher_wins")
    reply = TeacherAnswer("openai", "m", "no", confidence=0.95)
    answer = envelope(
        "id", "knots", CLASSES, said(CLASSES)[0], reply, verdict, Act("OK", details={"score": 0.1}), "p", False
    )
    assert list(answer) == [
        "id", "use_case", "prediction", "source", "student", "teacher", "decision", "certificate",
        "audited", "model_version", "policy_version", "degraded", "reason",
    ]  # fmt: skip
    assert answer["prediction"] == {"label": "no", "confidence": 0.9, "score": 0.1}
    assert answer["student"] == {"label": "yes", "confidence": 0.75}
    assert answer["decision"] == {"action": "OK", "score": 0.1}
    assert answer["reason"] == "teacher_wins"


def test_a_batch_says_what_its_rows_say() -> None:
    for answers in (CLASSES, VALUES, NoStudent(3)):
        assert [each.part for each in said(answers)] == [student_part(answers, row) for row in range(len(answers))]
    first, second = said(CLASSES)
    assert (first.best, second.best) == (1, 0)
