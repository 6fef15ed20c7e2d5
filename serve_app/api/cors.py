"""Web pages of other origins, as far as the configuration lets them in: nowhere, unless it names them."""

from __future__ import annotations

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_app.api.headers import security
from serve_app.core.origins import Cors

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

SENT = ("Authorization", "Content-Type", "Accept", "Idempotency-Key", "Last-Event-ID", "X-Request-ID", "X-API-Key",
        "X-Request-Timeout")  # fmt: skip

SHOWN = ("X-Request-ID", "Retry-After", "RateLimit", "RateLimit-Policy", "Location")
"""Headers of an answer that a page's script may read."""


def with_cors(app: ASGIApp, cors: Cors) -> ASGIApp:
    """``app`` as it is where no origin is let in."""
    if not cors.origins:
        return app
    inner = CORSMiddleware(
        app, cors.origins, METHODS, SENT, cors.credentials, expose_headers=SHOWN, max_age=cors.max_age_s
    )

    async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
        await inner(scope, receive, _secured(scope, send) if scope.get("method") == "OPTIONS" else send)

    return asgi


def _secured(scope: Scope, send: Send) -> Send:
    """A preflight is answered before it comes to the door."""

    async def secured(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = message.get("headers", [])
            there = {name for name, _ in headers}
            message["headers"] = [*headers, *(h for h in security(scope["path"], headers) if h[0] not in there)]
        await send(message)

    return secured
