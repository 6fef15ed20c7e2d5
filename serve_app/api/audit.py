"""Who did what to what, newest first; and where the chain ends, to be written down elsewhere."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from serve_app.api.cursor import cursor_of, misfit, place_of
from serve_app.api.dependencies import ThisCall
from serve_app.api.query import LIMIT, PAGED, USE_CASES, Read, query
from serve_app.api.replies import reply
from serve_app.core.audit import EXACT, Audited, AuditFilter
from serve_app.core.period import EXPECTED, moment

router = APIRouter()

LONGEST = 200
"""Characters of a name that is looked for."""


def _name(text: str) -> str | None:
    return text if 0 < len(text) <= LONGEST else None


def _moment(text: str) -> datetime | None:
    return moment(text, datetime.now(UTC)) if len(text) <= 40 else None


NAMED: tuple[Read, str] = (_name, f"up to {LONGEST} characters")
TIMES: tuple[Read, str] = (_moment, EXPECTED)
NAMES = tuple(name for name in EXACT if name not in USE_CASES)
KNOWN = {**USE_CASES, **dict.fromkeys(NAMES, NAMED), "since": TIMES, "until": TIMES, **PAGED}


@router.get("/audit")
@router.get("/api/v1/ops/audit")
async def audit(call: ThisCall) -> Response:
    asked = query(call.request.query_params, KNOWN)
    limit = asked.pop("limit", LIMIT)
    before = _place(asked.pop("cursor")) if "cursor" in asked else None
    found = await call.graph.ops.audit(AuditFilter(**asked), before, limit + 1)
    more = cursor_of(str(found[limit - 1].seq)) if len(found) > limit else None
    return reply({"entries": [_entry(each) for each in found[:limit]], "next": more})


@router.get("/api/v1/ops/audit/head")
async def head(call: ThisCall) -> Response:
    query(call.request.query_params, {})
    found = await call.graph.ops.audit_head()
    return reply({"head": str(found), "seq": found.seq, "hash": found.hash})


def _entry(entry: Audited) -> dict[str, Any]:
    return {**asdict(entry), "at": entry.at.isoformat()}


def _place(cursor: str) -> int:
    (place,) = place_of(cursor, 1)
    if not re.fullmatch(r"[0-9]{1,18}", place):
        raise misfit(cursor)
    return int(place)
