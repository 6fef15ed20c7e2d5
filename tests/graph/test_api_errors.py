"""Every bad request has its status and its code, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

from serve_app.api.app import create_app
from serve_app.api.errors import InvalidJson, problem_of
from serve_app.core import errors
from serve_app.core.platform import Limits
from tests.fakes.small_graph import SmallGraph

JSON = {"content-type": "application/json"}
LATIN = {"content-type": "application/json; charset=latin-1"}
NOBODYS = "01JZ8Q4T6V3M5N7P9R1S2T4V6X"
RISK = "/api/v1/predict/risk"
TICKETS = "/api/v1/predict/tickets"
MEGABYTE = 1024 * 1024


@pytest.fixture
def graph() -> SmallGraph:
    return SmallGraph()


@pytest.fixture
def client(graph: SmallGraph) -> TestClient:
    return TestClient(create_app(graph, Limits(max_batch=100), "0.1.0"))


def nested(depth: int) -> bytes:
    return b'{"on_time_rate":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


def chunks() -> Iterator[bytes]:
    yield b'{"tech_raw_text": "'
    for _ in range(11):
        yield b"x" * MEGABYTE
    yield b'"}'


BAD: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("wrong type", RISK, {"json": {"on_time_rate": "0.5"}}, 422, "invalid_input"),
    ("boolean for a number", RISK, {"json": {"on_time_rate": True}}, 422, "invalid_input"),
    ("missing", RISK, {"json": {}}, 422, "invalid_input"),
    ("unknown field", RISK, {"json": {"on_time_rate": 0.5, "regoin": "eu"}}, 422, "invalid_input"),
    ("out of bounds", RISK, {"json": {"on_time_rate": 1.5}}, 422, "invalid_input"),
    ("not allowed", RISK, {"json": {"on_time_rate": 0.5, "region": "mars"}}, 422, "invalid_input"),
    ("no such day", RISK, {"json": {"on_time_rate": 0.5, "since": "2025-02-30"}}, 422, "invalid_input"),
    ("too long", TICKETS, {"json": {"tech_raw_text": "x" * 2001}}, 422, "invalid_input"),
    ("NUL", TICKETS, {"json": {"tech_raw_text": "a\0b"}}, 422, "invalid_input"),
    ("JSON array", RISK, {"json": []}, 422, "invalid_input"),
    ("JSON null", RISK, {"content": b"null", "headers": JSON}, 422, "invalid_input"),
    ("NaN", RISK, {"content": b'{"on_time_rate": NaN}', "headers": JSON}, 400, "invalid_json"),
    ("beyond a double", RISK, {"content": b'{"on_time_rate": 1e999}', "headers": JSON}, 400, "invalid_json"),
    ("lone surrogate", TICKETS, {"content": b'{"tech_raw_text": "\\ud800"}', "headers": JSON}, 400, "invalid_json"),
    ("not UTF-8", TICKETS, {"content": b'{"tech_raw_text": "\xff"}', "headers": JSON}, 400, "invalid_json"),
    ("broken JSON", RISK, {"content": b'{"on_time_rate": 0.', "headers": JSON}, 400, "invalid_json"),
    ("empty body", RISK, {"content": b"", "headers": JSON}, 400, "invalid_json"),
    ("blank body", RISK, {"content": b" \n", "headers": JSON}, 400, "invalid_json"),
    ("33 deep", RISK, {"content": nested(33), "headers": JSON}, 400, "too_deep"),
    ("100 deep", RISK, {"content": nested(100), "headers": JSON}, 400, "too_deep"),
    ("100,000 deep", RISK, {"content": nested(100_000), "headers": JSON}, 400, "too_deep"),
    ("32 deep", RISK, {"content": nested(32), "headers": JSON}, 422, "invalid_input"),
    ("11 MB", TICKETS, {"json": {"tech_raw_text": "x" * 11 * MEGABYTE}}, 413, "too_large"),
    ("11 MB in chunks", TICKETS, {"content": chunks(), "headers": JSON}, 413, "too_large"),
    ("text/plain", RISK, {"content": b"{}", "headers": {"content-type": "text/plain"}}, 415, "unsupported_media"),
    ("no content type", RISK, {"content": b"{}"}, 415, "unsupported_media"),
    ("a form", RISK, {"data": {"on_time_rate": "1"}}, 415, "unsupported_media"),
    ("latin-1", RISK, {"content": b"{}", "headers": LATIN}, 415, "unsupported_media"),
    ("gzip", RISK, {"content": b"{}", "headers": {**JSON, "content-encoding": "gzip"}}, 415, "unsupported_media"),
    ("unknown use case", "/api/v1/predict/riks", {"json": {}}, 404, "unknown_use_case"),
    ("unknown in the body", "/api/v1/predict/", {"json": {"use_case": "no", "instance": {}}}, 404, "unknown_use_case"),
    ("use case of a wrong type", "/api/v1/predict/", {"json": {"use_case": 3, "instance": {}}}, 422, "invalid_input"),
    ("no instance", "/api/v1/predict/", {"json": {"use_case": "risk"}}, 422, "invalid_input"),
    ("unknown card", "/fair_price", {"json": {"card_id": "no", "date": "2025-12-01"}}, 404, "unknown_key"),
    ("day too early", "/fair_price", {"json": {"card_id": "pikachu_25", "date": "2024-12-31"}}, 422, "invalid_input"),
    ("unknown path", "/nowhere", {"json": {}}, 404, "not_found"),
    ("wrong method", "/api/v1/use_cases", {"json": {}}, 405, "method_not_allowed"),
    ("wrong method, declared", "/cards", {"json": {}}, 405, "method_not_allowed"),
    ("unknown prediction", f"/api/v1/feedback/{NOBODYS}", {"json": {"label": "x"}}, 404, "unknown_prediction"),
    ("no id at all", "/api/v1/feedback/%00", {"json": {"label": "x"}}, 404, "unknown_prediction"),
    ("label of a wrong type", "/api/v1/feedback/a", {"json": {"label": ["x"]}}, 422, "invalid_input"),
    ("boolean label", "/api/v1/feedback/a", {"json": {"label": True}}, 422, "invalid_input"),
    ("note too long", "/api/v1/feedback/a", {"json": {"label": "x", "note": "x" * 2001}}, 422, "invalid_input"),
    ("empty batch", f"{RISK}/batch", {"json": {"instances": []}}, 422, "invalid_input"),
    ("too many", f"{RISK}/batch", {"json": {"instances": [{"on_time_rate": 0.5}] * 101}}, 422, "invalid_input"),
    ("no batch", f"{RISK}/batch", {"json": {"instances": {}}}, 422, "invalid_input"),
    ("batch and more", f"{RISK}/batch", {"json": {"instances": [], "x": 1}}, 422, "invalid_input"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "request_", "status", "code"), [case[1:] for case in BAD], ids=[case[0] for case in BAD]
)
def test_a_bad_request_is_refused(
    client: TestClient, graph: SmallGraph, path: str, request_: dict[str, Any], status: int, code: str
) -> None:
    answer = client.post(path, **request_)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == status
    assert problem["instance"].endswith(answer.headers["X-Request-ID"])
    assert len(answer.content) < 20_000
    assert not graph.log


def test_every_misfit_is_named_with_what_was_expected(client: TestClient) -> None:
    body = {"on_time_rate": 7, "region": 3, "orders": 1.5, "contract": "x"}
    assert client.post(RISK, json=body).json()["errors"] == [
        {"field": "on_time_rate", "problem": "7", "expected": "at most 1"},
        {"field": "orders", "problem": "1.5", "expected": "an integer"},
        {"field": "region", "problem": "3", "expected": "one of: eu, us, asia"},
        {"field": "contract", "problem": "unknown field", "expected": "did you mean contract_text?"},
    ]


def test_one_bad_row_names_its_index_and_refuses_the_batch(client: TestClient, graph: SmallGraph) -> None:
    instances: list[dict[str, Any]] = [{"on_time_rate": 0.5} for _ in range(100)]
    instances[37]["on_time_rate"] = -1
    answer = client.post(f"{RISK}/batch", json={"instances": instances})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "on_time_rate", "problem": "-1", "expected": "at least 0", "row": 37}]
    assert not graph.log


def test_a_near_miss_is_suggested(client: TestClient) -> None:
    assert "did you mean risk?" in client.post("/api/v1/predict/riks", json={}).json()["detail"]


def test_other_methods_are_named(client: TestClient) -> None:
    assert client.get("/signal").headers["Allow"] == "POST"
    assert client.delete(RISK).headers["Allow"] == "POST"


def test_a_bug_tells_nothing_but_its_trace_is_logged(
    client: TestClient, graph: SmallGraph, caplog: pytest.LogCaptureFixture
) -> None:
    graph.failure = ValueError("secret of /some/path")
    with caplog.at_level(logging.ERROR, "understudy.api"):
        answer = client.post(RISK, json={"on_time_rate": 0.5}, headers={"X-Request-ID": "req-7"})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert "request_id=req-7" in caplog.text
    assert "secret of /some/path" in caplog.text


class RayTaskError(Exception):
    """As Ray wraps what was raised on the other side of a hop."""

    def __init__(self, cause: Exception) -> None:
        super().__init__("a remote traceback")
        self.cause = cause


class BackPressureError(Exception):
    pass


class DeploymentUnavailableError(Exception):
    pass


class RayActorError(Exception):
    pass


class ActorDiedError(RayActorError):
    pass


RAISED: list[tuple[Exception, int, str, str | None]] = [
    (RayTaskError(errors.UnknownKey("no such card")), 404, "unknown_key", None),
    (RayTaskError(RayTaskError(errors.StoreUnavailable("away", 7))), 503, "store_unavailable", "7"),
    (RayTaskError(ValueError("bug")), 500, "internal", None),
    (errors.RegistryUnavailable("away"), 503, "registry_unavailable", "1"),
    (errors.Conflict("already so"), 409, "conflict", None),
    (errors.BadBundle("digest of /some/file"), 500, "internal", None),
    (BackPressureError("full"), 503, "overloaded", "1"),
    (DeploymentUnavailableError("gone"), 503, "unavailable", "1"),
    (ActorDiedError("gone"), 503, "unavailable", "1"),
    (TimeoutError(), 503, "timeout", "1"),
]


@pytest.mark.parametrize(("raised", "status", "code", "wait"), RAISED, ids=lambda value: type(value).__name__)
def test_failures_behind_the_api(
    client: TestClient, graph: SmallGraph, raised: Exception, status: int, code: str, wait: str | None
) -> None:
    graph.failure = raised
    answer = client.post(RISK, json={"on_time_rate": 0.5})
    assert (answer.status_code, answer.json()["code"], answer.headers.get("Retry-After")) == (status, code, wait)
    assert "/some/file" not in answer.text


def test_every_refusal_has_a_status() -> None:
    """A class that is added gets one of its own or its base's; only configuration and bundles are bugs here."""
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.UnderstudyError)
    ]
    without = {kind.__name__ for kind in [*kinds, InvalidJson] if problem_of(kind("x")).status == 500}
    assert without == {"UnderstudyError", "BadConfig", "BadBundle"}


class SlowGraph(SmallGraph):
    async def predict(self, *_: Any) -> Any:
        await asyncio.sleep(60)


def test_an_answer_that_takes_too_long_is_a_timeout() -> None:
    client = TestClient(create_app(SlowGraph(), Limits(request_timeout_s=0.1), "0.1.0"))
    answer = client.post(RISK, json={"on_time_rate": 0.5})
    assert (answer.status_code, answer.json()["code"]) == (503, "timeout")


async def _status_of(app: Any, receive: Any) -> tuple[int, bytes]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    where = {"path": RISK, "raw_path": RISK.encode(), "query_string": b"", "root_path": "", "server": ("t", 80)}
    how = {"type": "http", "method": "POST", "scheme": "http", "http_version": "1.1"}
    scope = {**how, **where, "headers": [(b"content-type", b"application/json"), (b"transfer-encoding", b"chunked")]}
    await app(scope, receive, send)
    return sent[0]["status"], sent[1]["body"]


def test_a_body_that_never_comes_is_refused() -> None:
    async def receive() -> Any:
        await asyncio.sleep(60)

    app = create_app(SmallGraph(), Limits(request_timeout_s=0.2), "0.1.0")
    status, body = asyncio.run(_status_of(app, receive))
    assert (status, orjson.loads(body)["code"]) == (408, "slow_body")


def test_a_stream_is_cut_at_the_limit() -> None:
    """A body without an announced length is not read beyond the limit."""
    read = []

    async def receive() -> Any:
        read.append(1)
        return {"type": "http.request", "body": b" " * 100, "more_body": True}

    app = create_app(SmallGraph(), Limits(max_body_bytes=1000), "0.1.0")
    status, _ = asyncio.run(_status_of(app, receive))
    assert status == 413
    assert len(read) == 11
