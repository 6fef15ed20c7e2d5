"""What whoever operates it looks at: alerts, money; and the models read anew."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from starlette.responses import Response

from serve_app.api.body import members
from serve_app.api.cursor import cursor_of, misfit, place_of
from serve_app.api.dependencies import ThisCall
from serve_app.api.health import counts
from serve_app.api.predict import name_in
from serve_app.api.query import LIMIT, PAGED, USE_CASES, query
from serve_app.api.replies import reply
from serve_app.core.alerts import Place

router = APIRouter()

FEED = {**USE_CASES, **PAGED}


@router.get("/alerts")
@router.get("/api/v1/ops/alerts")
async def alerts(call: ThisCall) -> Response:
    asked = query(call.request.query_params, FEED)
    limit = asked.get("limit", LIMIT)
    after = _place(asked["cursor"]) if "cursor" in asked else None
    found = await call.graph.ops.alerts(asked.get("use_case"), after, limit + 1)
    more = _cursor(found[limit - 1][0]) if len(found) > limit else None
    return reply({"alerts": [alert for _, alert in found[:limit]], "next": more})


@router.get("/api/v1/ops/budget")
async def budget(call: ThisCall) -> Response:
    asked = query(call.request.query_params, USE_CASES)
    return reply({"limits": await call.graph.ops.budget(asked.get("use_case"), call.asked.user)})


@router.post("/reload")
async def reload(call: ThisCall) -> Response:
    """Seed 001's deploy step: the alias is read again, in every use case or in one."""
    body = members(await call.optional_json(), [], ["use_case"])
    name = name_in(body) if body else None
    if name is not None:
        call.graph.use_case(name)
    return reply({"status": "reloaded", "use_cases": await call.graph.versions.reload(name), **counts(call)})


def _cursor(place: Place) -> str:
    at, run, row = place
    return cursor_of(at.isoformat(), run, str(row))


def _place(cursor: str) -> Place:
    at, run, row = place_of(cursor, 3)
    try:
        when = datetime.fromisoformat(at)
        return when.astimezone(), run, int(row)
    except (ValueError, OverflowError):
        raise misfit(cursor) from None
