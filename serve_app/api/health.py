"""Is it alive, can it answer, and what of it is real.

Ready means that something can be answered: the store takes predictions and at least one use case
answers. A use case that cannot train or a teacher that is away is told, and does not stop the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from serve_app.api.dependencies import Call, ThisCall
from serve_app.api.replies import reply
from serve_app.core.errors import Unavailable
from serve_app.core.ports import Graph, Part
from serve_app.core.use_case import ValuesRoute

router = APIRouter()

STORE, AUTH = "store", "auth"
USE_CASE = "use_case:"
"""Part names: the store's, that of how people log in, and the prefix of a use case's."""

AWAY = ("failed", "starting")


@dataclass(frozen=True, slots=True)
class Condition:
    """What the parts come to."""

    parts: Sequence[Part]

    @property
    def ready(self) -> bool:
        stores = all(part.state not in AWAY for part in self.parts if part.name == STORE)
        return stores and bool(self.answering)

    @property
    def answering(self) -> set[str]:
        """The use cases that can answer, a cold one by its teacher or for a person."""
        return {name for name, part in self._use_cases().items() if part.state not in AWAY}

    @property
    def model_loaded(self) -> bool:
        return any(part.state in ("ready", "degraded") for part in self._use_cases().values())

    @property
    def status(self) -> str:
        if not self.ready:
            return "unhealthy"
        return "healthy" if all(part.state == "ready" for part in self.parts) else "degraded"

    def _use_cases(self) -> dict[str, Part]:
        return {p.name.removeprefix(USE_CASE): p for p in self.parts if p.name.startswith(USE_CASE)}


@router.get("/livez")
async def livez() -> Response:
    return reply({"status": "alive"})


@router.get("/readyz")
async def readyz(call: ThisCall) -> Response:
    now = Condition(await call.graph.parts())
    content = {"ready": now.ready, "parts": [_shown(call, part) for part in now.parts]}
    return reply(content, 200 if now.ready else 503, _wait(now))


@router.get("/health")
async def health(call: ThisCall) -> Response:
    now = Condition(await call.graph.parts())
    content = {
        "status": now.status,
        "service": "understudy",
        "version": call.service.version,
        "model_loaded": now.model_loaded,
        "use_cases_count": len(call.graph.use_cases()),
        **counts(call),
        "parts": {part.name: {k: v for k, v in _shown(call, part).items() if k != "name"} for part in now.parts},
    }
    return reply(content, 200 if now.ready else 503, _wait(now))


def _shown(call: Call, part: Part) -> dict[str, Any]:
    """Details name hosts, files and reasons, which a stranger could use: with a login they are told to admins."""
    told = call.caller.may("admin") or part.name == AUTH
    return asdict(part) if told else {**asdict(part), "detail": ""}


def _wait(now: Condition) -> dict[str, str]:
    return {} if now.ready else {"Retry-After": "5"}


def counts(call: Call) -> dict[str, Any]:
    """How many values each declared list has: a route that answers ``cards`` counts as ``cards_count``."""
    routes = [(u.name, r) for u in call.graph.use_cases().values() for r in u.routes if isinstance(r, ValuesRoute)]
    return {f"{route.answer}_count": _count(call.graph, name, route.field) for name, route in routes}


def _count(graph: Graph, use_case: str, field: str) -> int | None:
    try:
        return len(graph.values(use_case, field))
    except Unavailable:
        return None
