"""Whether the student's rows feel that others wait for an LLM: the same rows at the same rate, with and without.

An open loop: what is due is sent, and a latency counts from when it was due. One row in five is unsure. As
``numbers`` the student keeps it; as ``numbers_asking`` it waits for a fake LLM that takes half a second.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tests.benchmarks.load import Sent
from tests.benchmarks.serving.asking import Ask
from tests.benchmarks.serving.generator import sent
from tests.benchmarks.serving.prepared import CASCADE, NUMBERS, Prepared
from tests.fakes.fake_openai import FakeOpenAI
from tests.fakes.running import ROOT

LLM_S, ROWS, RATE, WARM_S = 0.5, 1000, 100.0, 2.0
"""``RATE``: requests a second, of which twenty ask the LLM. Its work and the load's are done by the same cores, and no
queue may stand in front of either."""


def measure(url: str, prepared: Prepared, seconds: float) -> dict[str, float]:
    """Turn and turn about, so that a stall of the machine meets either."""
    for name in (NUMBERS, CASCADE):
        _sent(url, prepared, name, WARM_S)
    without, asking = [], []
    for _ in range(2):
        without += _sent(url, prepared, NUMBERS, seconds)
        asking += _sent(url, prepared, CASCADE, seconds)
    sure = [confidence >= prepared.threshold for _, confidence in prepared.numbers.expected[:ROWS]]
    with_p99, without_p99 = (_p99([x for x in answered if sure[x.number]]) for answered in (asking, without))
    waited = [x for x in asking if not sure[x.number] and x.latency_ms >= LLM_S * 1000]
    return {"rate": RATE, "p99_with_ms": with_p99, "p99_without_ms": without_p99, "ratio": with_p99 / without_p99,
            "waited": len(waited) / max(1, len(asking)),
            "failed": float(sum(each.status != 200 for each in [*asking, *without]))}  # fmt: skip


def _p99(answered: Sequence[Sent]) -> float:
    return float(np.percentile([each.latency_ms for each in answered], 99))


def _sent(url: str, prepared: Prepared, name: str, seconds: float) -> list[Sent]:
    bodies = [json.dumps(record).encode() for record in prepared.numbers.records(slice(0, ROWS))]
    ask = Ask(f"/api/v1/predict/{name}", bodies, [], lambda body: [])
    with tempfile.TemporaryDirectory() as folder:
        return sent(url, ask, 1, seconds, Path(folder), RATE)


@contextmanager
def slow_llm() -> Iterator[dict[str, str]]:
    """The LLM, in a process of its own; what Understudy is told by environment to ask it."""
    command = [sys.executable, "-m", "tests.benchmarks.serving.cascade"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        yield {"UNDERSTUDY_TEACHER__OPENAI__BASE_URL": address, "UNDERSTUDY_TEACHER__OPENAI__API_KEY": "of-a-fake",
               "UNDERSTUDY_TEACHER__CONCURRENCY": "256"}  # fmt: skip
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    with FakeOpenAI(latency_s=LLM_S) as fake:
        print(fake.base_url, flush=True)
        signal.sigwait([signal.SIGTERM])
