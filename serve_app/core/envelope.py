"""The answer as the client gets it, one JSON object a prediction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple

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
    floats,
)
from serve_app.core.standing import InForce

ALL = slice(None)


class Said(NamedTuple):
    """What the student said of one row. ``part``: as the client gets it, None on a cold start; ``best``: the
    place of the class; ``probabilities``: of every class, which later learning needs."""

    part: dict[str, Any] | None
    best: int | None = None
    probabilities: list[float] | None = None

    def logged(self) -> dict[str, Any] | None:
        """The student's full answer for the log."""
        if self.part is None:
            return None
        return dict(self.part) if self.probabilities is None else {**self.part, "probabilities": self.probabilities}


def student_part(answers: StudentAnswers, row: int) -> dict[str, Any] | None:
    """What the student said of one row, None on a cold start."""
    return said(answers, slice(row, row + 1))[0].part


def said(answers: StudentAnswers, rows: slice = ALL) -> list[Said]:
    """One a row. A batch at a time: to reach into an array for every row takes longer than all the rest."""
    match answers:
        case NoStudent():
            return [Said(None)] * len(range(answers.rows)[rows])
        case ClassAnswers():
            chances = answers.probabilities[rows]
            each = zip(np.argmax(chances, axis=1).tolist(), chances.tolist(), strict=True)
            return [Said(_class(answers, best, own), best, own) for best, own in each]
        case ValueAnswers():
            values = zip(*(floats(part[rows]) for part in (answers.value, answers.low, answers.high)), strict=True)
            return [Said({"value": value, "interval": [low, high]}) for value, low, high in values]


def _class(answers: ClassAnswers, best: int, chances: list[float]) -> dict[str, Any]:
    return {"label": answers.classes[best], "confidence": chances[best]}


def teacher_part(reply: TeacherReply | None) -> dict[str, Any] | None:
    """The teacher's answer, None when it was not asked or failed (then ``reason`` says why)."""
    return reply.as_dict() if isinstance(reply, TeacherAnswer) else None


def version_of(answers: StudentAnswers) -> str | None:
    return None if isinstance(answers, NoStudent) else answers.model_version


def envelope(
    prediction_id: str,
    use_case: str,
    answers: StudentAnswers,
    own: Said,
    reply: TeacherReply | None,
    verdict: Verdict,
    act: Act,
    policy_version: str,
    regression: bool,
    force: InForce | None = None,
    audited: bool = False,
) -> dict[str, Any]:
    """``own``: what the student ``said`` of the row; ``force``: what a certified cascade went by; ``audited``:
    chance chose the row for the teacher."""
    replies = {} if reply is None else {0: reply}
    return envelopes(
        [prediction_id], use_case, answers, [own], replies, [verdict], [act], policy_version, regression, force,
        [audited],
    )[0]  # fmt: skip


def envelopes(
    ids: Sequence[str],
    use_case: str,
    answers: StudentAnswers,
    every: Sequence[Said],
    replies: Mapping[int, TeacherReply],
    verdicts: Sequence[Verdict],
    acts: Sequence[Act],
    policy_version: str,
    regression: bool,
    force: InForce | None = None,
    audited: Sequence[bool] | None = None,
) -> list[dict[str, Any]]:
    """``envelope`` of each row, in order; ``replies`` by row. What many rows have in common is made up once and is
    one object in all of them."""
    version, certificates = version_of(answers), _certificates(every, force)
    rows = zip(ids, every, verdicts, _decisions(acts), audited or repeat(False, len(ids)), strict=True)
    return [
        {
            "id": prediction_id,
            "use_case": use_case,
            "prediction": verdict.prediction(regression),
            "source": verdict.source,
            "student": own.part,
            "teacher": teacher_part(replies.get(row)) if replies else None,
            "decision": decision,
            "certificate": certificates.get(own.best),
            "audited": chosen,
            "model_version": version,
            "policy_version": policy_version,
            "degraded": verdict.degraded,
            "reason": verdict.reason,
        }
        for row, (prediction_id, own, verdict, decision, chosen) in enumerate(rows)
    ]


def _decisions(acts: Sequence[Act]) -> Iterator[dict[str, Any]]:
    known: dict[tuple[str, str | None], dict[str, Any]] = {}
    for act in acts:
        action, target, details = act
        if details is not None:
            yield act.as_dict()
            continue
        told = known.get((action, target))
        if told is None:
            told = known[action, target] = act.as_dict()
        yield told


def _certificates(every: Sequence[Said], force: InForce | None) -> dict[int | None, dict[str, Any]]:
    """By the class that a student answered with; of none where the cascade goes by no certificate."""
    return {} if force is None else {own.best: force.told(own.best) for own in every if own.best is not None}
