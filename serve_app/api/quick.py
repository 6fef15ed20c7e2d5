"""The quick way to what is asked most: predictions, past FastAPI's middleware and its router.

FastAPI tries one route after the other and solves each endpoint's dependencies anew, which costs more
than everything else here. The endpoints are the same ones, behind a door of the same kind, so nothing is
answered otherwise. Whatever is not plainly a prediction of a use case that is there goes on to FastAPI,
refusals included.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from serve_app.api import predict
from serve_app.api.declared import Declared, answer
from serve_app.api.dependencies import Call, Service
from serve_app.api.door import Door, Rules

PREFIX, BATCH = "/api/v1/predict/", "/batch"

ASKED = "understudy.asked"
"""Where the scope of a request keeps what answers it, on its way through the door."""

FIXED = {path.removeprefix(PREFIX) for path in (route.path for route in predict.router.routes) if "{" not in path}
"""Names under the prefix that the router does not take for a use case."""


class Quick:
    """ASGI, in front of ``app``. ``routes``: the router's, which come before those of use cases."""

    def __init__(
        self, app: ASGIApp, service: Service, declared: Declared, routes: Sequence[BaseRoute], rules: Rules
    ) -> None:
        self._app, self._service, self._declared, self._routes = app, service, declared, routes
        self._door = Door(self._answer, rules)
        self._free: dict[str, bool] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = self._asked(scope) if scope["type"] == "http" and scope["method"] == "POST" else None
        if asked is None:
            await self._app(scope, receive, send)
        else:
            scope[ASKED] = asked
            await self._door(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        response: Response = await scope[ASKED](Call(Request(scope, receive), self._service))
        await response(scope, receive, send)

    def _asked(self, scope: Scope) -> Callable[[Call], Awaitable[Response]] | None:
        path, root = scope["path"], scope.get("root_path", "")
        path = path[len(root) :] if root and path.startswith(f"{root}/") else path
        return self._native(path[len(PREFIX) :]) if path.startswith(PREFIX) else self._of_use_case(path)

    def _native(self, name: str) -> Callable[[Call], Awaitable[Response]] | None:
        known = self._service.graph.use_cases()
        if name in known and name not in FIXED:
            return lambda call: predict.predict(name, call)
        stem = name.removesuffix(BATCH)
        return (lambda call: predict.predict_batch(stem, call)) if name != stem and stem in known else None

    def _of_use_case(self, path: str) -> Callable[[Call], Awaitable[Response]] | None:
        found = self._declared.find("POST", path)
        if found is None or not self._is_free(path):
            return None
        return lambda call: answer(call, *found)

    def _is_free(self, path: str) -> bool:
        """Whether no route of the router's own takes the path. Asked of declared paths only, which are few."""
        if path not in self._free:
            scope: dict[str, Any] = {"type": "http", "method": "POST", "path": path, "root_path": "", "headers": []}
            self._free[path] = all(route.matches(dict(scope))[0] is Match.NONE for route in self._routes)
        return self._free[path]
