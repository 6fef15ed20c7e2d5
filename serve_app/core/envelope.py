"""The answer as the client gets it, one JSON object a prediction."""

from __future__ import annotations

from typing import Any

import numpy as np

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


def student_part(answers: StudentAnswers, row: int) -> dict[str, Any] | None:
    """What the student said of one row, None on a cold start."""
    match answers:
        case NoStudent():
            return None
        case ClassAnswers():
            best = int(np.argmax(answers.probabilities[row]))
            return {"label": answers.classes[best], "confidence": float(answers.probabilities[row, best])}
        case ValueAnswers():
            return {"value": float(answers.value[row]), "interval": [float(answers.low[row]), float(answers.high[row])]}


def logged_student(answers: StudentAnswers, row: int) -> dict[str, Any] | None:
    """The student's full answer for the log: every class's probability, which later learning needs."""
    part = student_part(answers, row)
    if part is None or not isinstance(answers, ClassAnswers):
        return part
    return {**part, "probabilities": [float(p) for p in answers.probabilities[row]]}


def teacher_part(reply: TeacherReply | None) -> dict[str, Any] | None:
    """The teacher's answer, None when it was not asked or failed (then ``reason`` says why)."""
    return reply.as_dict() if isinstance(reply, TeacherAnswer) else None


def version_of(answers: StudentAnswers) -> str | None:
    return None if isinstance(answers, NoStudent) else answers.model_version


def envelope(
    prediction_id: str,
    use_case: str,
    answers: StudentAnswers,
    row: int,
    reply: TeacherReply | None,
    verdict: Verdict,
    act: Act,
    policy_version: str,
    regression: bool,
) -> dict[str, Any]:
    return {
        "id": prediction_id,
        "use_case": use_case,
        "prediction": verdict.prediction(regression),
        "source": verdict.source,
        "student": student_part(answers, row),
        "teacher": teacher_part(reply),
        "decision": act.as_dict(),
        "model_version": version_of(answers),
        "policy_version": policy_version,
        "degraded": verdict.degraded,
        "reason": verdict.reason,
    }
