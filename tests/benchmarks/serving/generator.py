"""Where load comes from: wrk; without it our own generator, whose ceiling is then measured and told.

python -m tests.benchmarks.serving.generator    a server that does nothing, for that
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np

from tests.benchmarks.load import Sent, read
from tests.benchmarks.serving import wrk
from tests.benchmarks.serving.asking import Ask
from tests.benchmarks.serving.wrk import Measured
from tests.fakes.running import ROOT

JSON = "application/json"
NOTHING = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}"


def load(url: str, ask: Ask, connections: int, seconds: float, folder: Path) -> Measured:
    """A closed loop. Raises ValueError where nothing could be measured."""
    if wrk.there():
        return wrk.load(url, ask, connections, seconds, folder)
    if ask.content_type != JSON:
        raise ValueError("this load needs wrk (Debian: apt-get install wrk)")
    return summed(sent(url, ask, connections, seconds, folder))


def sent(url: str, ask: Ask, connections: int, seconds: float, folder: Path, rate: float = 0) -> list[Sent]:
    """By our own generator, in a process of its own; with a ``rate`` an open loop."""
    to = httpx.URL(url)
    plan = {"host": to.host, "port": to.port, "rate": rate, "seconds": seconds, "clients": connections,
            "requests": [[ask.path, json.loads(body)] for body in ask.bodies]}  # fmt: skip
    written, results = folder / "plan.json", folder / "results.csv"
    written.write_text(json.dumps(plan), encoding="utf-8")
    command = [sys.executable, "-m", "tests.benchmarks.load", str(written), str(results)]
    subprocess.run(command, cwd=ROOT, timeout=seconds + 90, check=True)
    return read(results)


def summed(answered: list[Sent]) -> Measured:
    took = max(each.done for each in answered) - min(each.due for each in answered)
    p50, p99 = np.percentile([each.latency_ms for each in answered], [50, 99])
    return Measured(len(answered), took, float(p50), float(p99), sum(each.status != 200 for each in answered))


def described() -> str:
    """For the report."""
    if wrk.there():
        return "wrk, one thread"
    ask = Ask("/", [b'{"x": 0.5}'], [], lambda body: [])
    with tempfile.TemporaryDirectory() as folder, _nothing() as url:
        most = summed(sent(url, ask, 32, 3.0, Path(folder))).rate
    return f"tests/benchmarks/load.py, at most {most:,.0f} requests/s here (wrk was not there)"


@contextmanager
def _nothing() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, "-m", __name__], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


class _Nothing(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Requests of one row come in one piece."""
        self._transport.write(NOTHING)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Nothing, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
