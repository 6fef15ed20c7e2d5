"""Why a prediction came out as it did."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from serve_app.api.dependencies import ThisCall
from serve_app.api.replies import headers_of, reply
from serve_app.core.schema import validate_one

router = APIRouter(prefix="/api/v1/explain")


@router.post("/{use_case}")
async def explain(use_case: str, call: ThisCall) -> Response:
    rows = validate_one(call.graph.use_case(use_case).fields, await call.json())
    answered = await call.graph.explain(use_case, rows, call.asked)
    return reply(answered.answers[0], headers=headers_of(answered))
