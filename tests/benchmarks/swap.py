"""Swaps under load: 50 in five minutes, two replicas a model, at 60 % of measured saturation.

    python -m tests.benchmarks.swap [--quick] [--use-case NAME] [--swaps N] [--seconds S] [--share 0.6]

Starts an Understudy of its own, registers as many versions as are to be swapped (the champion's bundle,
sealed again, so that each is a download, a trial and a load of its own), measures saturation with a
closed loop, then sends an open loop of single rows and batches of 50 while one version after the other
is promoted. "During" a swap is from the promotion's call until two seconds after it has returned.
Target: nothing fails, no reply mixes versions, p99 during <= 2 x p99 between, and the first answer of
a new version within 2 s of the commit. Exits with 1 when the first two or the last do not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd

from serve_app.adapters.config_files import load_use_case
from serve_app.adapters.registries import open_registry
from serve_app.core.platform import Platform
from tests.benchmarks.load import Sent, read
from tests.fakes.bad_artefacts import resealed
from tests.fakes.running import ROOT, Running, running

BATCH, EVERY = 50, 20
"""Every 20th request is a batch of 50 rows."""
CLIENTS = 16
AFTER_S = 2.0


@dataclass(frozen=True)
class Swap:
    """Seconds since the epoch; ``prepared_s``: the slowest replica."""

    version: str
    called: float
    committed: float
    returned: float
    prepared_s: float
    replicas: int


@dataclass(frozen=True)
class Figures:
    rate: float
    swaps: Sequence[Swap]
    sent: Sequence[Sent]

    def failed(self) -> list[Sent]:
        """An answer that no version gave is one as well: nobody may be without a student for a moment."""
        return [each for each in self.sent if each.status != 200 or not all(each.versions or ("",))]

    def mixed(self) -> list[Sent]:
        return [each for each in self.sent if len(each.versions) > 1]

    def during(self) -> list[Sent]:
        return [each for each in self.sent if self._in_swap(each)]

    def between(self) -> list[Sent]:
        return [each for each in self.sent if not self._in_swap(each)]

    def first_answers_s(self) -> list[float]:
        """By swap: from the commit to the first answer of its version, 0 where that came earlier."""
        firsts: dict[str, float] = {}
        for each in self.sent:
            if each.versions:
                firsts[each.versions[0]] = min(each.done, firsts.get(each.versions[0], each.done))
        return [max(0.0, firsts.get(swap.version, float("inf")) - swap.committed) for swap in self._under_load()]

    def _under_load(self) -> list[Swap]:
        """On a busy machine the last ones may come after the last request."""
        end = max(each.due for each in self.sent)
        return [swap for swap in self.swaps if swap.committed + AFTER_S < end]

    def last_answers_s(self) -> list[float]:
        """By swap: from the commit to the last answer of another version that was asked for before the next."""
        ends = [swap.called for swap in self.swaps[1:]] + [float("inf")]
        return [
            max(
                (each.done - swap.committed for each in self.sent
                 if swap.called < each.due < end and each.versions != (swap.version,) and each.done > swap.committed),
                default=0.0,
            )
            for swap, end in zip(self.swaps, ends, strict=True)
        ]  # fmt: skip

    def _in_swap(self, each: Sent) -> bool:
        return any(each.done >= swap.called and each.due <= swap.returned + AFTER_S for swap in self.swaps)


def main() -> int:
    asked = _arguments()
    replicas = {"UNDERSTUDY_REPLICAS__MODEL": "2"}
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), replicas) as started:
        until_ready(started, asked.use_case)
        no_retrains(started, asked.use_case)
        print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}; {asked.use_case}", flush=True)
        most = saturation(started, asked.use_case, 5.0 if asked.quick else 15.0)
        print(f"saturation: {most:.0f} requests/s (closed loop, {CLIENTS} clients)", flush=True)
        figures = measure(started, asked.use_case, asked.swaps, asked.seconds, asked.share * most)
    print(table(figures), flush=True)
    return 1 if figures.failed() or figures.mixed() or max(figures.first_answers_s()) > 2 else 0


def until_ready(started: Running, name: str, patience_s: float = 300.0) -> None:
    end = time.monotonic() + patience_s
    while (part := started.parts()[f"use_case:{name}"])["state"] != "ready":
        assert time.monotonic() < end, part
        time.sleep(1)


def no_retrains(started: Running, name: str) -> None:
    """Its own load would be labels enough for a retrain, and what it costs is another question."""
    reply = httpx.patch(f"{started.url}/api/v1/train/{name}/schedule", json={"enabled": False}, timeout=60)
    assert reply.status_code == 200, reply.text


def saturation(started: Running, name: str, seconds: float) -> float:
    """Requests a second, after a warm-up."""
    for length in (min(3.0, seconds), seconds):
        with load(started, name, 0, length) as sent:
            pass
    return len(sent) / (max(each.done for each in sent) - min(each.due for each in sent))


def measure(started: Running, name: str, swaps: int, seconds: float, rate: float) -> Figures:
    versions = register(started, name, swaps)
    every = seconds / swaps
    with load(started, name, rate, seconds + every) as sent:
        start = time.time()
        done = []
        for number, version in enumerate(versions):
            time.sleep(max(0.0, start + (number + 0.5) * every - time.time()))
            done.append(promote(started, name, version))
    return Figures(rate, done, sent)


def register(started: Running, name: str, count: int) -> list[str]:
    """Versions of distinct digests, each as good as the champion."""
    registry = open_registry(Platform(state=str(started.state)))
    use_case = load_use_case(started.configs / "use_cases" / name)
    champion = registry.aliased(name, "champion")
    assert champion is not None
    good, now = registry.fetch(name, champion.version), time.time()
    bundles = [resealed(use_case, good, age_s=now + number) for number in range(count)]
    return [registry.register(name, bundle, {}, {"origin": "benchmark"}).version for bundle in bundles]


def promote(started: Running, name: str, version: str) -> Swap:
    called = time.time()
    body = {"version": version, "reason": "benchmark"}
    reply = httpx.post(f"{started.url}/api/v1/train/{name}/promote", json=body, timeout=200)
    assert reply.status_code == 200, reply.text
    told = reply.json()
    committed = datetime.fromisoformat(told["committed_at"]).timestamp()
    return Swap(version, called, committed, time.time(), told["prepared_s"], told["replicas"])


@contextmanager
def load(started: Running, name: str, rate: float, seconds: float) -> Iterator[list[Sent]]:
    """A generator in a process of its own for as long as it has been told; what it sent is in the list
    when this returns."""
    url = httpx.URL(started.url)
    plan = {"host": url.host, "port": url.port, "rate": rate, "seconds": seconds, "clients": CLIENTS,
            "requests": list(_requests(started, name))}  # fmt: skip
    sent: list[Sent] = []
    with tempfile.TemporaryDirectory() as folder:
        written, results = Path(folder) / "plan.json", Path(folder) / "results.csv"
        written.write_text(json.dumps(plan), encoding="utf-8")
        command = [sys.executable, "-m", "tests.benchmarks.load", str(written), str(results)]
        process = subprocess.Popen(command, cwd=ROOT)
        try:
            yield sent
            assert process.wait(seconds + 60) == 0
            sent += read(results)
        finally:
            process.kill()
            process.wait()


def _requests(started: Running, name: str) -> Iterator[tuple[str, Any]]:
    """Rows of the use case's labelled file: single ones, and every 20th time fifty at once."""
    use_case = load_use_case(started.configs / "use_cases" / name)
    assert use_case.labelled.file is not None
    table = pd.read_csv(started.configs / "use_cases" / name / use_case.labelled.file)
    rows = [{k: v for k, v in row.items() if k in use_case.fields and v == v} for row in table.to_dict("records")]
    for number in range(20 * EVERY):
        if number % EVERY:
            yield f"/api/v1/predict/{name}", rows[number % len(rows)]
        else:
            batch = [rows[(number + row) % len(rows)] for row in range(BATCH)]
            yield f"/api/v1/predict/{name}/batch", {"instances": batch}


def table(figures: Figures) -> str:
    swaps = figures.swaps
    during, between = _p(figures.during()), _p(figures.between())
    prepared = [swap.prepared_s for swap in swaps]
    whole = [swap.returned - swap.called for swap in swaps]
    first, last = figures.first_answers_s(), figures.last_answers_s()
    return "\n".join([
        f"load average at the end        {os.getloadavg()[0]:.1f} (one minute), {os.getloadavg()[1]:.1f} (five)",
        f"rate                          {figures.rate:.0f} requests/s, open loop, 1 in {EVERY} of {BATCH} rows",
        f"swaps                         {len(swaps)}, on {swaps[0].replicas} replicas, distinct versions",
        f"requests                      {len(figures.sent)}",
        f"failed                        {len(figures.failed())} {_by_status(figures.failed())}",
        f"replies that mix versions     {len(figures.mixed())}",
        f"p50 / p99 between swaps, ms   {between[0]:.1f} / {between[1]:.1f}   ({len(figures.between())} requests)",
        f"p50 / p99 during swaps, ms    {during[0]:.1f} / {during[1]:.1f}   ({len(figures.during())} requests)",
        f"p99 during / between          {during[1] / between[1]:.2f}",
        f"first answer after commit, s  {max(first, default=np.nan):.3f} at most, {np.median(first):.3f} median",
        f"last answer of the old one, s {max(last, default=np.nan):.3f} at most after the commit",
        f"prepared, s                   {np.median(prepared):.2f} median, {max(prepared):.2f} at most",
        f"promotion in all, s           {np.median(whole):.2f} median, {max(whole):.2f} at most",
    ])  # fmt: skip


def _by_status(failed: Sequence[Sent]) -> str:
    """0: no answer."""
    return " ".join(f"{count} x {status}" for status, count in sorted(Counter(each.status for each in failed).items()))


def _p(sent: Sequence[Sent]) -> tuple[float, float]:
    found = np.array([each.latency_ms for each in sent]) if sent else np.array([np.nan])
    return float(np.percentile(found, 50)), float(np.percentile(found, 99))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.swap", description=__doc__)
    parser.add_argument("--use-case", default="it_tickets")
    parser.add_argument("--quick", action="store_true", help="6 swaps in 40 seconds")
    parser.add_argument("--swaps", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--share", type=float, default=0.6, help="of saturation")
    asked = parser.parse_args()
    asked.swaps = asked.swaps or (6 if asked.quick else 50)
    asked.seconds = asked.seconds or (40.0 if asked.quick else 300.0)
    return asked


if __name__ == "__main__":
    sys.exit(main())
