"""The review queue: rows that want a person, and what the person says."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from serve_app.api.body import members
from serve_app.api.dependencies import Call, ThisCall
from serve_app.api.feedback import known, label_of, note_of
from serve_app.api.query import PAGED, query
from serve_app.api.replies import reply
from serve_app.core.errors import FieldError, InvalidInput

router = APIRouter(prefix="/api/v1/review")

LIMIT = 10
PERSON = r"^[A-Za-z0-9][A-Za-z0-9_.@\-]{0,99}$"
SAID = ("label", "value", "skip")


def _person(text: str) -> str | None:
    return text if re.fullmatch(PERSON, text) else None


BY = {"by": (_person, "who looks, up to 100 letters, digits, '_', '.', '@' and '-'")}


@router.api_route("/{key}", methods=["GET", "POST"])
async def review(key: str, call: ThisCall) -> Response:
    """One endpoint for both, so that a refusal of other methods names both. ``key``: the use case whose queue
    is asked for, or the prediction that somebody has looked at."""
    return await (_said(key, call) if call.request.method == "POST" else _queue(key, call))


@router.get("/{use_case}/agreement")
async def agreement(use_case: str, call: ThisCall) -> Response:
    call.graph.use_case(use_case)
    return reply(await call.graph.reviews.agreement(use_case))


async def _queue(use_case: str, call: Call) -> Response:
    asked = query(call.request.query_params, {**BY, "limit": PAGED["limit"]})
    call.graph.use_case(use_case)
    by = _by(call, asked)
    rows = await call.graph.reviews.queue(use_case, by, asked.get("limit", LIMIT))
    return reply({"use_case": use_case, "by": by, "rows": rows})


async def _said(prediction_id: str, call: Call) -> Response:
    by = _by(call, query(call.request.query_params, BY))
    await call.may_see(known(prediction_id))
    body = members(await call.json(), [], [*SAID, "note"])
    said = _judgement(body)
    return reply(await call.graph.reviews.review(known(prediction_id), by, said, note_of(body.get("note"))))


def _by(call: Call, asked: dict[str, Any]) -> str:
    """Whoever is logged in, whatever the query says; without a login the name that they give."""
    return call.asked.user or str(asked.get("by", call.by))


def _judgement(body: dict[str, Any]) -> str | float | None:
    """None for a skip."""
    given = [name for name in SAID if name in body]
    if len(given) != 1:
        raise InvalidInput(
            "the review does not fit", [FieldError("label", f"{len(given)} of three", "label, value or skip")]
        )
    if given == ["skip"]:
        if body["skip"] is not True:
            raise InvalidInput("the review does not fit", [FieldError("skip", str(body["skip"])[:40], "true")])
        return None
    return label_of(body[given[0]])
