"""Data: its collection, its features, and a table scored by the champion; all of them jobs."""

from __future__ import annotations

from starlette.responses import Response

from serve_app.api.dependencies import ThisCall
from serve_app.api.jobs import DATA, router_of, start
from serve_app.api.query import LIMIT, PAGED, query
from serve_app.api.replies import reply
from serve_app.core.jobs import Report

router = router_of(DATA)


@router.post("/{use_case}/preprocess")
async def preprocess(use_case: str, call: ThisCall) -> Response:
    return await start(call, DATA, "preprocess", use_case)


@router.post("/{use_case}/build-features")
async def build_features(use_case: str, call: ThisCall) -> Response:
    return await start(call, DATA, "build_features", use_case)


@router.post("/{use_case}/score")
async def score(use_case: str, call: ThisCall) -> Response:
    return await start(call, DATA, "score", use_case)


@router.get("/{use_case}/scores")
async def scores(use_case: str, call: ThisCall) -> Response:
    call.graph.use_case(use_case)
    limit = query(call.request.query_params, {"limit": PAGED["limit"]}).get("limit", LIMIT)
    found = await call.graph.ops.scores(use_case, limit)
    return reply({"use_case": use_case, "scores": [summary(report) for report in found]})


def summary(report: Report) -> dict[str, object]:
    """The alerts themselves are a feed of their own."""
    content = {name: value for name, value in report.content.items() if name != "alert_rows"}
    return {"id": report.id, "at": report.at.isoformat(), **content}
