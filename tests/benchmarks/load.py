"""An open loop of requests, from a process of its own: what is due is sent, whoever has not answered yet.

    python -m tests.benchmarks.load <plan.json> <results.csv>

The plan: ``host``, ``port``, ``rate`` (requests a second; 0: as many as ``clients`` get answered one after
the other), ``seconds``, ``clients``, and ``requests``: ``[path, body]`` each, sent in turn. The results:
a line a request with its number in the plan, when it was due (seconds since the epoch), when it was
answered, its status (0: no answer) and the versions named in the answer. A latency counts from when a
request was due, so that a stall is felt by all that it kept waiting.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LATE_S = 30.0
_VERSION = re.compile(rb'"model_version": ?(?:"([^"]*)"|null)')
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Sent:
    """``versions``: those that the answer names; ``due`` and ``done`` in seconds since the epoch."""

    number: int
    due: float
    done: float
    status: int
    versions: tuple[str, ...]

    @property
    def latency_ms(self) -> float:
        return (self.done - self.due) * 1000


class Client:
    """Connections that are kept alive, opened when all are busy."""

    def __init__(self, host: str, port: int, requests: list[tuple[str, Any]]) -> None:
        self._where, self._idle = (host, port), []
        self._raw = [_raw(host, path, json.dumps(body).encode()) for path, body in requests]
        self.sent: list[Sent] = []

    async def send(self, number: int, due: float) -> None:
        number %= len(self._raw)
        try:
            status, body = await asyncio.wait_for(self._exchange(self._raw[number]), LATE_S)
        except (OSError, EOFError, TimeoutError, ValueError):
            status, body = 0, b""
        versions = {found.decode() for found in _VERSION.findall(body)}
        self.sent.append(Sent(number, due, time.time(), status, tuple(sorted(versions))))

    async def _exchange(self, raw: bytes) -> tuple[int, bytes]:
        reader, writer = await self._connection()
        try:
            writer.write(raw)
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1]) if length else 0)
        except BaseException:
            writer.close()
            raise
        self._idle.append((reader, writer))
        return int(head.split(b" ", 2)[1]), body

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """One that was used last, unless the server has closed it since: it does so when it idles for long."""
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection(*self._where)


async def run(plan: dict[str, Any]) -> list[Sent]:
    client = Client(plan["host"], plan["port"], plan["requests"])
    await (_open_loop if plan["rate"] else _one_after_the_other)(client, plan)
    return client.sent


async def _open_loop(client: Client, plan: dict[str, Any]) -> None:
    start, tasks = time.time(), set()
    for number in range(int(plan["rate"] * plan["seconds"])):
        due = start + number / plan["rate"]
        if (wait := due - time.time()) > 0:
            await asyncio.sleep(wait)
        tasks.add(task := asyncio.create_task(client.send(number, due)))
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)


async def _one_after_the_other(client: Client, plan: dict[str, Any]) -> None:
    end, turn = time.time() + plan["seconds"], iter(range(10**9))

    async def one() -> None:
        while time.time() < end:
            await client.send(next(turn), time.time())

    await asyncio.gather(*(one() for _ in range(plan["clients"])))


def _raw(host: str, path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def write(sent: list[Sent], path: Path) -> None:
    lines = [f"{s.number},{s.due!r},{s.done!r},{s.status},{'|'.join(s.versions)}" for s in sent]
    path.write_text("\n".join(lines), encoding="utf-8")


def read(path: Path) -> list[Sent]:
    rows = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
    return [Sent(int(n), float(due), float(done), int(s), tuple(v.split("|"))) for n, due, done, s, v in rows]


if __name__ == "__main__":
    gc.disable()  # its pauses would be taken for the other side's
    write(asyncio.run(run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))), Path(sys.argv[2]))
