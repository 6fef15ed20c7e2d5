"""A batch as it is written down: one event a row, with the answer exactly as the client gets it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from serve_app.core.answers import TeacherReply
from serve_app.core.bundle import schema_version
from serve_app.core.envelope import Said, envelope, said, teacher_part, version_of
from serve_app.core.events import LoggedPrediction
from serve_app.core.ports import Asked
from serve_app.core.serving import Cascaded
from serve_app.core.use_case import Regression, UseCase


@dataclass(frozen=True, slots=True)
class Written:
    """What the rules cannot know: ``ids`` one a row, the time, and how long the batch took."""

    ids: Sequence[str]
    at: datetime
    latency_ms: float


@dataclass(frozen=True, slots=True)
class About:
    """What an event says of its use case. ``regression``: it answers a number."""

    use_case: str
    schema_version: str
    regression: bool


class Abouts:
    """Worked out once for each configuration: a schema's version takes longer than an answer."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[UseCase, About]] = {}

    def of(self, use_case: UseCase) -> About:
        known = self._known.get(use_case.name)
        if known is None or known[0] is not use_case:
            about = About(use_case.name, schema_version(use_case), isinstance(use_case.target, Regression))
            known = self._known[use_case.name] = (use_case, about)
        return known[1]


def answers(about: About, came: Cascaded, ids: Sequence[str]) -> list[dict[str, Any]]:
    """One a row, in order, where none of it is written down: an event takes as long as its answer again."""
    return [_answer(about, own, came, row, ids[row]) for row, own in enumerate(said(came.answers))]


def write_down(
    about: About, features: Sequence[dict[str, Any]], came: Cascaded, asked: Asked, written: Written
) -> list[LoggedPrediction]:
    """One event a row, in order. ``features``: of each row."""
    every = zip(features, said(came.answers), strict=True)
    return [event(about, each, own, came, row, asked, written) for row, (each, own) in enumerate(every)]


def event(
    about: About, features: dict[str, Any], own: Said, came: Cascaded, row: int, asked: Asked, written: Written
) -> LoggedPrediction:
    """One row of what ``came``, and what the student ``said`` of it; a replay makes its event here too, so that it
    cannot be made otherwise."""
    reply = came.replies.get(row)
    return LoggedPrediction(
        id=written.ids[row],
        use_case=about.use_case,
        at=written.at,
        features=features,
        student=own.logged(),
        teacher=teacher_part(reply),
        answer=_answer(about, own, came, row, written.ids[row]),
        model_version=version_of(came.answers),
        policy_version=came.policy_version,
        schema_version=about.schema_version,
        propensity=float(came.propensity[row]),
        cost_usd=_cost(reply),
        latency_ms=written.latency_ms,
        request_id=asked.request_id,
        user=asked.user,
        audit_rate=came.audit_rate if came.is_audited(row) else None,
    )


def _answer(about: About, own: Said, came: Cascaded, row: int, prediction_id: str) -> dict[str, Any]:
    return envelope(
        prediction_id, about.use_case, came.answers, own, came.replies.get(row), came.verdicts[row], came.acts[row],
        came.policy_version, about.regression, came.force, came.is_audited(row),
    )  # fmt: skip


def _cost(reply: TeacherReply | None) -> float:
    """A failed call may have cost as well."""
    return 0.0 if reply is None else reply.cost_usd
