"""What the HTTP side of a prediction costs, without the graph behind it.

    python -m tests.benchmarks.door [rounds]

An ASGI call in this process, no socket: the door, the way to the endpoint, reading and validating the
body, writing the answer. The graph's ``predict`` hands out answers made before. One row and 1,000, 30
numbers or 2 texts a row. ``router`` is the same application without ``api/quick.py``; ``cell by cell`` is
validation without ``core/sieve.py``. Rounds are interleaved; a figure is the median round's CPU
microseconds a request, which a busy machine disturbs less than its clock.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import orjson
import pyarrow as pa
from fastapi import FastAPI

from serve_app.api.app import create_app
from serve_app.api.arrow import write_table
from serve_app.api.batch import MEDIA, Kind
from serve_app.api.quick import Quick
from serve_app.core.platform import Limits
from serve_app.core.ports import Answered, Asked
from serve_app.core.rows import Rows
from serve_app.core.schema import judged, validate
from serve_app.core.use_case import UseCase
from tests.fakes.small_graph import TICKETS, SmallGraph

ROWS = 1000
NUMBERS = {f"feature_{place:02}": {"kind": "numeric", "minimum": -100, "maximum": 100} for place in range(30)}
TEXTS = {"subject": {"kind": "text"}, "body": {"kind": "text", "default": ""}}


class Ready(SmallGraph):
    """Every row has an answer before it is asked for."""

    def __init__(self) -> None:
        of = {**TICKETS, "routes": []}
        known = {name: {**of, "name": name, "fields": fields} for name, fields in ALL.items()}
        super().__init__({name: UseCase.model_validate(each) for name, each in known.items()})
        self.made: list[dict[str, Any]] = []

    async def predict(self, use_case: str, rows: Rows, asked: Asked) -> Answered:
        return Answered(self.made[: len(rows)], rows)


ALL = {"numbers": NUMBERS, "texts": TEXTS}


@dataclass(frozen=True)
class Case:
    """``times``: calls a round."""

    name: str
    ways: dict[str, Callable[[], Awaitable[Any]]]
    times: int


async def once(app: Any, path: str, kind: Kind, body: bytes) -> bytes:
    headers = [(b"host", b"127.0.0.1:8000"), (b"user-agent", b"bench"), (b"accept", b"*/*")]
    headers += [(b"content-type", MEDIA[kind].encode()), (b"content-length", str(len(body)).encode())]
    where = {"path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers}
    how = {"type": "http", "method": "POST", "scheme": "http", "http_version": "1.1", "client": ("127.0.0.1", 1)}
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app({**how, **where, "server": ("127.0.0.1", 8000)}, receive, send)
    assert sent[0]["status"] == 200, sent[1]["body"]
    return bytes(sent[1]["body"])


def instances(name: str) -> list[dict[str, Any]]:
    random = Random(7)
    if name == "numbers":
        return [{field: random.gauss(0, 10) for field in NUMBERS} for _ in range(ROWS)]
    return [{"subject": f"vpn {random.random()} is away", "body": "since this morning " * 10} for _ in range(ROWS)]


def encoded(kind: Kind, rows: Sequence[dict[str, Any]]) -> bytes:
    if kind == "arrow":
        return write_table(pa.Table.from_pylist(list(rows)))
    return b"\n".join(map(orjson.dumps, rows)) if kind == "ndjson" else orjson.dumps({"instances": rows})


def without_the_quick_way(app: FastAPI) -> FastAPI:
    app.user_middleware = [each for each in app.user_middleware if each.cls is not Quick]
    return app


def asked(app: Any, path: str, kind: Kind, body: bytes) -> Callable[[], Awaitable[Any]]:
    return lambda: once(app, path, kind, body)


def calling(work: Callable[..., Any], *args: Any) -> Callable[[], Awaitable[Any]]:
    async def run() -> Any:
        return work(*args)

    return run


def cases(graph: Ready) -> list[Case]:
    quick = create_app(graph, Limits(), "0")
    router = without_the_quick_way(create_app(graph, Limits(), "0"))
    made = []
    for name, use_case in graph.known.items():
        rows, path = instances(name), f"/api/v1/predict/{name}"
        one, body = orjson.dumps(rows[0]), encoded("json", rows)
        both = {"router": router, "quick": quick}
        made.append(Case(f"{name}, 1 row", {w: asked(app, path, "json", one) for w, app in both.items()}, 300))
        batch = f"{path}/batch"
        ways = {way: asked(app, batch, "json", body) for way, app in both.items()}
        others: tuple[Kind, ...] = ("ndjson", "arrow")
        ways |= {kind: asked(quick, batch, kind, encoded(kind, rows)) for kind in others}
        made.append(Case(f"{name}, {ROWS} rows", ways, 10))
        for count, times in ((1, 300), (ROWS, 10)):
            old, new = (
                calling(judged, use_case.fields, rows[:count], True),
                calling(validate, use_case.fields, rows[:count]),
            )
            made.append(Case(f"{name}, validating {count}", {"cell by cell": old, "sieve": new}, times))
    return made


async def measured(case: Case, rounds: int) -> dict[str, float]:
    """CPU microseconds a call, by way."""
    found: dict[str, list[float]] = {way: [] for way in case.ways}
    for _ in range(rounds):
        for way, call in case.ways.items():
            began = time.process_time()
            for _ in range(case.times):
                await call()
            found[way].append((time.process_time() - began) / case.times * 1e6)
    return {way: statistics.median(each) for way, each in found.items()}


async def run(rounds: int) -> None:
    graph, small = Ready(), create_app(SmallGraph(), Limits(), "0")
    answer = await once(small, "/api/v1/predict/tickets", "json", b'{"tech_raw_text": "vpn"}')
    graph.made = [orjson.loads(answer)] * ROWS
    print("| case | way | µs | of the first |\n|---|---|---|---|")
    for case in cases(graph):
        told = await measured(case, rounds)
        first = next(iter(told.values()))
        for way, us in told.items():
            print(f"| {case.name} | {way} | {us:.1f} | {us / first:.2f} |")


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]) if len(sys.argv) > 1 else 9))
