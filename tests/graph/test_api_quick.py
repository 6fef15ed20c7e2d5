"""The quick way and the router's answer alike: every request goes through both, and status, headers and
body are held against each other. Only the ids of predictions differ."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from serve_app.api.app import create_app
from serve_app.api.batch import MEDIA
from serve_app.api.quick import Quick
from serve_app.core.errors import StoreUnavailable, UnknownKey
from serve_app.core.platform import Limits
from serve_app.core.ports import Answered
from serve_app.core.use_case import UseCase
from tests.fakes.small_graph import TICKETS, SmallGraph, small_use_cases

ID = re.compile(rb"01[0-9A-HJKMNP-TV-Z]{24}")
JSON = {"content-type": "application/json"}
TICKET = {"tech_raw_text": "vpn down", "solving": "restart"}
RISK = {"on_time_rate": 0.4}
LIMITS = Limits(max_batch=20, max_body_bytes=10_000, request_timeout_s=5)

Request = tuple[str, str, dict[str, str], bytes]


class Poor(SmallGraph):
    """One whose money is spent: its answers carry Retry-After."""

    async def predict(self, *asked: Any) -> Answered:
        answered = await super().predict(*asked)
        return Answered(answered.answers, answered.rows, 77)


class Seen:
    """Notes what gets as far as the router."""

    def __init__(self, app: ASGIApp, paths: list[str]) -> None:
        self._app, self._paths = app, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._paths.append(scope["path"])
        await self._app(scope, receive, send)


def graph_of(kind: type[SmallGraph] = SmallGraph, failure: Exception | None = None) -> SmallGraph:
    """With use cases whose names and paths are the router's own as well."""
    odd = {name: UseCase.model_validate({**TICKETS, "name": name, "routes": []}) for name in ("batch", "models")}
    routes = [
        {"kind": "predict", "path": path} for path in ("/readyz", "/api/v1/predict", "/v2/models/x/infer", "/own")
    ]
    shadowed = UseCase.model_validate({**TICKETS, "name": "shadowed", "routes": routes})
    graph = kind({**small_use_cases(), **odd, "shadowed": shadowed})
    graph.failure = failure
    return graph


def quick(graph: SmallGraph, seen: list[str]) -> FastAPI:
    app = create_app(graph, LIMITS, "0.1.0")
    app.user_middleware.append(Middleware(Seen, paths=seen))
    return app


def plain(graph: SmallGraph) -> FastAPI:
    app = create_app(graph, LIMITS, "0.1.0")
    app.user_middleware = [each for each in app.user_middleware if each.cls is not Quick]
    return app


async def _told(app: Any, request: Request, root_path: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    method, path, headers, body = request
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, root_path=root_path)
    async with httpx.AsyncClient(transport=transport, base_url="http://local") as client:
        answer = await client.request(method, path, headers={"X-Request-ID": "r-1", **headers}, content=body)
    return answer.status_code, answer.headers.raw, ID.sub(b"?", answer.content)


def both(request: Request, make: Callable[[], SmallGraph] = graph_of, root_path: str = "") -> tuple[int, list[str]]:
    """The status that both ways give, and what of the quick one's request got to the router."""
    seen: list[str] = []
    fast = asyncio.run(_told(quick(make(), seen), request, root_path))
    slow = asyncio.run(_told(plain(make()), request, root_path))
    assert fast == slow
    return fast[0], seen


def post(path: str, body: Any, **headers: str) -> Request:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return "POST", path, {**JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}, raw


P = "/api/v1/predict"
QUICK = [
    post(f"{P}/tickets", TICKET),
    post(f"{P}/tickets?x=1", TICKET),
    post(f"{P}/risk", RISK, content_type="application/vnd.of-mine+json; charset=utf-8"),
    post(f"{P}/prices", {"card_id": "pikachu_25", "date": "2025-12-01"}),
    post(f"{P}/%74ickets", TICKET),
    post(f"{P}/tickets/batch", {"instances": [TICKET] * 20}),
    post(f"{P}/tickets/batch", orjson.dumps(TICKET) + b"\n", content_type=MEDIA["ndjson"]),
    post(f"{P}/tickets/batch", {"instances": [TICKET]}, accept=MEDIA["ndjson"]),
    post(f"{P}/models/batch", {"instances": [TICKET]}),
    post(f"{P}/batch/batch", {"instances": [TICKET]}),
    post("/predict", TICKET),
    post("/api/predict", TICKET),
    post("/own", TICKET),
    post("/fair_price", {"card_id": "pikachu_25", "date": "2025-12-01"}),
    post("/risk/predict", RISK),
    post("/risk/explain", RISK),
    post("/signal", {"market_price": 90, "fair_price": 100}),
]
REFUSED = [
    post(f"{P}/prices", {"card_id": "nobody", "date": "2025-12-01"}),
    post(f"{P}/risk", {"on_time_rate": "0.4", "region": 3, "x": 1}),
    post(f"{P}/risk", []),
    post(f"{P}/risk", b""),
    post(f"{P}/risk", b'{"on_time_rate": 0.'),
    post(f"{P}/risk", b"[" * 40 + b"]" * 40),
    post(f"{P}/risk", b'{"on_time_rate": NaN}'),
    post(f"{P}/tickets", {"tech_raw_text": "x" * 10_001}),
    post(f"{P}/risk", RISK, content_type="text/plain"),
    post(f"{P}/risk", RISK, content_type=""),
    post(f"{P}/risk", RISK, content_type="application/json; charset=latin-1"),
    post(f"{P}/risk", RISK, content_encoding="gzip"),
    post(f"{P}/tickets/batch", {"instances": []}),
    post(f"{P}/tickets/batch", {"instances": [TICKET] * 21}),
    post(f"{P}/tickets/batch", {"instances": [TICKET], "more": 1}),
    post(f"{P}/tickets/batch", [TICKET]),
    post(f"{P}/tickets/batch", {"instances": [TICKET, {"tech_raw_text": 3}, 4]}),
    post(f"{P}/tickets/batch", b"{}\n{", content_type=MEDIA["ndjson"]),
    post(f"{P}/tickets/batch", b"no stream", content_type=MEDIA["arrow"]),
    post(f"{P}/tickets/batch", b"a=1", content_type="application/x-www-form-urlencoded"),
    post("/fair_price", {"card_id": "nobody", "date": "2025-12-01"}),
    post("/signal", {"market_price": -1}),
    post("/predict", b"{"),
]
ROUTERS = [
    post(f"{P}/ticket", TICKET),
    post(f"{P}/ticket/batch", {"instances": [TICKET]}),
    post(f"{P}/tickets/", TICKET),
    post(f"{P}//tickets", TICKET),
    post(f"{P}/tickets/batch/", {"instances": [TICKET]}),
    post(f"{P}/tickets/batch/batch", {"instances": [TICKET]}),
    post(f"{P}/tickets%2Fother", TICKET),
    post(f"{P}/batch", {"use_case": "tickets", "instances": [TICKET]}),
    post(f"{P}/models", TICKET),
    post(f"{P}/health", TICKET),
    post(f"{P}/", {"use_case": "tickets", "instance": TICKET}),
    post(P, {"use_case": "tickets", "instance": TICKET}),
    post("/readyz", TICKET),
    post("/v2/models/x/infer", TICKET),
    post("/own/", TICKET),
    post("/cards", b""),
    post("/nowhere", TICKET),
    *((method, f"{P}/tickets", JSON, b"") for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH")),
    ("GET", f"{P}/tickets/batch", {}, b""),
    ("GET", "/predict", {}, b""),
    ("GET", "/cards", {}, b""),
    ("GET", f"{P}/models", {}, b""),
]


def named(request: Request) -> str:
    return f"{request[0]} {request[1]} {request[3][:20]!r}"


@pytest.mark.parametrize("request_", QUICK, ids=named)
def test_predictions_go_the_quick_way_and_are_answered_alike(request_: Request) -> None:
    assert both(request_) == (200, [])


@pytest.mark.parametrize("request_", REFUSED, ids=named)
def test_what_is_refused_there_is_refused_alike(request_: Request) -> None:
    status, seen = both(request_)
    assert 400 <= status < 500
    assert not seen


@pytest.mark.parametrize("request_", ROUTERS, ids=named)
def test_all_else_is_the_routers(request_: Request) -> None:
    assert both(request_)[1] == [httpx.URL(request_[1]).path]


@pytest.mark.parametrize("failure", [StoreUnavailable("away", 7), UnknownKey("no such card"), ValueError("a bug")])
@pytest.mark.parametrize("request_", [QUICK[0], QUICK[5], QUICK[10]], ids=named)
def test_failures_are_told_alike(request_: Request, failure: Exception) -> None:
    status, seen = both(request_, lambda: graph_of(failure=failure))
    assert status in (404, 500, 503)
    assert not seen


@pytest.mark.parametrize("request_", QUICK[:12], ids=named)
def test_when_there_is_money_again_is_told_alike(request_: Request) -> None:
    assert both(request_, lambda: graph_of(Poor)) == (200, [])


def test_below_a_prefix_it_is_the_same() -> None:
    under = post(f"/app{P}/tickets", TICKET)
    assert both(under, root_path="/app") == (200, [])
    assert both(post("/app/predict", TICKET), root_path="/app") == (200, [])
    assert both(under)[0] == 404


def test_a_body_in_pieces_is_the_same_body() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"", b'{"on_time', b'_rate": 0.4', b"}"):
            yield piece

    async def ask(app: FastAPI) -> bytes:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://local") as client:
            return ID.sub(b"?", (await client.post(f"{P}/risk", content=pieces(), headers=JSON)).content)

    seen: list[str] = []
    fast = asyncio.run(ask(quick(graph_of(), seen)))
    assert fast == asyncio.run(ask(plain(graph_of())))
    assert b'"source"' in fast
    assert not seen


def test_a_client_that_leaves_gets_nothing() -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    where = {"path": f"{P}/risk", "raw_path": b"", "query_string": b"", "root_path": "", "server": ("t", 80)}
    how = {"type": "http", "method": "POST", "scheme": "http", "http_version": "1.1"}
    graph = graph_of()
    for app in (quick(graph, []), plain(graph)):
        headers = [(b"content-type", b"application/json"), (b"content-length", b"100")]
        asyncio.run(app({**how, **where, "headers": headers}, receive, send))
    assert not sent
    assert not graph.log
