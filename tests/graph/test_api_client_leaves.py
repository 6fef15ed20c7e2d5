"""Who leaves ends what is done for it, whoever carries the request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from serve_app.api.door import WATCH_S, Door, Rules

SCOPE = {"type": "http", "method": "POST", "path": "/x", "headers": [(b"transfer-encoding", b"chunked")]}
LATE_S = WATCH_S + 0.05


class Wire:
    """A server's side of a request: ``pieces`` of body, and a client that leaves ``leaves_s`` after them."""

    def __init__(self, pieces: int = 1, leaves_s: float = LATE_S) -> None:
        self._pieces, self._leaves_s = pieces, leaves_s
        self.sent: list[Any] = []
        self._answered = asyncio.Event()

    async def receive(self) -> Any:
        if self._pieces:
            self._pieces -= 1
            return {"type": "http.request", "body": b"{}", "more_body": self._pieces > 0}
        with suppress(TimeoutError):  # as uvicorn does: also who has been answered is told to have left
            await asyncio.wait_for(self._answered.wait(), self._leaves_s)
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self._answered.set()


def asked(app: Callable[..., Any], scope: dict[str, Any] = SCOPE, **wire: Any) -> Wire:
    async def ask() -> Wire:
        made = Wire(**wire)
        await Door(app, Rules(timeout_s=5.0, most=10, labels=False))(dict(scope), made.receive, made.send)
        return made

    return asyncio.run(ask())


async def _body(receive: Any) -> int:
    pieces = 1
    while (await receive()).get("more_body"):
        pieces += 1
    return pieces


async def _answer(send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


def test_work_for_a_client_that_left_is_ended_and_nothing_is_said() -> None:
    ended: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await _body(receive)
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    assert asked(app).sent == []
    assert ended == ["cancelled"]


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_slow_answer_to_a_client_that_stays_arrives(pieces: int) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert await _body(receive) == pieces
        await asyncio.sleep(2 * WATCH_S)
        await _answer(send)

    assert [m["type"] for m in asked(app, pieces=pieces, leaves_s=20).sent] == [
        "http.response.start", "http.response.body",
    ]  # fmt: skip


def test_a_slow_body_is_not_taken_from_the_application() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(2 * WATCH_S)  # it has not begun to read when the door begins to watch
        assert await _body(receive) == 2
        await _answer(send)

    assert len(asked(app, pieces=2, leaves_s=20).sent) == 2


def test_what_is_still_done_after_the_answer_is_not_ended() -> None:
    done: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await _body(receive)
        await asyncio.sleep(LATE_S)
        await _answer(send)
        await asyncio.sleep(0.1)
        done.append("all")

    asked(app, leaves_s=20)
    assert done == ["all"]


def test_a_cancelled_request_whose_client_is_there_is_cancelled() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await _body(receive)
        await asyncio.sleep(30)

    async def ask() -> None:
        wire = Wire(leaves_s=20)
        door = Door(app, Rules(timeout_s=5.0, most=10, labels=False))
        task = asyncio.create_task(door(dict(SCOPE), wire.receive, wire.send))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(ask())


BODILESS = {**SCOPE, "method": "GET", "headers": [(b"host", b"x")]}


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"0")]])
def test_whoever_sends_no_body_is_missed_though_nobody_reads_it(headers: list[tuple[bytes, bytes]]) -> None:
    ended: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    assert asked(app, {**BODILESS, "headers": headers}).sent == []
    assert ended == ["cancelled"]


def test_http_2_need_not_announce_its_body() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert await _body(receive) == 2
        await _answer(send)

    assert len(asked(app, {**BODILESS, "http_version": "2"}, pieces=2, leaves_s=20).sent) == 2


def test_an_empty_body_can_be_read_late_and_once() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(2 * WATCH_S)
        assert await _body(receive) == 1
        await _answer(send)
        assert (await receive())["type"] == "http.disconnect"

    assert len(asked(app, BODILESS, leaves_s=20).sent) == 2


@pytest.mark.parametrize(
    ("sent", "given_s"), [("0.1", 0.1), ("9", 5.0), ("0", 5.0), ("-1", 5.0), ("nan", 5.0), ("soon", 5.0), (None, 5.0)]
)
def test_a_client_may_have_less_time_and_never_more(sent: str | None, given_s: float) -> None:
    left: list[float] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        left.append(scope["state"]["until"] - asyncio.get_running_loop().time())
        if given_s == 0.1:
            await asyncio.sleep(30)
        await _answer(send)

    headers = [] if sent is None else [(b"x-request-timeout", sent.encode())]
    (start, *_) = asked(app, {**BODILESS, "headers": headers}, leaves_s=20).sent
    assert left == [pytest.approx(given_s, abs=0.09)]
    assert start["status"] == (503 if given_s == 0.1 else 200)
