"""The log as bills and replays read it: a period, page by page, without the features.

A row that the student answered alone says nothing of what the teacher would have said. Rows that chance chose
for audit do, and each stands for as many others as the audit passed over: 1/p - 1 of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from serve_app.core.events import Label, LoggedPrediction
from serve_app.core.provenance import Said, settle

Fate = Literal["called", "student", "cache", "budget", "failed"]
"""What became of the question to the teacher: it was ``called`` and answered; the ``student`` answered alone;
the answer was kept from before; the ``budget`` was short; or the call ``failed`` (no teacher at all included)."""

Answer = str | tuple[float, float]
"""A class, or the interval of a number (of no width where there is only the number)."""

KEPT = ("prediction", "source", "degraded", "reason")
"""What is read of the answer that was sent."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One answered prediction. ``student`` without its probabilities unless they were asked for; ``answer``:
    the parts ``KEPT``; ``person``: what people say of it, by the rules of ``core/provenance.py``."""

    id: str
    at: datetime
    student: Mapping[str, Any] | None
    teacher: Mapping[str, Any] | None
    answer: Mapping[str, Any]
    model_version: str | None
    propensity: float
    audit_rate: float | None
    cost_usd: float
    user: str | None = None
    person: str | float | None = None

    @property
    def audited(self) -> bool:
        return self.audit_rate is not None

    @property
    def deferred(self) -> bool:
        """Whether it was the teacher's for certain, and not by chance."""
        return self.propensity >= 1

    @property
    def served(self) -> Answer | None:
        return answer_of(self.answer.get("prediction"))

    @property
    def alone(self) -> Answer | None:
        """What the student said."""
        return answer_of(self.student)

    @property
    def taught(self) -> str | float | None:
        """What the teacher said."""
        return None if self.teacher is None else _reference(self.teacher)


def entry_of(logged: LoggedPrediction, labels: Sequence[Label], probabilities: bool) -> Entry:
    return Entry(
        logged.id,
        logged.at,
        student_of(logged.student, probabilities),
        logged.teacher,
        parts_of(logged.answer),
        logged.model_version,
        logged.propensity,
        logged.audit_rate,
        logged.cost_usd,
        logged.user,
        said_by_people(labels),
    )


def student_of(student: Mapping[str, Any] | None, probabilities: bool) -> Mapping[str, Any] | None:
    if student is None or probabilities:
        return student
    return {name: value for name, value in student.items() if name != "probabilities"}


def parts_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: answer.get(name) for name in KEPT}


def said_by_people(labels: Sequence[Label]) -> str | float | None:
    """None where nobody said anything, or as many one thing as another."""
    said = [Said("person", one.by, one.at, one.id, value) for one in labels if (value := _word(one)) is not None]
    return settle(said).label if said else None


def _word(label: Label) -> str | float | None:
    return label.value if label.label is None else label.label


def fate(entry: Entry) -> Fate:
    if entry.teacher is not None:
        return "cache" if entry.teacher.get("cached") else "called"
    if entry.answer.get("source") != "student_fallback":
        return "student"
    # A cold start names both: "cold_start, budget".
    return "budget" if "budget" in (entry.answer.get("reason") or "").split(", ") else "failed"


def answer_of(part: Mapping[str, Any] | None) -> Answer | None:
    """Of the student's part, or of what was served."""
    if part is None:
        return None
    if part.get("value") is None:
        return part.get("label")
    low, high = part.get("interval") or (part["value"], part["value"])
    return float(low), float(high)


def same(answer: Answer | None, reference: str | float) -> bool:
    """Whether an answer is right by a reference: the same class, or an interval that holds the number."""
    if isinstance(answer, tuple):
        return isinstance(reference, float | int) and answer[0] <= reference <= answer[1]
    return answer == reference


def _reference(teacher: Mapping[str, Any]) -> str | float | None:
    value = teacher.get("value")
    return teacher.get("label") if value is None else float(value)
