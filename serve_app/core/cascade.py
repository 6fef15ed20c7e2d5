"""The cascade: which rows the student keeps, which go to the teacher, and who wins.

    confidence >= threshold of its class  -> the student keeps it
    otherwise the teacher is asked:
        no usable answer                  -> student_fallback, degraded, with the reason
        same label                        -> agreement, with a higher confidence
        another label                     -> arbitration by the configured rule

``teacher_wins`` is the default rule. Keeping the student on disagreement throws every LLM call
away: the row was deferred because the student was unsure, and on Financial PhraseBank and IMDB
accuracy goes from 84 to 92 % when the teacher wins instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from serve_app.core.answers import (
    ClassAnswers,
    NoStudent,
    StudentAnswers,
    TeacherAnswer,
    TeacherFailure,
    TeacherReply,
    ValueAnswers,
    Verdict,
)
from serve_app.core.config import Config

Share = Annotated[float, Field(ge=0, le=1)]
Arbitration = Literal["teacher_wins", "higher_confidence", "student"]


class FixedCascade(Config):
    """A threshold chosen by a person. ``defer_when_wider_than`` is for numbers: the interval's width
    over the value, above which a row is deferred (None: never)."""

    kind: Literal["fixed"]
    threshold: Share = 0.8
    per_class: dict[str, Share] = {}
    arbitration: Arbitration = "teacher_wins"
    defer_when_wider_than: Annotated[float, Field(gt=0)] | None = None


Cascade = FixedCascade


def should_defer(policy: Cascade, answers: StudentAnswers) -> npt.NDArray[np.bool_]:
    """Which rows go to the teacher: (n,) of bool."""
    match answers:
        case NoStudent():
            return np.ones(len(answers), dtype=bool)
        case ValueAnswers():
            return _too_wide(policy, answers)
        case ClassAnswers():
            confidence = answers.probabilities.max(axis=1)
            return np.asarray(confidence < thresholds(policy, answers.classes)[answers.best()])


def thresholds(policy: Cascade, classes: Sequence[str]) -> npt.NDArray[np.float64]:
    """The threshold of each class, in the order of ``classes``."""
    return np.array([policy.per_class.get(name, policy.threshold) for name in classes])


def propensity(deferred: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """How likely each row was to be sent to the teacher. A fixed threshold leaves nothing to chance."""
    return deferred.astype(np.float64)


def _too_wide(policy: Cascade, answers: ValueAnswers) -> npt.NDArray[np.bool_]:
    if policy.defer_when_wider_than is None:
        return np.zeros(len(answers), dtype=bool)
    width = answers.high - answers.low
    return np.asarray(width > policy.defer_when_wider_than * np.abs(answers.value))


def settle(
    policy: Cascade,
    answers: StudentAnswers,
    replies: dict[int, TeacherReply],
    reliability: float,
    positive: str | None = None,
) -> list[Verdict]:
    """One verdict a row. ``replies`` holds the teacher's reply by row index, for deferred rows only;
    ``reliability`` is how often the teacher is taken to be right."""
    return [_settle_row(policy, answers, row, replies.get(row), reliability, positive) for row in range(len(answers))]


def _settle_row(
    policy: Cascade,
    answers: StudentAnswers,
    row: int,
    reply: TeacherReply | None,
    reliability: float,
    positive: str | None,
) -> Verdict:
    match answers:
        case ClassAnswers():
            return _settle_class(policy, answers, row, reply, reliability, positive)
        case ValueAnswers():
            return _settle_value(policy, answers, row, reply)
        case NoStudent():
            return _settle_alone(answers, reply, reliability, positive)


def _settle_class(
    policy: Cascade,
    answers: ClassAnswers,
    row: int,
    reply: TeacherReply | None,
    reliability: float,
    positive: str | None,
) -> Verdict:
    chances = answers.probabilities[row]
    best = int(np.argmax(chances))
    label, confidence = answers.classes[best], float(chances[best])
    own_score = None if positive is None else float(chances[answers.classes.index(positive)])
    if reply is None:
        return Verdict("student", label, confidence, own_score)
    if isinstance(reply, TeacherFailure):
        return Verdict("student_fallback", label, confidence, own_score, degraded=True, reason=reply.reason)
    theirs = _trust(reply, reliability)
    if reply.label == label:
        both = agreement(confidence, reliability, len(answers.classes))
        return Verdict("agreement", label, both, _score(label, both, positive))
    rule = policy.arbitration
    if _teacher_wins(rule, confidence, theirs):
        return Verdict("arbitration", reply.label, theirs, _score(reply.label, theirs, positive), reason=rule)
    return Verdict("arbitration", label, confidence, own_score, reason=rule)


def _settle_value(policy: Cascade, answers: ValueAnswers, row: int, reply: TeacherReply | None) -> Verdict:
    value = float(answers.value[row])
    interval = (float(answers.low[row]), float(answers.high[row]))
    if reply is None:
        return Verdict("student", value=value, interval=interval)
    if isinstance(reply, TeacherFailure):
        return Verdict("student_fallback", value=value, interval=interval, degraded=True, reason=reply.reason)
    theirs = float(reply.value if reply.value is not None else value)
    if interval[0] <= theirs <= interval[1]:
        return Verdict("agreement", value=value, interval=interval)
    if policy.arbitration == "student":
        return Verdict("arbitration", value=value, interval=interval, reason=policy.arbitration)
    return Verdict("arbitration", value=theirs, reason=policy.arbitration)


def _settle_alone(answers: NoStudent, reply: TeacherReply | None, reliability: float, positive: str | None) -> Verdict:
    """No champion yet. With no teacher either, nobody answers: the row is kept for a person to label."""
    if isinstance(reply, TeacherAnswer):
        if reply.label is None:
            return Verdict("teacher", value=reply.value, reason=answers.reason)
        theirs = _trust(reply, reliability)
        return Verdict("teacher", reply.label, theirs, _score(reply.label, theirs, positive), reason=answers.reason)
    why = reply.reason if isinstance(reply, TeacherFailure) else "no_teacher"
    return Verdict("student_fallback", degraded=True, reason=f"{answers.reason}, {why}")


def agreement(student: float, teacher: float, classes: int) -> float:
    """The chance that both are right, given that they agree (Bayes, errors independent and spread
    evenly over the other classes): s·t / (s·t + (1-s)(1-t)/(k-1)).

    Never below ``student`` as long as the teacher is better than chance (t > 1/k).
    """
    right = student * teacher
    wrong = (1 - student) * (1 - teacher) / max(classes - 1, 1)
    return right / (right + wrong) if right + wrong > 0 else student


def _teacher_wins(rule: Arbitration, student: float, teacher: float) -> bool:
    if rule == "higher_confidence":
        return teacher >= student
    return rule == "teacher_wins"


def _trust(reply: TeacherAnswer, reliability: float) -> float:
    """LLMs state confidences that are not calibrated, so a stated one never lifts the trust above
    what is configured; it may lower it."""
    return reliability if reply.confidence is None else min(reliability, reply.confidence)


def _score(label: str | None, confidence: float, positive: str | None) -> float | None:
    if positive is None:
        return None
    return confidence if label == positive else 1 - confidence
