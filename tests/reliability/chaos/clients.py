"""Clients of a running Understudy: what is due is sent, whoever has not answered yet, and nothing is sent twice.

A request counts as answered where it got a 200. Everything else is a failure: a connection that is refused, reset or
closed, another status, nothing within ``PATIENCE_S``. Nobody asks again, so that a figure says what a client sees that
has no second try of its own.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

PATIENCE_S = 30.0
MOST = 3072
"""Open requests of one load: a client that keeps tens of thousands spends the machine on itself."""
EVERY = 10
"""Every tenth answer is told what was right."""

_ID = re.compile(rb'"id": ?"([^"]+)"')
_RETRY = re.compile(rb"^retry-after: *(\d+)", re.IGNORECASE | re.MULTILINE)
_LENGTH = re.compile(rb"^content-length: *(\d+)", re.IGNORECASE | re.MULTILINE)
_CLOSE = re.compile(rb"^connection: *close", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Asked:
    """``due`` and ``done`` in seconds of ``time.monotonic``; ``status`` 0 where nothing came; ``id``: of the
    prediction, or of the label, that was acknowledged; ``error``: what befell the connection."""

    path: str
    due: float
    done: float
    status: int
    id: str = ""
    waits: bool = False
    error: str = ""

    @property
    def answered(self) -> bool:
        return self.status == 200

    @property
    def polite(self) -> bool:
        """Refused with a time to come back."""
        return self.status in (429, 503) and self.waits

    @property
    def latency_ms(self) -> float:
        return (self.done - self.due) * 1000


@dataclass
class Load:
    """``rate`` requests a second, or with 0 as many as ``clients`` get answered one after the other. ``told``: a label
    for every tenth answer."""

    url: str
    requests: Sequence[tuple[str, Any]]
    rate: float = 0.0
    clients: int = 16
    told: str | None = None
    asked: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        url = httpx.URL(self.url)
        self._where = (url.host, url.port or 80)
        self._raw = [(path, _raw(url.host, path, body)) for path, body in self.requests]
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._ended = threading.Event()

    def stop(self) -> None:
        """No more are sent; those under way go on."""
        self._ended.set()

    @contextmanager
    def running(self) -> Iterator[None]:
        """In a thread; what was sent before the end is waited for."""
        thread = threading.Thread(target=lambda: asyncio.run(self._all()), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def seconds(self, seconds: float) -> list[Asked]:
        """As long as that, and what came of it."""
        with self.running():
            time.sleep(seconds)
        return self.asked

    async def _all(self) -> None:
        await (self._open_loop() if self.rate else self._one_after_the_other())
        for _, writer in self._idle:
            writer.close()

    async def _open_loop(self) -> None:
        start, tasks = time.monotonic(), set()
        for number in itertools.count():
            due = start + number / self.rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if self._ended.is_set():
                break
            if len(tasks) >= MOST:
                continue
            tasks.add(task := asyncio.create_task(self._ask(number, due)))
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)

    async def _one_after_the_other(self) -> None:
        turn = itertools.count()

        async def one() -> None:
            while not self._ended.is_set():
                asked = await self._ask(next(turn), time.monotonic())
                if not asked.answered:
                    await asyncio.sleep(0.02)  # else a refusal, which costs nothing, would be asked for without end

        await asyncio.gather(*(one() for _ in range(self.clients)))

    async def _ask(self, number: int, due: float) -> Asked:
        path, raw = self._raw[number % len(self._raw)]
        asked = await self._send(path, raw, due)
        if self.told is not None and asked.answered and number % EVERY == 0:
            path = f"/api/v1/feedback/{asked.id}"
            await self._send(path, _raw(self._where[0], path, {"label": self.told}), time.monotonic())
        return asked

    async def _send(self, path: str, raw: bytes, due: float) -> Asked:
        status, head, body, error = 0, b"", b"", ""
        try:
            status, head, body = await asyncio.wait_for(self._exchange(raw), PATIENCE_S)
        except (OSError, EOFError, TimeoutError, ValueError) as failure:
            error = type(failure).__name__
        found = _ID.search(body) if status == 200 else None
        waits = _RETRY.search(head) is not None
        asked = Asked(path, due, time.monotonic(), status, found[1].decode() if found else "", waits, error)
        self.asked.append(asked)
        return asked

    async def _exchange(self, raw: bytes) -> tuple[int, bytes, bytes]:
        reader, writer = await self._connection()
        try:
            writer.write(raw)
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1]) if length else 0)
        except BaseException:
            writer.close()
            raise
        if _CLOSE.search(head):
            writer.close()
        else:
            self._idle.append((reader, writer))
        return int(head.split(b" ", 2)[1]), head, body

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """One that was used last, unless the server has closed it since."""
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and reader.exception() is None:
                return reader, writer
            with suppress(OSError):
                writer.close()
        return await asyncio.open_connection(*self._where)


def _raw(host: str, path: str, body: Any) -> bytes:
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}"
    return head.encode() + b"\r\n\r\n" + content
