"""No route takes a body that is too large, too deep or too slow, and those that take none read none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

from serve_app.api.app import ROUTERS, create_app
from serve_app.core.platform import Limits
from tests.fakes.small_graph import SmallGraph

MOST, DEPTH = 2000, 32
GRAPH = SmallGraph()
APP = create_app(GRAPH, Limits(max_body_bytes=MOST, max_depth=DEPTH), "0.1.0")
HASTY = create_app(GRAPH, Limits(request_timeout_s=0.4), "0.1.0")
DOCUMENT = TestClient(APP).get("/openapi.json").json()
JOBS = {
    "the-train-job": TestClient(APP).post("/api/v1/train/tickets", json={}).json()["job_id"],
    "the-data-job": TestClient(APP).post("/api/v1/data/tickets/preprocess", json={}).json()["job_id"],
}
"""Ids are drawn, and the names of tests are to be the same in every process: there these stand for them."""
FILLED = {"{use_case}": "tickets", "{prediction_id}": "01JZ8Q4T6V3M5N7P9R1S2T4V6X", "{key}": "tickets"}

Read = Callable[[], Awaitable[dict[str, Any]]]


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), _filled(path), operation)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    ]


def _filled(path: str) -> str:
    for name, value in {**FILLED, "{job_id}": "the-data-job" if "/data/" in path else "the-train-job"}.items():
        path = path.replace(name, value)
    assert "{" not in path, f"{path}: say here what stands for its parameter"
    return path


READING = [(method, path) for method, path, operation in operations() if "requestBody" in operation]
ROUTED = [
    (method, _filled(route.path))
    for router in ROUTERS
    for route in router.routes
    for method in route.methods  # type: ignore[attr-defined]
]
OTHERS = sorted({*ROUTED, *((method, path) for method, path, _ in operations())} - {*READING})
"""Those that are described as taking no body, or not described at all."""


@dataclass
class Sent:
    """A body in ``pieces``; ``taken``: how many of them were read."""

    pieces: AsyncIterator[bytes]
    taken: int = 0
    answer: list[Any] = field(default_factory=list)

    async def receive(self) -> dict[str, Any]:
        try:
            piece = await anext(self.pieces)
        except StopAsyncIteration:
            return {"type": "http.request", "body": b"", "more_body": False}
        self.taken += 1
        return {"type": "http.request", "body": piece, "more_body": True}

    async def send(self, message: Any) -> None:
        self.answer.append(message)

    @property
    def said(self) -> tuple[int, str | None]:
        status = self.answer[0]["status"]
        return status, orjson.loads(self.answer[1]["body"])["code"] if status >= 400 else None


async def ask(app: Any, method: str, path: str, sent: Sent, *more: tuple[bytes, bytes]) -> tuple[int, str | None]:
    for name, job_id in JOBS.items():
        path = path.replace(name, job_id)
    given = dict(more)
    headers = [*({b"content-type": b"application/json"} | given).items()]
    if b"content-length" not in given:
        headers.append((b"transfer-encoding", b"chunked"))
    where = {"path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "server": ("t", 80)}
    how = {"type": "http", "method": method, "scheme": "http", "http_version": "1.1", "headers": headers}
    await app({**where, **how}, sent.receive, sent.send)
    return sent.said


async def endless(piece: bytes = b" " * 100) -> AsyncIterator[bytes]:
    while True:
        yield piece


async def one(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def never() -> AsyncIterator[bytes]:
    await asyncio.sleep(60)
    yield b""


def test_there_is_something_to_walk() -> None:
    assert len(READING) > 30
    assert ("POST", "/api/v1/train/jobs/the-train-job/cancel") in READING
    declared = {route.path for use_case in GRAPH.known.values() for route in use_case.routes}
    assert declared <= {path for _, path in [*READING, *OTHERS]}
    assert len({*ROUTED} & {*READING}) > 15


@pytest.mark.parametrize(("method", "path"), READING, ids=str)
def test_a_body_that_is_too_large_or_too_deep_is_refused(method: str, path: str) -> None:
    async def asked() -> None:
        announced = Sent(endless())
        length = (b"content-length", str(MOST + 1).encode())
        assert await ask(APP, method, path, announced, length) == (413, "too_large")
        assert announced.taken == 0, "it is refused for what it says"
        chunked = Sent(endless())
        assert await ask(APP, method, path, chunked) == (413, "too_large")
        assert chunked.taken == MOST // 100 + 1
        deep = Sent(one(b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1)))
        assert await ask(APP, method, path, deep) == (400, "too_deep")

    asyncio.run(asked())


@pytest.mark.parametrize("kind", [b"application/x-ndjson", b"application/vnd.apache.arrow.stream"])
def test_a_batch_in_another_form_is_no_larger(kind: bytes) -> None:
    path, type_ = "/api/v1/predict/tickets/batch", (b"content-type", kind)
    sent = Sent(endless())
    assert asyncio.run(ask(APP, "POST", path, sent, type_)) == (413, "too_large")
    assert sent.taken == MOST // 100 + 1


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async def asked() -> list[tuple[int, str | None]]:
        return list(await asyncio.gather(*(ask(HASTY, method, path, Sent(never())) for method, path in READING)))

    assert asyncio.run(asked()) == [(408, "slow_body")] * len(READING)


@pytest.mark.parametrize(("method", "path"), OTHERS, ids=str)
def test_who_takes_no_body_reads_none(method: str, path: str) -> None:
    if path.endswith("/events"):
        pytest.skip("a stream looks whether its client is there, by which it comes past the body")
    sent = Sent(endless())
    status, code = asyncio.run(ask(APP, method, path, sent))
    assert status < 500
    assert sent.taken == (MOST // 100 + 1 if code == "too_large" else 0)
