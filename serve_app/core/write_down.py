"""A batch as it is written down: one event a row, with the answer exactly as the client gets it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from serve_app.core.answers import TeacherReply
from serve_app.core.bundle import schema_version
from serve_app.core.envelope import Said, envelopes, said
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
    return _answers(about, said(came.answers), came, ids)


def write_down(
    about: About, features: Sequence[dict[str, Any]], came: Cascaded, asked: Asked, written: Written
) -> list[LoggedPrediction]:
    """One event a row, in order. ``features``: of each row. A replay makes its event here too, so that it cannot be
    made otherwise."""
    every = said(came.answers)
    each = enumerate(zip(features, every, _answers(about, every, came, written.ids), strict=True))
    return [_event(about, *parts, came, row, asked, written) for row, parts in each]


def _answers(about: About, every: Sequence[Said], came: Cascaded, ids: Sequence[str]) -> list[dict[str, Any]]:
    audited = None if came.audited is None else came.audited.tolist()
    return envelopes(
        ids, about.use_case, came.answers, every, came.replies, came.verdicts, came.acts, came.policy_version,
        about.regression, came.force, audited,
    )  # fmt: skip


def _event(
    about: About,
    features: dict[str, Any],
    student: Said,
    answer: dict[str, Any],
    came: Cascaded,
    row: int,
    asked: Asked,
    written: Written,
) -> LoggedPrediction:
    reply = came.replies.get(row)
    return LoggedPrediction(
        id=written.ids[row],
        use_case=about.use_case,
        at=written.at,
        features=features,
        student=student.logged(),
        teacher=answer["teacher"],
        answer=answer,
        model_version=answer["model_version"],
        policy_version=came.policy_version,
        schema_version=about.schema_version,
        propensity=float(came.propensity[row]),
        cost_usd=_cost(reply),
        latency_ms=written.latency_ms,
        request_id=asked.request_id,
        user=asked.user,
        audit_rate=came.audit_rate if came.is_audited(row) else None,
    )


def _cost(reply: TeacherReply | None) -> float:
    """A failed call may have cost as well."""
    return 0.0 if reply is None else reply.cost_usd
