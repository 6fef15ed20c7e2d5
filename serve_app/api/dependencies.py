"""What an endpoint gets: the graph, the limits, and who asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request

from serve_app.api.body import read_json
from serve_app.core.platform import Limits
from serve_app.core.ports import Asked, Graph


@dataclass(frozen=True, slots=True)
class Service:
    """What the whole API rests on; kept as ``app.state.service``."""

    graph: Graph
    limits: Limits
    version: str


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as an endpoint sees it."""

    request: Request
    service: Service

    @property
    def graph(self) -> Graph:
        return self.service.graph

    @property
    def limits(self) -> Limits:
        return self.service.limits

    @property
    def asked(self) -> Asked:
        return Asked(request_id=self.request.state.request_id)

    async def json(self) -> Any:
        return await read_json(self.request, self.limits)


async def call_of(request: Request) -> Call:
    return Call(request, request.app.state.service)


ThisCall = Annotated[Call, Depends(call_of)]
