"""A batch as it is written down: one event a row, with the answer exactly as the client gets it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from serve_app.core.answers import TeacherReply
from serve_app.core.bundle import schema_version
from serve_app.core.envelope import envelope, logged_student, teacher_part, version_of
from serve_app.core.events import LoggedPrediction
from serve_app.core.ports import Asked
from serve_app.core.rows import Rows
from serve_app.core.serving import Cascaded
from serve_app.core.use_case import Regression, UseCase


@dataclass(frozen=True, slots=True)
class Written:
    """What the rules cannot know: ``ids`` one a row, the time, and how long the batch took."""

    ids: Sequence[str]
    at: datetime
    latency_ms: float


def write_down(use_case: UseCase, rows: Rows, came: Cascaded, asked: Asked, written: Written) -> list[LoggedPrediction]:
    """One event a row, in order."""
    schema = schema_version(use_case)
    return [_event(use_case, rows, came, row, asked, written, schema) for row in range(len(rows))]


def _event(
    use_case: UseCase, rows: Rows, came: Cascaded, row: int, asked: Asked, written: Written, schema: str
) -> LoggedPrediction:
    reply = came.replies.get(row)
    return LoggedPrediction(
        id=written.ids[row],
        use_case=use_case.name,
        at=written.at,
        features=rows.record(row),
        student=logged_student(came.answers, row),
        teacher=teacher_part(reply),
        answer=envelope(
            written.ids[row],
            use_case.name,
            came.answers,
            row,
            reply,
            came.verdicts[row],
            came.acts[row],
            came.policy_version,
            isinstance(use_case.target, Regression),
        ),
        model_version=version_of(came.answers),
        policy_version=came.policy_version,
        schema_version=schema,
        propensity=float(came.propensity[row]),
        cost_usd=_cost(reply),
        latency_ms=written.latency_ms,
        request_id=asked.request_id,
        user=asked.user,
    )


def _cost(reply: TeacherReply | None) -> float:
    """A failed call may have cost as well."""
    return 0.0 if reply is None else reply.cost_usd
