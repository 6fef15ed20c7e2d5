"""What a period cost and saved, how good its answers were, and what it would have been under another policy."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.responses import Response

from serve_app.api.dependencies import ThisCall
from serve_app.api.query import USE_CASES, one_of, query
from serve_app.api.replies import reply
from serve_app.core.period import EXPECTED
from serve_app.core.what_if_asked import period

router = APIRouter()

LONGEST = 40
TIME = (lambda text: text if 0 < len(text) <= LONGEST else None, EXPECTED)
KNOWN = {**USE_CASES, "since": TIME, "until": TIME, "by": one_of(("day",))}


@router.get("/api/v1/ops/savings")
async def savings(call: ThisCall) -> Response:
    asked = query(call.request.query_params, KNOWN)
    if "use_case" in asked:
        call.graph.use_case(asked["use_case"])
    since, until = period({name: asked[name] for name in ("since", "until") if name in asked}, datetime.now(UTC))
    return reply(await call.graph.savings.savings(asked.get("use_case"), since, until, "by" in asked))


@router.post("/api/v1/ops/what-if")
async def what_if(call: ThisCall) -> Response:
    return reply(await call.graph.savings.what_if(await call.json()))
