"""The doors to the outside. Each has one suite of laws in ``tests/contract``, run against the
in-memory adapter (``serve_app/adapters/memory_*.py``) and every real one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from serve_app.core.answers import Explanation, Question, StudentAnswers, TeacherAnswer, TeacherReply
from serve_app.core.audit import Audited, AuditFilter, Head, Unreadable
from serve_app.core.buckets import Bucket, Taken
from serve_app.core.events import Label, LoggedPrediction
from serve_app.core.jobs import (
    Accepted,
    Finish,
    Happened,
    Job,
    JobEvent,
    JobFilter,
    Report,
    Shadow,
)
from serve_app.core.ledger import Entry
from serve_app.core.rows import Rows
from serve_app.core.tariff import Tariff
from serve_app.core.use_case import UseCase

if TYPE_CHECKING:  # they speak of Version, which stands here
    from serve_app.core.desks import (
        CertificateDesk,
        IdentityDesk,
        JobDesk,
        OpsDesk,
        ReplayDesk,
        ReviewDesk,
        SavingsDesk,
        VersionDesk,
    )


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

    @property
    def tariff(self) -> Tariff:
        """What its answers are charged at."""

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

    def register(self, use_case: str, bundle: Bundle, metrics: Mapping[str, float], tags: Mapping[str, str]) -> Version:
        """A version whose ``job`` tag is that of one that is there already is not made again: that one
        is given back, so that a step may be repeated after a crash."""

    def set_tags(self, use_case: str, version: str, tags: Mapping[str, str]) -> None:
        """Adds tags, or replaces those of the same name. Raises NotFound."""

    def version(self, use_case: str, version: str) -> Version: ...

    def versions(self, use_case: str) -> list[Version]:
        """Newest first."""

    def aliased(self, use_case: str, alias: str) -> Version | None: ...

    def set_alias(self, use_case: str, alias: str, version: str) -> None: ...

    def remove_alias(self, use_case: str, alias: str) -> None:
        """Nothing happens when there is none."""

    def fetch(self, use_case: str, version: str) -> Bundle: ...


@dataclass(frozen=True, slots=True)
class Lesson:
    """A prediction and every label given for it, oldest first."""

    prediction: LoggedPrediction
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class NewLabels:
    """``people``: predictions that a person labelled; ``teacher``: predictions the teacher answered."""

    people: int
    teacher: int


class EventLog(Protocol):
    """What was answered, and what people said of it. Raises StoreUnavailable when it is away."""

    def append(self, predictions: Sequence[LoggedPrediction]) -> None:
        """All or nothing; durable when it returns. An id already there is left as it is."""

    def get(self, prediction_id: str) -> LoggedPrediction:
        """Raises UnknownPrediction."""

    def add_label(self, label: Label, told: Audited | None = None) -> None:
        """Raises UnknownPrediction. The newest label of one person for one prediction counts. ``told``: the audit
        log's entry of it, which is there with the label or not at all."""

    def labels(self, prediction_id: str) -> list[Label]:
        """Oldest first."""

    def page(
        self, use_case: str, since: datetime | None = None, after: str | None = None, limit: int = 1000
    ) -> list[LoggedPrediction]:
        """In the order of their ids, from after ``after`` on: call again with the last id."""

    def newest(self, use_case: str, limit: int = 1000) -> list[LoggedPrediction]:
        """The last ``limit`` predictions by their ids, the oldest of them first."""

    def count(self, use_case: str) -> int: ...

    def scan(
        self,
        use_case: str,
        since: datetime,
        until: datetime,
        after: str | None = None,
        limit: int = 5000,
        probabilities: bool = False,
        audited: bool = False,
    ) -> list[Entry]:
        """What was answered from ``since`` until before ``until``, with what people say of it by now, without
        the features. In the order of ids, paged like ``page``; the student's ``probabilities`` only when asked;
        ``audited``: no rows but those that chance chose."""

    def lessons(self, use_case: str, until: datetime, after: str | None = None, limit: int = 1000) -> list[Lesson]:
        """Predictions up to ``until`` that somebody answered besides the student: with the teacher's
        answer, or with labels. In the order of their ids, paged like ``page``; labels given after
        ``until`` are left out, so that reading again gives the same."""

    def new_labels(self, use_case: str, since: datetime) -> NewLabels:
        """How much there is to learn from since a moment (exclusive)."""

    def add_shadows(self, shadows: Sequence[Shadow]) -> None:
        """What a challenger would have said. One for a prediction and version; again is harmless."""

    def shadows(self, use_case: str, version: str, limit: int = 10_000) -> list[tuple[Shadow, Lesson]]:
        """The newest first, each with the prediction it shadows and its labels."""

    def ping(self) -> None:
        """Returns when a write would be accepted."""

    def close(self) -> None: ...


class Jobs(Protocol):
    """Accepted jobs and what happened to them. Raises StoreUnavailable when it is away, and UnknownJob
    wherever a job is named that was never accepted. The rules are in ``core.job_course``."""

    def accept(self, job: Job) -> Accepted:
        """Durable when it returns. Under a ``key`` that was used before: the job of then, if the same
        was asked, else OtherBody. Raises JobRunning (naming it) for a kind that a use case has one of
        at a time; all of that holds however many processes ask at once. A key is the whole installation's;
        an id that was accepted before counts like a key."""

    def get(self, job_id: str) -> Job:
        """Raises UnknownJob."""

    def page(self, which: JobFilter, before: str | None = None, limit: int = 50) -> list[Job]:
        """Newest first, from before the id ``before`` on."""

    def unfinished(self) -> list[Job]:
        """PENDING and RUNNING, oldest first."""

    def start(self, job_id: str, at: datetime) -> bool:
        """PENDING to RUNNING. False when it is not PENDING any more."""

    def tell(self, job_id: str, at: datetime, what: Happened) -> JobEvent | None:
        """Adds an event; its ``step`` and ``progress``, where given, become the job's. None, and nothing
        happens, for a job that has ended."""

    def finish(self, job_id: str, at: datetime, how: Finish) -> bool:
        """To a terminal state, once: False when it has ended already. Adds the ``finished`` event."""

    def request_cancel(self, job_id: str, at: datetime, by: str) -> Job:
        """A PENDING job is CANCELLED at once; a RUNNING one is marked, and ends when it next looks.
        Asking again is harmless, also when it has become CANCELLED. Raises UnknownJob, TooLate for a job
        that ended otherwise."""

    def events(self, job_id: str, after: int = 0, limit: int = 1000) -> list[JobEvent]:
        """From after ``seq`` on, in order. Raises UnknownJob."""

    def last_finished(self, use_case: str, kind: str) -> Job | None:
        """The newest COMPLETED job of its kind."""

    def close(self) -> None: ...


class AuditLog(Protocol):
    """Who did what: one chain of entries, to whose end alone anything is added, however many add to it. Raises
    StoreUnavailable when it is away."""

    def append(self, entry: Audited) -> None:
        """Durable, and in the chain, when it returns. An id already there is left as it is."""

    def page(self, which: AuditFilter | None = None, before: int | None = None, limit: int = 50) -> list[Audited]:
        """Newest first, from before that place (``seq``) on."""

    def head(self) -> Head: ...

    def walk(self) -> Iterator[Audited | Unreadable]:
        """All there are in the order of the chain, a page at a time; last those that have no place in it."""

    def close(self) -> None: ...


class Reports(Protocol):
    """Results kept to be looked at, and the switches of schedules. Raises StoreUnavailable."""

    def put(self, report: Report) -> None:
        """Replaces one of the same id."""

    def latest(self, use_case: str, kind: str) -> Report | None: ...

    def newest(self, use_case: str, kind: str, limit: int = 20) -> list[Report]:
        """Newest first."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Limit:
    """An account that money is taken from: ``key`` such as ``tickets:day:2026-11-21``; ``usd``: what it
    holds in all; ``resets_at``: when the next of its kind begins."""

    key: str
    usd: float
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money set aside on every account of ``keys``. Without limits ``keys`` is empty."""

    id: str
    keys: tuple[str, ...]
    usd: float


class Budget(Protocol):
    """What the teacher has cost, over all replicas. Money is in US dollars. Raises StoreUnavailable."""

    def reserve(self, reservation_id: str, limits: Sequence[Limit], usd: float, now: datetime) -> Reservation | Limit:
        """Sets ``usd`` aside on every limit or on none: the first limit that is short is given back instead.
        Spent and set aside never come to more than a limit, however many ask at once. The same id again
        is the same reservation. What is never settled (its replica died) stays spent."""

    def settle(self, reservation: Reservation, usd: float, now: datetime) -> None:
        """The true cost takes the reservation's place, also where it is more. Again is harmless."""

    def spent(self, keys: Sequence[str]) -> dict[str, float]:
        """Spent or set aside; 0 for an account that nobody has used."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """A teacher's answer as it was given, and what it cost then."""

    key: str
    answer: TeacherAnswer
    at: datetime
    expires_at: datetime


class AnswerCache(Protocol):
    """The teacher's answers by the digest of all that made them. Raises StoreUnavailable."""

    def get(self, keys: Sequence[str], now: datetime) -> dict[str, TeacherAnswer]:
        """Those that are there and have not expired."""

    def put(self, answers: Sequence[KeptAnswer]) -> None:
        """Replaces what lies under the same key."""

    def purge(self, now: datetime) -> int:
        """Forgets what has expired. How many."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Lease:
    """One row in one person's hands until ``until``."""

    prediction_id: str
    by: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Review:
    """What a person did with a row of the queue: ``label``/``value``, or neither for a skip."""

    id: str
    prediction_id: str
    use_case: str
    by: str
    at: datetime
    label: str | None = None
    value: float | None = None


class Reviews(Protocol):
    """Who looks at which row, and what came of it. Raises StoreUnavailable when it is away."""

    def lease(
        self, use_case: str, wanted: Sequence[str], by: str, now: datetime, until: datetime, limit: int
    ) -> list[Lease]:
        """The first ``limit`` of the prediction ids ``wanted`` that nobody else holds at ``now``, and that
        ``by`` has not reviewed: held by them from now on. However many ask at once, no row is in two hands."""

    def holder(self, prediction_id: str, now: datetime) -> Lease | None: ...

    def add(self, review: Review) -> None:
        """Keeps it and ends the lease of its row, in one. An id already there is left as it is."""

    def reviewed(self, use_case: str, limit: int = 100_000) -> list[Review]:
        """Newest first."""

    def close(self) -> None: ...


class Policies(Protocol):
    """What stood behind each policy version, so that a decision can be made again. Raises StoreUnavailable."""

    def put(self, version: str, use_case: str, content: Mapping[str, Any], at: datetime) -> None:
        """Once: a version that is there is left as it is."""

    def get(self, version: str) -> Mapping[str, Any] | None: ...

    def close(self) -> None: ...


class FeatureTables(Protocol):
    """Materialised features, one table a use case that has one."""

    def join(self, use_case: str, rows: Rows) -> Rows:
        """``rows`` with the table's columns. Raises UnknownKey, or InvalidInput for a day outside."""

    def values(self, use_case: str, column: str) -> list[str]:
        """The distinct values of a key, sorted."""


class Buckets(Protocol):
    """How often somebody may ask: token buckets (``core/buckets.py``), by key. Of one event loop."""

    async def take(self, keys: Sequence[str], bucket: Bucket, wanted: int, least: int) -> Taken:
        """The same number out of the bucket of each key: as many as all have, up to ``wanted``; none where that is
        less than ``least``. All at once, whoever else takes. Raises StoreUnavailable."""

    async def ping(self) -> str | None:
        """Why they cannot be reached, None where they can."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks: what the API knows of a request beyond its rows. ``whose``: the bucket that the teacher's answers are
    taken from, empty for nobody's, which is not limited. ``left_s``: of the time that the request has, None for all
    of it. Seconds and no moment, here and on every hop: machines do not agree on what time it is."""

    request_id: str
    user: str | None = None
    whose: str = ""
    left_s: float | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """``answers``: one JSON-ready envelope a row, in order; ``rows``: input and looked-up features;
    ``retry_after_s``: when there is money for the rows that were not paid for, None where there are none."""

    answers: Sequence[dict[str, Any]]
    rows: Rows
    retry_after_s: int | None = None


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

    async def explain(self, use_case: str, rows: Rows, asked: Asked) -> Answered:
        """``predict``, with ``explanation`` and ``narrative`` in each answer."""

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

    @property
    def jobs(self) -> JobDesk: ...

    @property
    def versions(self) -> VersionDesk: ...

    @property
    def ops(self) -> OpsDesk: ...

    @property
    def replays(self) -> ReplayDesk: ...

    @property
    def reviews(self) -> ReviewDesk: ...

    @property
    def certificates(self) -> CertificateDesk: ...

    @property
    def savings(self) -> SavingsDesk: ...

    @property
    def identity(self) -> IdentityDesk | None:
        """None where nobody is asked who they are (``auth.mode: local``)."""
