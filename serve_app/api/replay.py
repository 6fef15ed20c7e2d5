"""A logged decision made again, and which ones to try."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.responses import Response

from serve_app.api.dependencies import ThisCall
from serve_app.api.feedback import known
from serve_app.api.query import LIMIT, PAGED, USE_CASES, query
from serve_app.api.replies import reply
from serve_app.core.errors import FieldError, InvalidInput

router = APIRouter(prefix="/api/v1")

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
SINCE = "a moment with its time zone, as 2026-11-14T00:00:00Z"


@router.post("/predictions/{prediction_id}/replay")
async def replay(prediction_id: str, call: ThisCall) -> Response:
    await call.may_see(known(prediction_id))
    return reply(await call.graph.replays.replay(known(prediction_id)))


@router.get("/ops/sample")
async def sample(call: ThisCall) -> Response:
    """Ids of logged predictions, at random over the time since a moment."""
    asked = query(call.request.query_params, SAMPLE)
    if "use_case" not in asked:
        raise InvalidInput("the query does not fit", [FieldError("use_case", "missing", "the name of a use case")])
    name, since = asked["use_case"], asked.get("since", BEGINNING)
    call.graph.use_case(name)
    ids = await call.graph.replays.sample(name, since, asked.get("limit", LIMIT))
    return reply({"use_case": name, "since": since.isoformat(), "ids": ids})


def _moment(text: str) -> datetime | None:
    """None for one without a time zone: it would be another moment on another machine."""
    try:
        moment = datetime.fromisoformat(text)
        return None if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


SAMPLE = {**USE_CASES, "limit": PAGED["limit"], "since": (_moment, SINCE)}
