"""The Open Inference Protocol, version 2: named tensors in, named tensors out.

Every input field is a tensor of shape [n] or [n, 1]; a missing value is null in its data. The same
rows, the same validation and the same log as the native API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from serve_app.api.body import members
from serve_app.api.dependencies import Call, ThisCall
from serve_app.api.health import Condition
from serve_app.api.replies import headers_of, reply
from serve_app.api.tensors import check_extras, column, outputs, tensors_of, wanted_of
from serve_app.core.json_schema import is_needed
from serve_app.core.rows import Rows
from serve_app.core.schema import validate
from serve_app.core.use_case import NumericField, UseCase

router = APIRouter(prefix="/v2")


@router.get("")
async def server(call: ThisCall) -> Response:
    return reply({"name": "understudy", "version": call.service.version, "extensions": []})


@router.get("/health/live")
async def live() -> Response:
    return reply({"live": True})


@router.get("/health/ready")
async def ready(call: ThisCall) -> Response:
    now = Condition(await call.graph.parts())
    return reply({"ready": now.ready}, 200 if now.ready else 503)


@router.get("/models/{use_case}")
async def metadata(use_case: str, call: ThisCall) -> Response:
    return reply(described(call.graph.use_case(use_case), await _versions(call, use_case)))


@router.get("/models/{use_case}/ready")
async def model_ready(use_case: str, call: ThisCall) -> Response:
    call.graph.use_case(use_case)
    answers = use_case in Condition(await call.graph.parts()).answering
    return reply({"name": use_case, "ready": answers}, 200 if answers else 503)


@router.post("/models/{use_case}/infer")
async def infer(use_case: str, call: ThisCall) -> Response:
    spec = call.graph.use_case(use_case)
    body = members(await call.json(), ["inputs"], ["id", "parameters", "outputs"])
    check_extras("body", body)
    wanted = wanted_of(body.get("outputs", []), [name for name, _ in outputs(spec)])
    rows = _rows(spec, body, call)
    answered = await call.graph.predict(use_case, rows, call.asked)
    inferred = _inferred(spec, answered.answers, wanted, body.get("id"))
    return reply(inferred, headers=headers_of(answered))


def _rows(use_case: UseCase, body: Mapping[str, Any], call: Call) -> Rows:
    columns = tensors_of(body["inputs"], call.limits.max_batch)
    instances = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return validate(use_case.fields, instances)


def _inferred(
    use_case: UseCase, answers: Sequence[Mapping[str, Any]], wanted: Sequence[str], request_id: Any
) -> dict[str, Any]:
    kinds = dict(outputs(use_case))
    version = answers[0]["model_version"]
    return {
        "model_name": use_case.name,
        **({"model_version": version} if version is not None else {}),
        **({"id": request_id} if request_id is not None else {}),
        "outputs": [
            {"name": name, "shape": [len(answers)], "datatype": kinds[name], "data": column(name, answers)}
            for name in wanted
        ],
    }


def described(use_case: UseCase, versions: Sequence[str]) -> dict[str, Any]:
    """The model's metadata, as the protocol has it."""
    inputs = [
        {
            "name": name,
            "datatype": "FP64" if isinstance(field, NumericField) else "BYTES",
            "shape": [-1],
            "parameters": {"required": is_needed(field)},
        }
        for name, field in use_case.fields.items()
    ]
    answers = [{"name": name, "datatype": kind, "shape": [-1]} for name, kind in outputs(use_case)]
    return {
        "name": use_case.name,
        "versions": list(versions),
        "platform": "understudy",
        "inputs": inputs,
        "outputs": answers,
    }


async def _versions(call: Call, use_case: str) -> list[str]:
    entries = [entry for entry in await call.graph.models() if entry.get("use_case") == use_case]
    return [str(entry["version"]) for entry in entries if entry.get("version") is not None]
