"""The use cases that are served, each with the schema of its instances and an example."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from serve_app.api.dependencies import ThisCall
from serve_app.api.replies import reply
from serve_app.core.json_schema import example, json_schema
from serve_app.core.use_case import UseCase

router = APIRouter(prefix="/api/v1/use_cases")


@router.get("")
async def use_cases(call: ThisCall) -> Response:
    return reply({"use_cases": [summary(use_case) for use_case in call.graph.use_cases().values()]})


@router.get("/{use_case}")
async def use_case(use_case: str, call: ThisCall) -> Response:
    return reply(full(call.graph.use_case(use_case)))


def summary(use_case: UseCase) -> dict[str, Any]:
    return {
        "name": use_case.name,
        "title": use_case.title,
        "description": use_case.description,
        "target": use_case.target.kind,
        "predict": f"/api/v1/predict/{use_case.name}",
        "routes": [route.path for route in use_case.routes],
    }


def full(use_case: UseCase) -> dict[str, Any]:
    """The parts a client can use; where files lie and how training goes is nobody else's business."""
    parts = use_case.model_dump(mode="json", include={"fields", "target", "cascade", "decision"})
    return {**summary(use_case), **parts, "schema": json_schema(use_case.fields), "example": example(use_case.fields)}
