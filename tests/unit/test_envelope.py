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
from serve_app.core.envelope import envelope, envelopes, said, student_part, teacher_part, version_of
from serve_app.core.standing import NEVER, InForce

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


def test_an_answer_is_the_same_alone_and_among_others() -> None:
    """Whatever its neighbours are: decided alike or not, asked about, audited, certified."""
    every, force = said(CLASSES), InForce(np.array([0.7, NEVER]), ("certified", "not_certified"))
    asked = TeacherAnswer("openai", "m", "no", confidence=0.95)
    verdicts = [Verdict("student", "yes", 0.75, 0.75), Verdict("arbitration", "no", 0.95, 0.05, reason="teacher_wins")]
    for acts in (
        [Act("ROUTE", "desk"), Act("ROUTE", "desk")],
        [Act("ROUTE", "desk"), Act("ROUTE")],
        [Act("OK", details={"score": 0.1}), Act("OK", details={"score": 0.2})],
    ):
        rest = ("p", False, force)
        together = envelopes(["a", "b"], "knots", CLASSES, every, {1: asked}, verdicts, acts, *rest, [False, True])
        alone = [
            envelope("a", "knots", CLASSES, every[0], None, verdicts[0], acts[0], *rest, False),
            envelope("b", "knots", CLASSES, every[1], asked, verdicts[1], acts[1], *rest, True),
        ]
        assert together == alone
        assert [each["decision"] for each in together] == [act.as_dict() for act in acts]
        assert [each["certificate"] for each in together] == [force.told(1), force.told(0)]


def test_as_many_rows_as_there_are_ids() -> None:
    with pytest.raises(ValueError, match="argument"):
        envelopes(["a"], "knots", CLASSES, said(CLASSES), {}, [Verdict("student")], [Act("OK")], "p", False)
