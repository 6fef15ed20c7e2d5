"""What the students are certified for, how that stands, and an operator's override of it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from serve_app.api.dependencies import ThisCall
from serve_app.api.query import USE_CASES, query
from serve_app.api.replies import reply

router = APIRouter(prefix="/api/v1/ops/certificates")


@router.get("")
async def certificates(call: ThisCall) -> Response:
    asked = query(call.request.query_params, USE_CASES)
    if "use_case" in asked:
        call.graph.use_case(asked["use_case"])
    return reply({"certificates": await call.graph.certificates.all(asked.get("use_case"))})


@router.api_route("/{use_case}/override", methods=["POST", "DELETE"])
async def override(use_case: str, call: ThisCall) -> Response:
    """One endpoint for both, so that a refusal of other methods names both."""
    call.graph.use_case(use_case)
    if call.request.method == "DELETE":
        return reply(await call.graph.certificates.end_override(use_case, call.by))
    return reply(await call.graph.certificates.override(use_case, await call.json(), call.by))
