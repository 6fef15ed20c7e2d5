"""The cascade: which rows the student keeps, which go to the teacher, and who wins.

    confidence >= threshold of its class  -> the student keeps it
    otherwise the teacher is asked:
        no usable answer                  -> student_fallback, degraded, with the reason; or nobody's, where
                                             what is not paid for is left to a person
        same label                        -> agreement, with a higher confidence
        another label                     -> arbitration by the configured rule

``teacher_wins`` is the default rule. Keeping the student on disagreement throws every LLM call
away: the row was deferred because the student was unsure, and on Financial PhraseBank and IMDB
accuracy goes from 84 to 92 % when the teacher wins instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

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
    floats,
)
from serve_app.core.config import Config
from serve_app.core.grounds import Grounds
from serve_app.core.standing import NEVER, InForce

Share = Annotated[float, Field(ge=0, le=1)]
Arbitration = Literal["teacher_wins", "higher_confidence", "student", "learned"]
"""``learned``: by the pair of classes, as gold has shown (``core/arbitration.py``); ``teacher_wins`` until then."""


class FixedCascade(Config):
    """A threshold chosen by a person. ``defer_when_wider_than`` is for numbers: the interval's width
    over the value, above which a row is deferred (None: never). ``audit_rate``: the share of all rows,
    chosen at random whatever the confidence, that the teacher is asked about as well."""

    kind: Literal["fixed"]
    threshold: Share = 0.8
    per_class: dict[str, Share] = {}
    arbitration: Arbitration = "teacher_wins"
    defer_when_wider_than: Annotated[float, Field(gt=0)] | None = None
    audit_rate: Share = 0.0


class CertifiedCascade(Config):
    """Thresholds that come with the student, in its certificate: of the rows that it answers by itself at
    least ``target`` agree with the ``reference``, save with a chance of ``delta``; ``per_class``: so for
    each class that it answers, not only over all. What cannot be certified is deferred. ``audit_rate``:
    the share of all rows, chosen at random whatever the confidence, that the teacher is asked about as
    well: nothing else is evidence, besides gold."""

    kind: Literal["certified"]
    target: Annotated[float, Field(gt=0, lt=1)] = 0.95
    reference: Literal["teacher", "gold"] = "teacher"
    delta: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    per_class: bool = True
    audit_rate: Annotated[float, Field(gt=0, le=1)] = 0.02
    arbitration: Arbitration = "teacher_wins"


Cascade = Annotated[FixedCascade | CertifiedCascade, Field(discriminator="kind")]


def should_defer(policy: Cascade, answers: StudentAnswers, force: InForce | None = None) -> npt.NDArray[np.bool_]:
    """Which rows go to the teacher because of what the student said: (n,) of bool. ``force``: what a
    certified cascade goes by; without it nothing is certified."""
    match answers:
        case NoStudent():
            return np.ones(len(answers), dtype=bool)
        case ValueAnswers():
            return _too_wide(policy, answers)
        case ClassAnswers():
            confidence = answers.probabilities.max(axis=1)
            return np.asarray(confidence < thresholds(policy, answers.classes, force)[answers.best()])


def thresholds(policy: Cascade, classes: Sequence[str], force: InForce | None = None) -> npt.NDArray[np.float64]:
    """The threshold of each class, in the order of ``classes``."""
    if isinstance(policy, CertifiedCascade):
        return np.full(len(classes), NEVER) if force is None else force.thresholds
    return np.array([policy.per_class.get(name, policy.threshold) for name in classes])


def chosen(policy: Cascade, draws: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """The rows that are audited: (n,) of bool. ``draws``: (n,) uniform in [0, 1), of nothing but chance."""
    return np.asarray(draws < policy.audit_rate)


def propensity(policy: Cascade, deferred: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """How likely each row was to be sent to the teacher: a deferred one for certain, another by chance."""
    return np.where(deferred, 1.0, policy.audit_rate)


def _too_wide(policy: Cascade, answers: ValueAnswers) -> npt.NDArray[np.bool_]:
    if isinstance(policy, CertifiedCascade) or policy.defer_when_wider_than is None:
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
    said = _said(answers, positive)
    if not replies and isinstance(answers, ClassAnswers):  # nobody else spoke
        return [Verdict("student", *own) for own in said]
    return [_settle_row(policy, answers, own, replies.get(row), reliability, positive) for row, own in enumerate(said)]


def _said(answers: StudentAnswers, positive: str | None) -> list[Any]:
    """By row: label, confidence and score, or value, low and high. Lists, since to reach into an array for
    every row takes longer than to settle it."""
    match answers:
        case NoStudent():
            return [None] * len(answers)
        case ValueAnswers():
            return list(zip(*map(floats, (answers.value, answers.low, answers.high)), strict=True))
        case ClassAnswers():
            best, chances = answers.best(), answers.probabilities
            labels = [answers.classes[each] for each in best.tolist()]
            scores = [None] * len(best) if positive is None else floats(chances[:, answers.classes.index(positive)])
            return list(zip(labels, floats(chances[np.arange(len(best)), best]), scores, strict=True))


def _settle_row(
    policy: Cascade,
    answers: StudentAnswers,
    own: Any,
    reply: TeacherReply | None,
    reliability: float,
    positive: str | None,
) -> Verdict:
    if isinstance(reply, TeacherFailure) and reply.to_person and not isinstance(answers, NoStudent):
        return Verdict("student_fallback", degraded=True, reason=reply.reason)
    match answers:
        case ClassAnswers():
            return _settle_class(policy, answers, own, reply, reliability, positive)
        case ValueAnswers():
            return _settle_value(policy, own, reply)
        case NoStudent():
            return _settle_alone(answers, reply, reliability, positive)


def _settle_class(
    policy: Cascade,
    answers: ClassAnswers,
    own: tuple[str, float, float | None],
    reply: TeacherReply | None,
    reliability: float,
    positive: str | None,
) -> Verdict:
    label, confidence, own_score = own
    if reply is None:
        return Verdict("student", label, confidence, own_score)
    if isinstance(reply, TeacherFailure):
        return Verdict("student_fallback", label, confidence, own_score, degraded=True, reason=reply.reason)
    theirs = _trust(reply, reliability)
    if reply.label == label:
        both = agreement(confidence, reliability, len(answers.classes))
        return Verdict("agreement", label, both, _score(label, both, positive))
    rule = policy.arbitration
    if _teacher_wins(rule, (label, confidence), (str(reply.label), theirs), answers.grounds):
        return Verdict("arbitration", reply.label, theirs, _score(reply.label, theirs, positive), reason=rule)
    return Verdict("arbitration", label, confidence, own_score, reason=rule)


def _settle_value(policy: Cascade, own: tuple[float, float, float], reply: TeacherReply | None) -> Verdict:
    value, interval = own[0], own[1:]
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


Said = tuple[str, float]
"""A label and the confidence in it."""


def _teacher_wins(rule: Arbitration, student: Said, teacher: Said, grounds: Grounds | None) -> bool:
    if rule == "higher_confidence":
        return teacher[1] >= student[1]
    if rule == "learned" and grounds is not None and grounds.arbiter is not None:
        return grounds.arbiter.winner(student[0], teacher[0]) == "teacher"
    return rule != "student"


def _trust(reply: TeacherAnswer, reliability: float) -> float:
    """LLMs state confidences that are not calibrated, so a stated one never lifts the trust above
    what is configured; it may lower it."""
    return reliability if reply.confidence is None else min(reliability, reply.confidence)


def _score(label: str | None, confidence: float, positive: str | None) -> float | None:
    if positive is None:
        return None
    return confidence if label == positive else 1 - confidence
