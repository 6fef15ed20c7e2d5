"""What student and teacher answer, and what the cascade makes of both.

Student answers are columns (a batch), teacher answers are values one by one, since each is a call
of its own that may fail alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

Source = Literal["student", "teacher", "agreement", "arbitration", "student_fallback"]


@dataclass(frozen=True, slots=True)
class ClassAnswers:
    """``probabilities``: (n, classes), calibrated, rows sum to 1; ``classes`` name the columns."""

    classes: tuple[str, ...]
    probabilities: Floats
    model_version: str

    def __len__(self) -> int:
        return len(self.probabilities)

    def best(self) -> npt.NDArray[np.intp]:
        return np.asarray(np.argmax(self.probabilities, axis=1), dtype=np.intp)


@dataclass(frozen=True, slots=True)
class ValueAnswers:
    """``value``, ``low``, ``high``: (n,), in the target's unit, low <= value <= high."""

    value: Floats
    low: Floats
    high: Floats
    model_version: str

    def __len__(self) -> int:
        return len(self.value)


@dataclass(frozen=True, slots=True)
class NoStudent:
    """There is no champion yet: every row is deferred. ``reason`` says why."""

    rows: int
    reason: str = "cold_start"

    def __len__(self) -> int:
        return self.rows


StudentAnswers = ClassAnswers | ValueAnswers | NoStudent


@dataclass(frozen=True, slots=True)
class Question:
    """One row for the teacher: ``fields`` as validated (data, never instructions), the rendered
    ``prompt``, and the closed set of ``classes`` (empty: a number is asked for)."""

    use_case: str
    prompt: str
    fields: dict[str, Any]
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TeacherAnswer:
    """``label`` for a class, ``value`` for a number; exactly one of them is set."""

    provider: str
    model: str
    label: str | None = None
    value: float | None = None
    confidence: float | None = None
    latency_ms: float = 0.0
    cost_usd: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0

    def as_dict(self) -> dict[str, Any]:
        return {k: v for k, v in asdict(self).items() if v is not None or k in ("label", "confidence")}


Failure = Literal[
    "no_teacher", "not_recorded", "timeout", "breaker_open", "rate_limited", "server_error",
    "connection_error", "refused", "off_schema", "empty", "deadline", "overloaded", "bad_credentials", "bad_request",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class TeacherFailure:
    """The teacher gave no usable answer; an outcome, not an exception. A failed call may still cost.
    ``retry_after_s``: when the provider asks to be called again."""

    reason: Failure
    provider: str = "none"
    latency_ms: float = 0.0
    cost_usd: float = 0.0
    retry_after_s: float | None = None


TeacherReply = TeacherAnswer | TeacherFailure


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the cascade settled on for one row. ``label``/``confidence`` for classes (``score`` is the
    positive class's probability), ``value``/``interval`` for numbers; all None when nobody could
    answer."""

    source: Source
    label: str | None = None
    confidence: float | None = None
    score: float | None = None
    value: float | None = None
    interval: tuple[float, float] | None = None
    degraded: bool = False
    reason: str | None = None

    def prediction(self, regression: bool) -> dict[str, Any]:
        """The ``prediction`` part of an answer, as JSON."""
        if regression:
            return {"value": self.value, "interval": list(self.interval) if self.interval else None}
        part: dict[str, Any] = {"label": self.label, "confidence": self.confidence}
        return part if self.score is None else {**part, "score": self.score}


@dataclass(frozen=True, slots=True)
class Act:
    """What the decision policy makes of a verdict: an action, perhaps a target, and the figures it
    rests on (``details`` are spread into the answer's ``decision`` part)."""

    action: str
    target: str | None = None
    details: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        part: dict[str, Any] = {"action": self.action}
        if self.target is not None:
            part["target"] = self.target
        return {**part, **(self.details or {})}


@dataclass(frozen=True, slots=True)
class Contribution:
    """How much one feature moved one row's score (log-odds for classes, log or linear value for
    numbers); ``terms`` are the words behind a text feature."""

    feature: str
    value: Any
    contribution: float
    terms: Sequence[str] = ()

    def as_dict(self) -> dict[str, Any]:
        part: dict[str, Any] = {"feature": self.feature, "value": self.value, "contribution": self.contribution}
        return {**part, "terms": list(self.terms)} if self.terms else part


@dataclass(frozen=True, slots=True)
class Explanation:
    """``contributions`` are sorted by size; with ``base`` they sum to ``output``, the raw score of
    ``label`` (None for numbers)."""

    base: float
    output: float
    contributions: tuple[Contribution, ...]
    label: str | None
    model_version: str

    def as_dict(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "base": self.base,
            "output": self.output,
            "contributions": [c.as_dict() for c in self.contributions],
            "model_version": self.model_version,
        }
