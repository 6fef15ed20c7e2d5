"""The HTTP application, over any graph."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from serve_app.api import (
    audit,
    auth,
    certificates,
    data,
    explain,
    feedback,
    health,
    open_inference,
    ops,
    predict,
    replay,
    review,
    savings,
    train,
    use_cases,
)
from serve_app.api.access import Access
from serve_app.api.cors import with_cors
from serve_app.api.declared import Declared
from serve_app.api.dependencies import Service
from serve_app.api.door import Door, Rules
from serve_app.api.errors import problem_of, response
from serve_app.api.gate import Gate
from serve_app.api.limits import Limiter
from serve_app.api.openapi import OpenApi
from serve_app.api.quick import Quick
from serve_app.api.request_log import RequestLog
from serve_app.core.origins import Cors, Trusted
from serve_app.core.platform import Limits
from serve_app.core.ports import Graph

ROUTERS = (
    predict.router,
    explain.router,
    feedback.router,
    use_cases.router,
    health.router,
    open_inference.router,
    train.router,
    data.router,
    ops.router,
    audit.router,
    certificates.router,
    replay.router,
    review.router,
    savings.router,
)

NO_ORIGIN = Cors()


def create_app(
    graph: Graph,
    limits: Limits,
    version: str,
    *,
    labels_answers: bool = True,
    cors: Cors = NO_ORIGIN,
    limiter: Limiter | None = None,
    log: RequestLog | None = None,
    own_names: bool = False,
) -> FastAPI:
    """Every endpoint, over ``graph``. Routes that use cases declare come and go with them.

    ``labels_answers``: put X-Request-ID into every answer. Unset behind Ray Serve, which does it itself,
    with the id that it hands on, and would have it there twice. ``limiter``: None where no caller is limited;
    ``log``: None where no request is logged; ``own_names``: refuse who asks by another name than this machine's."""
    app = FastAPIOffline(title="Understudy", version=version, redirect_slashes=False)
    app.state.service = service = Service(graph, limits, version)
    for router in (*ROUTERS, *([auth.router] if graph.identity else [])):
        app.include_router(router, include_in_schema=False)
    app.router.default = declared = Declared(service)
    gate = Gate(Access(declared), graph.identity) if graph.identity else None
    app.openapi = OpenApi(service)  # type: ignore[method-assign]
    for kind in (HTTPException, RequestValidationError):
        app.add_exception_handler(kind, _refused)
    trusted = Trusted(limits.trusted_proxies)
    rules = Rules(
        limits.request_timeout_s,
        limits.max_in_flight,
        labels_answers,
        gate,
        trusted=trusted,
        limiter=limiter,
        log=log,
        own_names=own_names,
    )
    app.add_middleware(Door, rules=rules)
    behind = app.build_middleware_stack
    app.build_middleware_stack = lambda: with_cors(  # type: ignore[method-assign]
        Quick(behind(), service, declared, app.routes, rules), cors
    )
    return app


async def _refused(request: Request, exc: Exception) -> Response:
    return response(problem_of(exc), request.state.request_id, request.url.path)
