"""Jobs: what runs too long for a request, such as a retrain. The store is the truth of what was accepted.

    PENDING -> RUNNING -> COMPLETED | FAILED | CANCELLED        a terminal state is reached once

A job is accepted when it is committed to the store; whoever runs it may die and be started again, and
goes on where the job stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from serve_app.core.events import digest

Kind = Literal["train", "preprocess", "build_features", "score"]
State = Literal["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]

OPEN: tuple[State, ...] = ("PENDING", "RUNNING")
TERMINAL: tuple[State, ...] = ("COMPLETED", "FAILED", "CANCELLED")

STEPS: Mapping[Kind, tuple[str, ...]] = {
    "train": ("collect", "prepare", "train", "evaluate", "promote"),
    "preprocess": ("collect",),
    "build_features": ("collect", "prepare"),
    "score": ("score",),
}
"""What each kind of job does, in order."""

ALONE: frozenset[Kind] = frozenset({"train"})
"""Kinds of which a use case has one at a time."""


@dataclass(frozen=True, slots=True)
class Job:
    """``params``: the request's body as validated; ``trigger``: who asked (``api``, ``schedule``,
    ``new_labels``, ``drift``); ``key``: the Idempotency-Key, if one was given; ``progress`` 0 to 100;
    ``error_code`` and ``error`` are set for FAILED, ``result`` for COMPLETED. A gate that refused is a
    COMPLETED job whose result says so."""

    id: str
    kind: Kind
    use_case: str
    params: dict[str, Any]
    by: str
    trigger: str
    created_at: datetime
    key: str | None = None
    state: State = "PENDING"
    progress: int = 0
    step: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    cancel_requested: bool = False
    error_code: str | None = None
    error: str | None = None
    result: dict[str, Any] | None = None

    def asked(self) -> str:
        """``sha256:…`` of what was asked for: two requests under one key must be the same."""
        return digest({"kind": self.kind, "use_case": self.use_case, "params": self.params})


@dataclass(frozen=True, slots=True)
class Accepted:
    """``job`` is the one accepted now, or (``again``) the one that was accepted under this key before."""

    job: Job
    again: bool = False


@dataclass(frozen=True, slots=True)
class JobEvent:
    """Something that happened to a job, in the order of ``seq`` (1, 2, …). ``what``: ``accepted``,
    ``started``, ``step_started``, ``step_finished``, ``step_failed`` (an attempt), ``told`` (progress
    within a step), ``cancel_requested``, ``finished``. A finished step keeps its ``inputs``, ``outputs``,
    ``duration_s`` and ``log``."""

    job_id: str
    seq: int
    at: datetime
    what: str
    step: str | None = None
    progress: int | None = None
    detail: str = ""
    inputs: dict[str, Any] | None = None
    outputs: dict[str, Any] | None = None
    duration_s: float | None = None
    log: str | None = None


@dataclass(frozen=True, slots=True)
class Happened:
    """A JobEvent before the store has given it its place."""

    what: str
    step: str | None = None
    progress: int | None = None
    detail: str = ""
    inputs: dict[str, Any] | None = None
    outputs: dict[str, Any] | None = None
    duration_s: float | None = None
    log: str | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """How a job ended."""

    state: State
    error_code: str | None = None
    error: str | None = None
    result: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class JobFilter:
    """None and () do not narrow."""

    use_case: str | None = None
    kinds: Sequence[Kind] = ()
    states: Sequence[State] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A result that is kept to be looked at: ``kind`` is ``drift``, ``score``, ``schedule``. ``id`` makes
    writing it again harmless."""

    id: str
    use_case: str
    kind: str
    at: datetime
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shadow:
    """What a challenger would have answered; never served. ``answer``: ``{"label", "confidence"}`` or
    ``{"value", "interval"}``."""

    prediction_id: str
    use_case: str
    model_version: str
    at: datetime
    answer: dict[str, Any]


def as_json(job: Job) -> dict[str, Any]:
    """A job as the API shows it."""
    return {
        "job_id": job.id,
        "kind": job.kind,
        "use_case": job.use_case,
        "status": job.state,
        "progress": job.progress,
        "step": job.step,
        "steps": list(STEPS[job.kind]),
        "params": job.params,
        "by": job.by,
        "trigger": job.trigger,
        "cancel_requested": job.cancel_requested,
        "created_at": job.created_at.isoformat(),
        "started_at": job.started_at.isoformat() if job.started_at else None,
        "finished_at": job.finished_at.isoformat() if job.finished_at else None,
        "error": {"code": job.error_code, "detail": job.error} if job.error_code else None,
        "result": job.result,
    }
