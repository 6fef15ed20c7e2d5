"""Retraining, and everything that moves a use case's champion."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from serve_app.api.body import members as members_of
from serve_app.api.dependencies import Call, ThisCall
from serve_app.api.jobs import TRAIN, accepted, only_read, router_of, start
from serve_app.api.predict import name_in
from serve_app.api.replies import reply
from serve_app.core.asked import FLAG, REASON, VERSION, members
from serve_app.core.registered import shown

router = router_of(TRAIN)

BY_HAND = "fetched the best model"

PROMOTE = {"version": VERSION, "reason": REASON}
WHY = {"reason": REASON}
SWITCH = {"enabled": FLAG, "reason": REASON}


@router.get("/models")
async def every_model(call: ThisCall) -> Response:
    found = [shown(each) for name in call.graph.use_cases() for each in await call.graph.versions.all(name)]
    return reply({"models": found})


@router.get("/schedules")
async def schedules(call: ThisCall) -> Response:
    found = [each for name in call.graph.use_cases() for each in await call.graph.ops.schedules(name)]
    return reply({"schedules": found})


for _path in ("/jobs", "/models", "/schedules", "/health"):
    router.post(_path)(only_read)


@router.get("/metrics/{use_case}")
async def metrics(use_case: str, call: ThisCall) -> Response:
    call.graph.use_case(use_case)
    return reply(await call.graph.versions.metrics(use_case))


@router.get("/drift/{use_case}")
async def drift(use_case: str, call: ThisCall) -> Response:
    call.graph.use_case(use_case)
    found = await call.graph.ops.drift(use_case)
    told = {"at": found.at.isoformat(), "drift": found.content} if found else {"at": None, "drift": None}
    return reply({"use_case": use_case, **told})


@router.post("")
@router.post("/")
async def train_named(call: ThisCall) -> Response:
    body = await call.json()
    others = body.keys() - {"use_case"} if isinstance(body, dict) else ()
    name = name_in(members_of(body, ["use_case"], others))
    call.graph.use_case(name)
    return await accepted(call, TRAIN, "train", name, {key: value for key, value in body.items() if key != "use_case"})


@router.post("/{use_case}")
async def train(use_case: str, call: ThisCall) -> Response:
    return await start(call, TRAIN, "train", use_case)


@router.get("/{use_case}/models")
async def models(use_case: str, call: ThisCall) -> Response:
    call.graph.use_case(use_case)
    return reply({"use_case": use_case, "models": [shown(each) for each in await call.graph.versions.all(use_case)]})


@router.post("/{use_case}/promote")
async def promote(use_case: str, call: ThisCall) -> Response:
    body = await _asked(call, use_case, PROMOTE, ["version", "reason"])
    return reply(await call.graph.versions.promote(use_case, body["version"], call.by, body["reason"]))


@router.post("/{use_case}/rollback")
async def rollback(use_case: str, call: ThisCall) -> Response:
    body = await _asked(call, use_case, WHY, ["reason"])
    return reply(await call.graph.versions.rollback(use_case, call.by, body["reason"]))


@router.post("/{use_case}/fetch-best-model")
async def fetch_best_model(use_case: str, call: ThisCall) -> Response:
    call.graph.use_case(use_case)
    body = members(await call.optional_json(), WHY)
    return reply(await call.graph.versions.best(use_case, call.by, body.get("reason", BY_HAND)))


@router.get("/{use_case}/shadow")
async def shadow(use_case: str, call: ThisCall) -> Response:
    call.graph.use_case(use_case)
    return reply(await call.graph.versions.shadow(use_case))


@router.api_route("/{use_case}/schedule", methods=["GET", "PATCH"])
async def schedule(use_case: str, call: ThisCall) -> Response:
    """One endpoint for both, so that a refusal of other methods names both."""
    call.graph.use_case(use_case)
    if call.request.method == "PATCH":
        body = members(await call.json(), SWITCH, ["enabled"])
        await call.graph.ops.switch(use_case, body["enabled"], call.by, body.get("reason"))
    return reply({"schedules": await call.graph.ops.schedules(use_case)})


async def _asked(call: Call, use_case: str, known: Any, required: list[str]) -> dict[str, Any]:
    """The body; an unknown use case is refused before it is read."""
    call.graph.use_case(use_case)
    return members(await call.json(), known, required)
