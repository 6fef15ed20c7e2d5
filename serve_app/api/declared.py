"""The routes that use cases declare in their ``use_case.yaml``.

They are looked up when a request comes that no other route takes, so that those of a use case added
while running are there at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from serve_app.api.dependencies import Call, Service
from serve_app.api.replies import headers_of, reply
from serve_app.core.ports import Answered
from serve_app.core.reshape import reshape
from serve_app.core.schema import validate_one
from serve_app.core.use_case import DecideRoute, ExplainRoute, PredictRoute, Route, UseCase, ValuesRoute


class Declared:
    """An ASGI application: what the router falls back on."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise HTTPException(404)
        request = Request(scope, receive)
        use_case, route = self._find(request)
        response = await answer(Call(request, self._service), use_case, route)
        await response(scope, receive, send)

    def find(self, method: str, path: str) -> tuple[UseCase, Route] | None:
        return next((pair for pair in self._all() if pair[1].path == path and method_of(pair[1]) == method), None)

    def _find(self, request: Request) -> tuple[UseCase, Route]:
        path = scope_path(request.scope)
        fitting = self.find(request.method, path)
        if fitting is not None:
            return fitting
        there = {method_of(route) for _, route in self._all() if route.path == path}
        if there:
            allowed = {"Allow": ", ".join(sorted(there))}
            raise HTTPException(405, f"{path} takes {allowed['Allow']}", allowed)
        raise HTTPException(404, "no route has this path; GET /openapi.json lists those there are")

    def _all(self) -> Iterator[tuple[UseCase, Route]]:
        return ((use_case, route) for use_case in self._service.graph.use_cases().values() for route in use_case.routes)


def scope_path(scope: Scope) -> str:
    """The path below where the application is mounted."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def method_of(route: Route) -> str:
    return "GET" if isinstance(route, ValuesRoute) else "POST"


async def answer(call: Call, use_case: UseCase, route: Route) -> Response:
    match route:
        case PredictRoute(explain=False):
            return await _predict(call, use_case, route)
        case PredictRoute() | ExplainRoute():
            return await _explain(call, use_case, route)
        case DecideRoute():
            return reply(await _decide(call, use_case, route))
        case ValuesRoute():
            values = call.graph.values(use_case.name, route.field)
            return reply({route.answer: values, "count": len(values)})


async def _predict(call: Call, use_case: UseCase, route: PredictRoute) -> Response:
    rows = validate_one(use_case.fields, await call.json())
    answered = await call.graph.predict(use_case.name, rows, call.asked)
    shaped = reshape(route.answer, _document(rows.record(0), answered), "answer")
    return reply(shaped, headers=headers_of(answered))


def _document(given: dict[str, Any], answered: Answered) -> dict[str, Any]:
    answer = answered.answers[0]
    return {
        "input": given,
        "features": answered.rows.record(0),
        "answer": answer,
        "decision": answer["decision"],
    }


async def _explain(call: Call, use_case: UseCase, route: PredictRoute | ExplainRoute) -> Response:
    rows = validate_one(use_case.fields, await call.json())
    answered = await call.graph.explain(use_case.name, rows, call.asked)
    explained = answered.answers[0]
    whole = {**explained, "input": rows.record(0), "answer": explained}
    return reply(reshape(route.answer, whole, "answer"), headers=headers_of(answered))


async def _decide(call: Call, use_case: UseCase, route: DecideRoute) -> Any:
    given = validate_one(route.inputs, await call.json()).record(0)
    decision = call.graph.decide(use_case.name, given)
    return reshape(route.answer, {"input": given, "decision": decision}, "decision")
