"""What student and teacher answer, and what the cascade makes of both.

Student answers are columns (a batch), teacher answers are values one by one, since each is a call
of its own that may fail alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import starmap
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from serve_app.core.grounds import Grounds

Floats = npt.NDArray[np.float64]

Index = slice | npt.NDArray[np.bool_] | npt.NDArray[np.intp]
"""Of rows: a span (which copies nothing), a mask, or their places in the wanted order."""

Source = Literal["student", "teacher", "agreement", "arbitration", "student_fallback"]


def floats(column: npt.NDArray[Any]) -> list[float]:
    """Plain numbers, as JSON has them, in one step for all: a cell at a time takes ten times as long."""
    found: list[float] = column.astype(np.float64, copy=False).tolist()
    return found


@dataclass(frozen=True, slots=True)
class ClassAnswers:
    """``probabilities``: (n, classes), calibrated, rows sum to 1; ``classes`` name the columns;
    ``grounds``: what the version that answers is certified for."""

    classes: tuple[str, ...]
    probabilities: Floats
    model_version: str
    grounds: Grounds | None = None

    def __len__(self) -> int:
        return len(self.probabilities)

    def take(self, rows: Index) -> ClassAnswers:
        return ClassAnswers(self.classes, self.probabilities[rows], self.model_version, self.grounds)

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

    def take(self, rows: Index) -> ValueAnswers:
        return replace(self, value=self.value[rows], low=self.low[rows], high=self.high[rows])


@dataclass(frozen=True, slots=True)
class NoStudent:
    """There is no champion yet: every row is deferred. ``reason`` says why."""

    rows: int
    reason: str = "cold_start"

    def __len__(self) -> int:
        return self.rows

    def take(self, rows: Index) -> NoStudent:
        return replace(self, rows=len(np.arange(self.rows)[rows]))


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
    """``label`` for a class, ``value`` for a number; exactly one of them is set. ``cached``: it was given before
    to the same question and kept, so that it costs nothing now; ``saved_usd`` is what it cost then."""

    provider: str
    model: str
    label: str | None = None
    value: float | None = None
    confidence: float | None = None
    latency_ms: float = 0.0
    cost_usd: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    cached: bool = False
    saved_usd: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """``cached`` and ``saved_usd`` only where it was kept: other answers look as they did before the cache."""
        away = () if self.cached else ("cached", "saved_usd")
        told = {k: v for k, v in asdict(self).items() if k not in away}
        return {k: v for k, v in told.items() if v is not None or k in ("label", "confidence")}


Failure = Literal[
    "no_teacher", "not_recorded", "timeout", "breaker_open", "rate_limited", "server_error",
    "connection_error", "refused", "off_schema", "empty", "deadline", "overloaded", "bad_credentials", "bad_request",
    "batch", "budget", "budget_unavailable",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class TeacherFailure:
    """The teacher gave no usable answer; an outcome, not an exception. A failed call may still cost.
    ``retry_after_s``: when the provider asks to be called again; ``to_person``: the student is not to answer
    in its place, somebody reviews the row."""

    reason: Failure
    provider: str = "none"
    latency_ms: float = 0.0
    cost_usd: float = 0.0
    retry_after_s: float | None = None
    to_person: bool = False


TeacherReply = TeacherAnswer | TeacherFailure


class Verdict(NamedTuple):
    """What the cascade settled on for one row. ``label``/``confidence`` for classes (``score`` is the
    positive class's probability), ``value``/``interval`` for numbers; all None when nobody could
    answer. There is one for every row, and a frozen dataclass takes six times as long to make."""

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


class Act(NamedTuple):
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


class Verdicts(tuple[Verdict, ...]):
    """Of a batch. Travels as plain values: to pickle an object a row takes ten times as long."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _verdicts, (list(map(tuple, self)),)


class Acts(tuple[Act, ...]):
    """Of a batch. Travels like ``Verdicts``."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _acts, (list(map(tuple, self)),)


def _verdicts(told: list[tuple[Any, ...]]) -> Verdicts:
    return Verdicts(starmap(Verdict, told))


def _acts(told: list[tuple[Any, ...]]) -> Acts:
    return Acts(starmap(Act, told))


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
