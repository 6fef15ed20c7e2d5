"""The review queue: which predictions want a person most, and how well people agree who looked at the same.

A row is in the queue where student and teacher disagree, where nobody answered, or where the teacher could
not be asked. It ranks by

    disagreement x value x uncertainty

``value`` is that of the dearest class in play (``budget.value``), ``uncertainty`` one less the student's
confidence. Nobody sees what others said of a row before they have spoken.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from serve_app.core.events import Label, LoggedPrediction
from serve_app.core.ports import Review
from serve_app.core.use_case import Classification, UseCase

Why = Literal["disagreement", "unanswered", "degraded"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """``disagreement`` and ``uncertainty`` in [0, 1]; ``value``: how many times an ordinary row's."""

    prediction: LoggedPrediction
    why: Why
    disagreement: float
    value: float
    uncertainty: float

    @property
    def score(self) -> float:
        return self.disagreement * self.value * self.uncertainty

    def as_dict(self) -> dict[str, Any]:
        """As a reviewer sees it: what was asked and answered, and why it is here."""
        logged = self.prediction
        answer = logged.answer
        return {
            "id": logged.id,
            "at": logged.at.isoformat(),
            "features": logged.features,
            "student": answer.get("student"),
            "teacher": answer.get("teacher"),
            "prediction": answer.get("prediction"),
            "decision": answer.get("decision"),
            "why": self.why,
            "score": self.score,
            "disagreement": self.disagreement,
            "value": self.value,
            "uncertainty": self.uncertainty,
        }


@dataclass(slots=True)
class Seen:
    """Of one row: who has labelled it, and who would rather not."""

    labelled: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)


def seen(labels: Iterable[Label], reviews: Iterable[Review]) -> dict[str, Seen]:
    """By prediction. Feedback that came outside the queue is a label like any other."""
    found: defaultdict[str, Seen] = defaultdict(Seen)
    for label in labels:
        found[label.prediction_id].labelled.add(label.by)
    for review in reviews:
        said = review.label is not None or review.value is not None
        (found[review.prediction_id].labelled if said else found[review.prediction_id].skipped).add(review.by)
    return dict(found)


def queue(use_case: UseCase, logged: Sequence[LoggedPrediction], known: Mapping[str, Seen], by: str) -> list[Candidate]:
    """For ``by``, the one that wants a person most first; those alike by their ids."""
    open_ones = (one for one in logged if _is_open(use_case, one.id, known.get(one.id, Seen()), by))
    wanted = (candidate(use_case, one) for one in open_ones)
    return sorted((one for one in wanted if one is not None), key=lambda one: (-one.score, one.prediction.id))


def candidate(use_case: UseCase, logged: LoggedPrediction) -> Candidate | None:
    """None for a row that wants nobody."""
    why, disagreement = _why(logged)
    if why is None:
        return None
    return Candidate(logged, why, disagreement, _value(use_case, logged), _uncertainty(logged))


def is_double(prediction_id: str, share: float) -> bool:
    """Whether a row is shown to two people: by a hash of its id, ``share`` of all rows."""
    place = int.from_bytes(hashlib.sha256(f"double:{prediction_id}".encode()).digest()[:8], "big")
    return place / 2**64 < share


def _is_open(use_case: UseCase, prediction_id: str, so_far: Seen, by: str) -> bool:
    people = 2 if is_double(prediction_id, use_case.review.double_share) else 1
    return by not in so_far.labelled | so_far.skipped and len(so_far.labelled) < people


def _why(logged: LoggedPrediction) -> tuple[Why | None, float]:
    answer, student, teacher = logged.answer, logged.student, logged.teacher
    said = answer.get("prediction") or {}
    if said.get("label") is None and said.get("value") is None:
        return "unanswered", 1.0
    if student is not None and teacher is not None:
        apart = _apart(student, teacher)
        return ("disagreement", apart) if apart > 0 else (None, 0.0)
    return ("degraded", 1.0) if answer.get("degraded") else (None, 0.0)


def _apart(student: Mapping[str, Any], teacher: Mapping[str, Any]) -> float:
    """Of classes 0 or 1; of numbers how far the teacher's lies outside the student's interval, in widths of
    it, at most 1."""
    if "interval" not in student:
        return float(student.get("label") != teacher.get("label"))
    value = teacher.get("value")
    if value is None:
        return 0.0
    low, high = student["interval"]
    outside = max(low - value, value - high, 0.0)
    return min(outside / (high - low), 1.0) if high > low else float(outside > 0)


def _value(use_case: UseCase, logged: LoggedPrediction) -> float:
    sides = (logged.student, logged.teacher, logged.answer.get("prediction"))
    labels = {str(side["label"]) for side in sides if side and side.get("label") is not None}
    return max((use_case.budget.value.get(label, 1.0) for label in labels), default=1.0)


def _uncertainty(logged: LoggedPrediction) -> float:
    """1 without a student. Of numbers: the interval's width over the value, at most 1."""
    student = logged.student
    if student is None:
        return 1.0
    if "interval" not in student:
        return float(1.0 - student.get("confidence", 0.0))
    low, high = student["interval"]
    return float(min((high - low) / abs(student["value"]), 1.0)) if student["value"] else 1.0


def agreement(use_case: UseCase, reviews: Iterable[Review]) -> dict[str, Any]:
    """Of rows that two people labelled: ``share`` of the pairs that say the same, and ``alpha``
    (Krippendorff's, nominal for classes, interval for numbers), None where it is not defined. ``reviews``
    newest first: of one person the newest of a row counts."""
    nominal = isinstance(use_case.target, Classification)
    units = _units(reviews, nominal)
    both = {which: list(said.values()) for which, said in units.items() if len(said) > 1}
    pairs = [(one, other) for said in both.values() for at, one in enumerate(said) for other in said[at + 1 :]]
    differ = sorted(which for which, said in both.items() if len(set(said)) > 1)
    return {
        "use_case": use_case.name,
        "rows": len(both),
        "people": len({person for which in both for person in units[which]}),
        "measure": "nominal" if nominal else "interval",
        "share": sum(one == other for one, other in pairs) / len(pairs) if pairs else None,
        "alpha": alpha(list(both.values()), nominal),
        "differ": differ[:100],
    }


def _units(reviews: Iterable[Review], nominal: bool) -> dict[str, dict[str, Any]]:
    found: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for review in reviews:
        said = review.label if nominal else review.value
        if said is not None:
            found[review.prediction_id].setdefault(review.by, said)
    return found


def alpha(units: Sequence[Sequence[Any]], nominal: bool) -> float | None:
    """Krippendorff's alpha, 1 - observed / expected disagreement (Krippendorff, Content Analysis, 2004,
    section 11.3): any number of people, none of whom need have seen every unit. 1 is perfect, 0 is chance.
    None without two values to a unit, and where everybody always said the same: nothing is expected then."""
    pairable = [list(unit) for unit in units if len(unit) > 1]
    values = [value for unit in pairable for value in unit]
    expected = _expected(values, nominal) if values else 0.0
    if expected == 0:
        return None
    observed = sum(_within(unit, nominal) / (len(unit) - 1) for unit in pairable) / len(values)
    return float(1 - observed / expected)


def _within(unit: Sequence[Any], nominal: bool) -> float:
    """Summed over ordered pairs."""
    if nominal:
        return float(len(unit) ** 2 - sum(count**2 for count in Counter(unit).values()))
    return float(2 * len(unit) * np.sum((np.array(unit, dtype=np.float64) - np.mean(unit)) ** 2))


def _expected(values: Sequence[Any], nominal: bool) -> float:
    """The mean over ordered pairs of all values."""
    return _within(values, nominal) / (len(values) * (len(values) - 1))
