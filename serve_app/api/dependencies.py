"""What an endpoint gets: the graph, the limits, and who asks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request

from serve_app.api.body import read_json, read_optional_json
from serve_app.api.event_stream import Places
from serve_app.api.limits import whose
from serve_app.api.scoped import Scoped
from serve_app.api.who import CALLER
from serve_app.core.caller import Caller
from serve_app.core.errors import Forbidden
from serve_app.core.platform import Limits
from serve_app.core.ports import Asked, Graph


@dataclass(frozen=True, slots=True)
class Service:
    """What the whole API rests on; kept as ``app.state.service``."""

    graph: Graph
    limits: Limits
    version: str
    streams: Places = field(default_factory=Places)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as an endpoint sees it."""

    request: Request
    service: Service

    @property
    def graph(self) -> Graph:
        caller = self.caller
        return self.service.graph if caller.use_cases is None else Scoped(self.service.graph, caller)

    @property
    def limits(self) -> Limits:
        return self.service.limits

    @property
    def asked(self) -> Asked:
        caller = self.caller
        return Asked(self.request.scope["state"]["request_id"], caller.name, whose(caller), self.left_s)

    @property
    def left_s(self) -> float:
        """Seconds of the request's time that are left."""
        return max(0.0, float(self.request.scope["state"]["until"]) - asyncio.get_running_loop().time())

    @property
    def caller(self) -> Caller:
        return CALLER.get()

    @property
    def by(self) -> str:
        """Whoever asks, as the audit log names them."""
        return self.caller.by

    async def may_see(self, prediction_id: str) -> None:
        """Raises Forbidden for a prediction that is somebody else's, UnknownPrediction."""
        if self.caller.sees_all():
            return
        logged = await self.graph.prediction(prediction_id)
        if not self.caller.may_see(logged["user"], logged["use_case"]):
            raise Forbidden("somebody else asked for this prediction")

    async def json(self) -> Any:
        return await read_json(self.request, self.limits)

    async def optional_json(self) -> Any:
        """{} when there is no body."""
        return await read_optional_json(self.request, self.limits)


async def call_of(request: Request) -> Call:
    return Call(request, request.app.state.service)


ThisCall = Annotated[Call, Depends(call_of)]
