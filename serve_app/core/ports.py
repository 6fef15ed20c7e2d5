"""The doors to the outside. Each has one suite of laws in ``tests/contract``, run against the
in-memory adapter (``serve_app/adapters/memory.py``) and every real one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from serve_app.core.answers import Explanation, Question, StudentAnswers, TeacherReply
from serve_app.core.events import Label, LoggedPrediction
from serve_app.core.rows import Rows
from serve_app.core.use_case import UseCase


class Student(Protocol):
    """A loaded model. Pure computation: the same rows give the same bits, in any process."""

    @property
    def version(self) -> str: ...

    def answer(self, rows: Rows) -> StudentAnswers:
        """Answers in the order of ``rows``, which hold at least the use case's features."""

    def explain(self, rows: Rows, top: int) -> list[Explanation]:
        """The ``top`` contributions of each row, largest first; the rest is summed as "(other)"."""


class Teacher(Protocol):
    """Something that answers questions one by one, at a price. Never raises for a failed call."""

    @property
    def name(self) -> str:
        """As shown to people: ``gemini:gemini-2.5-flash``, ``recorded``, ``none``."""

    async def answer(self, question: Question) -> TeacherReply: ...

    async def close(self) -> None: ...


class Narrator(Protocol):
    """Writes a short text from facts. Returns None when it could not; never raises."""

    async def narrate(self, prompt: str, facts: Mapping[str, Any]) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Version:
    """A registered model. ``digest`` is that of its manifest, which holds the digest of every file."""

    use_case: str
    version: str
    digest: str
    aliases: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = None


Bundle = Mapping[str, bytes]
"""File name -> content. Names are plain, without a folder."""


class Registry(Protocol):
    """Model versions and the aliases ``champion``, ``challenger``, ``previous``.

    Raises RegistryUnavailable when it is away, NotFound for an unknown version."""

    def register(
        self, use_case: str, bundle: Bundle, metrics: Mapping[str, float], tags: Mapping[str, str]
    ) -> Version: ...

    def version(self, use_case: str, version: str) -> Version: ...

    def versions(self, use_case: str) -> list[Version]:
        """Newest first."""

    def aliased(self, use_case: str, alias: str) -> Version | None: ...

    def set_alias(self, use_case: str, alias: str, version: str) -> None: ...

    def fetch(self, use_case: str, version: str) -> Bundle: ...


class EventLog(Protocol):
    """What was answered, and what people said of it. Raises StoreUnavailable when it is away."""

    def append(self, predictions: Sequence[LoggedPrediction]) -> None:
        """All or nothing; durable when it returns. An id already there is left as it is."""

    def get(self, prediction_id: str) -> LoggedPrediction:
        """Raises UnknownPrediction."""

    def add_label(self, label: Label) -> None:
        """Raises UnknownPrediction. The newest label of one person for one prediction counts."""

    def labels(self, prediction_id: str) -> list[Label]:
        """Oldest first."""

    def page(
        self, use_case: str, since: datetime | None = None, after: str | None = None, limit: int = 1000
    ) -> list[LoggedPrediction]:
        """In the order of their ids, from after ``after`` on: call again with the last id."""

    def count(self, use_case: str) -> int: ...

    def ping(self) -> None:
        """Returns when a write would be accepted."""

    def close(self) -> None: ...


class FeatureTables(Protocol):
    """Materialised features, one table a use case that has one."""

    def join(self, use_case: str, rows: Rows) -> Rows:
        """``rows`` with the table's columns. Raises UnknownKey, or InvalidInput for a day outside."""

    def values(self, use_case: str, column: str) -> list[str]:
        """The distinct values of a key, sorted."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks: what the API knows of a request beyond its rows."""

    request_id: str
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """``answers``: one JSON-ready envelope a row, in order; ``rows``: input and looked-up features."""

    answers: Sequence[dict[str, Any]]
    rows: Rows


PartState = Literal["ready", "starting", "cold", "degraded", "failed"]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the application as ``/readyz`` shows it. ``real`` is False for a fallback."""

    name: str
    state: PartState
    detail: str
    real: bool = True


class Graph(Protocol):
    """All that the API may ask of the application. ``rows`` were validated by ``core.schema``."""

    def use_cases(self) -> Mapping[str, UseCase]: ...

    def use_case(self, name: str) -> UseCase:
        """Raises UnknownUseCase, with a suggestion for a near miss."""

    async def predict(self, use_case: str, rows: Rows, asked: Asked) -> Answered:
        """Answers every row and has written all of them down when it returns."""

    async def explain(self, use_case: str, rows: Rows, asked: Asked) -> list[dict[str, Any]]:
        """One explanation a row: its answer (logged like any), ``explanation``, ``narrative``."""

    def decide(self, use_case: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """The decision policy alone, over given values."""

    def values(self, use_case: str, field: str) -> list[str]: ...

    async def feedback(self, prediction_id: str, label: str | float, by: str, note: str | None) -> dict[str, Any]:
        """Keeps a person's label. Raises UnknownPrediction, or InvalidInput for a label outside the target."""

    async def prediction(self, prediction_id: str) -> dict[str, Any]:
        """The logged prediction with its labels. Raises UnknownPrediction."""

    async def models(self) -> list[dict[str, Any]]:
        """One entry a use case: its serving version, digest, metrics, state."""

    async def parts(self) -> list[Part]: ...
