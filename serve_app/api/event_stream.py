"""What happens to a job, as server-sent events (HTML Standard, 9.2).

A stream ends with the job, or shortly before a request would be cut, and then the client's EventSource
comes back by itself with the id of the last event that it saw: nothing is missed and nothing comes
twice, over restarts of this process as well, since the events are read from the store.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

import orjson
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from serve_app.core.errors import Overloaded, Unavailable
from serve_app.core.jobs import JobEvent

log = logging.getLogger("understudy.api")

MEDIA_TYPE = "text/event-stream"

LOOK_S = 0.5
QUIET_S = 10.0
"""After which a comment keeps the connection alive."""

LAST = "finished"

After = Callable[[int], Awaitable[list[JobEvent]]]
"""The events after a ``seq``."""


class Places:
    """So many streams at once: each asks the store again and again."""

    def __init__(self, most: int = 64) -> None:
        self._most = most
        self.taken = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Raises Overloaded."""
        if self.taken >= self._most:
            raise Overloaded("more jobs are watched than can be; ask for the status instead", 5)
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1


class EventStream(StreamingResponse):
    """``seen``: the ``seq`` to go on behind; ``after`` gives the events behind one. ``lasting_s``: when it
    ends although the job does not."""

    def __init__(self, seen: int, after: After, places: Places, lasting_s: float) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(_told(seen, after, lasting_s), headers=headers, media_type=MEDIA_TYPE)
        self._places = places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._places.one():  # here, since a client that leaves ends the call and not always the iterator
            await super().__call__(scope, receive, send)


def lasting_s(request_timeout_s: float) -> float:
    """A stream's time: less than a request's, so that it ends and is not cut."""
    return request_timeout_s - min(5.0, request_timeout_s / 4)


async def _told(seen: int, after: After, lasting_s: float) -> AsyncIterator[bytes]:
    spoken = time.monotonic()
    end = spoken + lasting_s
    yield b"retry: 1000\n\n"
    while (now := time.monotonic()) < end:
        try:
            events = await after(seen)
        except Unavailable as error:  # the client comes back, and asks then
            log.warning("a stream of a job's events ends early: %s", error)
            return
        for event in events:
            yield _bytes(event)
            seen, spoken = event.seq, now
        if events and events[-1].what == LAST:
            return
        if now - spoken >= QUIET_S:
            yield b": still there\n\n"
            spoken = now
        await asyncio.sleep(min(LOOK_S, max(0.0, end - time.monotonic())))


def _bytes(event: JobEvent) -> bytes:
    data = orjson.dumps(as_data(event))
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.seq, event.what.encode(), data)


def as_data(event: JobEvent) -> dict[str, object]:
    return {**asdict(event), "at": event.at.isoformat()}
