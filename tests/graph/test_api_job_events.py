"""A job's events as they happen: each once and in order, also over a stream that ended and came back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

from serve_app.api import event_stream
from serve_app.api.app import create_app
from serve_app.api.event_stream import Places, lasting_s
from serve_app.core.jobs import Finish, Happened
from serve_app.core.platform import Limits
from tests.fakes.small_graph import SmallGraph

NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)


@pytest.fixture
def graph() -> SmallGraph:
    return SmallGraph()


def app_of(graph: SmallGraph, timeout_s: float = 60.0) -> Any:
    return create_app(graph, Limits(request_timeout_s=timeout_s), "0.1.0")


def started(client: TestClient, graph: SmallGraph) -> str:
    job_id: str = client.post("/api/v1/train/risk").json()["job_id"]
    graph.learning.stores.jobs.start(job_id, NOW)
    return job_id


def finish(graph: SmallGraph, job_id: str) -> None:
    graph.learning.stores.jobs.finish(job_id, NOW, Finish("COMPLETED", result={}))


def events_in(text: str) -> list[dict[str, str]]:
    blocks = [block for block in text.split("\n\n") if "data:" in block]
    return [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]  # type: ignore[misc]


def test_an_ended_job_is_told_from_beginning_to_end(graph: SmallGraph) -> None:
    client = TestClient(app_of(graph))
    job_id = started(client, graph)
    step = Happened("step_finished", step="collect", progress=20, outputs={"rows": 12}, duration_s=0.5, log="ok\nfine")
    graph.learning.stores.jobs.tell(job_id, NOW, step)
    finish(graph, job_id)
    answer = client.get(f"/api/v1/train/jobs/{job_id}/events")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert answer.text.startswith("retry: ")
    told = events_in(answer.text)
    assert [(each["id"], each["event"]) for each in told] == [
        ("1", "accepted"), ("2", "started"), ("3", "step_finished"), ("4", "finished"),
    ]  # fmt: skip
    data = orjson.loads(told[2]["data"])
    assert (data["job_id"], data["seq"], data["step"], data["progress"]) == (job_id, 3, "collect", 20)
    assert (data["outputs"], data["duration_s"], data["log"]) == ({"rows": 12}, 0.5, "ok\nfine")


def test_it_goes_on_behind_the_last_that_was_seen(graph: SmallGraph) -> None:
    client = TestClient(app_of(graph))
    job_id = started(client, graph)
    finish(graph, job_id)
    path = f"/api/v1/train/jobs/{job_id}/events"
    told = events_in(client.get(path, headers={"Last-Event-ID": "2"}).text)
    assert [each["event"] for each in told] == ["finished"]
    assert client.get(path, headers={"Last-Event-ID": "3"}).status_code == 204
    assert client.get(path, headers={"Last-Event-ID": "x"}).status_code == 422


def test_what_happens_meanwhile_is_told_at_once(graph: SmallGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "LOOK_S", 0.02)
    monkeypatch.setattr(event_stream, "QUIET_S", 0.1)
    app = app_of(graph)
    job_id = started(TestClient(app), graph)
    watcher = Watcher(app, job_id)

    async def course() -> None:
        watching = asyncio.create_task(watcher.watch())
        await watcher.until(b"event: started")
        graph.learning.stores.jobs.tell(job_id, NOW, Happened("step_started", step="collect"))
        await watcher.until(b"event: step_started")
        await watcher.until(b": still there")
        finish(graph, job_id)
        await asyncio.wait_for(watching, 15)

    asyncio.run(course())
    assert b"event: finished" in watcher.body
    assert watcher.complete


def test_it_ends_before_it_would_be_cut_and_nothing_is_lost(graph: SmallGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client comes back with the last id it saw, as an EventSource does."""
    monkeypatch.setattr(event_stream, "LOOK_S", 0.05)
    job_id = started(TestClient(app_of(graph)), graph)
    client = TestClient(app_of(graph, timeout_s=2.4))
    first = client.get(f"/api/v1/train/jobs/{job_id}/events")
    told = events_in(first.text)
    assert (first.status_code, [each["event"] for each in told]) == (200, ["accepted", "started"])
    finish(graph, job_id)
    last = {"Last-Event-ID": told[-1]["id"]}
    told = events_in(client.get(f"/api/v1/train/jobs/{job_id}/events", headers=last).text)
    assert [each["event"] for each in told] == ["finished"]


def test_a_stream_has_less_time_than_a_request() -> None:
    assert lasting_s(60.0) == 55.0
    assert lasting_s(2.0) == 1.5


def test_a_client_that_leaves_gives_its_place_back(graph: SmallGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "LOOK_S", 0.02)
    monkeypatch.setattr(event_stream, "QUIET_S", 0.1)
    app = app_of(graph)
    job_id = started(TestClient(app), graph)
    places = app.state.service.streams

    async def course(watcher: Watcher) -> int:
        watching = asyncio.create_task(watcher.watch())
        await watcher.until(b"event: started")
        taken = places.taken
        watcher.leave()
        await asyncio.wait_for(watching, 15)
        return taken

    for spec in ("2.3", "2.4"):  # in the newer one a server tells by an error on send
        assert asyncio.run(course(Watcher(app, job_id, spec))) == 1
        assert places.taken == 0


def test_so_many_watch_and_no_more(graph: SmallGraph) -> None:
    app = app_of(graph)
    client = TestClient(app)
    job_id = started(client, graph)
    with _all_taken(app.state.service.streams):
        answer = client.get(f"/api/v1/train/jobs/{job_id}/events")
    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
    assert int(answer.headers["Retry-After"]) > 0
    finish(graph, job_id)
    assert client.get(f"/api/v1/train/jobs/{job_id}/events").status_code == 200


def test_a_store_that_goes_away_ends_the_stream_and_the_client_comes_back(
    graph: SmallGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "LOOK_S", 0.02)
    app = app_of(graph)
    job_id = started(TestClient(app), graph)
    watcher = Watcher(app, job_id)

    async def course() -> None:
        watching = asyncio.create_task(watcher.watch())
        await watcher.until(b"event: started")
        graph.learning.stores.jobs.away = True  # type: ignore[attr-defined]
        await asyncio.wait_for(watching, 15)

    asyncio.run(course())
    assert watcher.complete


def _all_taken(places: Places) -> Any:
    from contextlib import ExitStack

    stack = ExitStack()
    for _ in range(64):
        stack.enter_context(places.one())
    return stack


class Watcher:
    """A client of the stream, at the level of ASGI."""

    def __init__(self, app: Any, job_id: str, spec: str = "2.3") -> None:
        self._app, self._spec = app, spec
        self._path = f"/api/v1/train/jobs/{job_id}/events"
        self.body, self.complete, self.left = b"", False, False
        self._gone = asyncio.Event()

    async def watch(self) -> None:
        where = {"path": self._path, "raw_path": self._path.encode(), "query_string": b"", "root_path": ""}
        how = {"type": "http", "method": "GET", "scheme": "http", "http_version": "1.1", "server": ("t", 80)}
        await self._app(
            {**how, **where, "headers": [], "asgi": {"spec_version": self._spec}}, self._receive, self._send
        )

    async def until(self, part: bytes) -> None:
        async with asyncio.timeout(15):
            while part not in self.body:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    def leave(self) -> None:
        self.left = True
        self._gone.set()

    async def _receive(self) -> Any:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if self.left and self._spec >= "2.4":
            raise OSError("the client is gone")
        self.body += message.get("body", b"")
        self.complete = message["type"] == "http.response.body" and not message.get("more_body", False)
