"""Predictions: one instance or a batch, the use case in the path or in the body."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from serve_app.api.batch import MEDIA, read_rows, sent_kind, wanted_kind, write_answers
from serve_app.api.body import many, members, read
from serve_app.api.dependencies import Call, ThisCall
from serve_app.api.health import health
from serve_app.api.replies import as_sent, headers_of, reply
from serve_app.core.errors import FieldError, InvalidInput
from serve_app.core.misfits import shown
from serve_app.core.schema import validate, validate_one

router = APIRouter(prefix="/api/v1/predict")


@router.get("/models")
async def models(call: ThisCall) -> Response:
    return reply({"models": await call.graph.models()})


router.get("/health")(health)


@router.post("/models")
@router.post("/health")
async def only_read() -> Response:
    """Else these would be taken for use cases of that name."""
    raise HTTPException(405, "Method Not Allowed", {"Allow": "GET"})


@router.post("")
@router.post("/")
async def predict_named(call: ThisCall) -> Response:
    body = members(await call.json(), ["use_case", "instance"])
    return await _one(call, name_in(body), body["instance"])


@router.post("/batch")
async def predict_batch_named(call: ThisCall) -> Response:
    body = members(await call.json(), ["use_case", "instances"])
    return await _many(call, name_in(body), body)


@router.post("/{use_case}")
async def predict(use_case: str, call: ThisCall) -> Response:
    call.graph.use_case(use_case)  # an unknown one is refused before its body is read
    return await _one(call, use_case, await call.json())


@router.post("/{use_case}/batch")
async def predict_batch(use_case: str, call: ThisCall) -> Response:
    """By content type, and answered as ``Accept`` asks: see ``api/batch.py``."""
    spec, headers = call.graph.use_case(use_case), call.request.headers
    kind = sent_kind(headers)
    rows = read_rows(spec, kind, await read(call.request, call.limits), call.limits)
    wanted = wanted_kind(headers.get("accept", ""), kind)
    answered = await call.graph.predict(use_case, rows, call.asked)
    return as_sent(write_answers(spec, wanted, answered.answers), headers_of(answered), MEDIA[wanted])


async def _one(call: Call, use_case: str, instance: Any) -> Response:
    rows = validate_one(call.graph.use_case(use_case).fields, instance)
    answered = await call.graph.predict(use_case, rows, call.asked)
    return reply(answered.answers[0], headers=headers_of(answered))


async def _many(call: Call, use_case: str, body: dict[str, Any]) -> Response:
    fields = call.graph.use_case(use_case).fields
    rows = validate(fields, many("instances", body["instances"], call.limits.max_batch))
    answered = await call.graph.predict(use_case, rows, call.asked)
    return reply({"predictions": answered.answers}, headers=headers_of(answered))


def name_in(body: dict[str, Any]) -> str:
    name = body["use_case"]
    if not isinstance(name, str):
        raise InvalidInput("use_case is not a name", [FieldError("use_case", shown(name), "the name of a use case")])
    return name
