"""All processes at once, as when a machine goes down, wherever a training, a swap or a write may be."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from contextlib import suppress

import httpx

from serve_app.adapters.registries import open_registry
from serve_app.core.platform import Platform
from tests.benchmarks.swap import register
from tests.fakes.running import Running
from tests.reliability.chaos import counted
from tests.reliability.chaos.grounds import NAME, Finding, Grounds, calm, load

WITHIN_S = 12.0
RATE = 20.0


def killed(grounds: Grounds, started: Running, seed: int = 6) -> Finding:
    """A training, swaps and writes are under way each time; when it dies is drawn."""
    dice, points, wrong, lost, acknowledged = random.Random(seed), 1 if grounds.short else 10, [], 0, 0
    slowest = 0.0
    for number in range(points):
        after = dice.uniform(0.5, WITHIN_S)
        asking = load(started, RATE)
        swapping = threading.Thread(target=_swaps, args=(started,), daemon=True)
        with suppress(httpx.HTTPError):
            httpx.post(f"{started.url}/api/v1/train/{NAME}", json={}, timeout=10)
        with asking.running():
            swapping.start()
            time.sleep(after)
            started.kill()
        swapping.join()
        began = time.monotonic()
        started.start()
        calm(started)
        slowest = max(slowest, time.monotonic() - began)
        lost += len(counted.lost(asking.asked, started.state))
        acknowledged += sum(each.answered for each in asking.asked)
        wrong += _inconsistent(started)
        grounds.say(f"{number + 1} of {points}: after {after:.1f} s; {wrong or 'consistent'}")
    told = f"{acknowledged:,} acknowledged, lost {lost}; {'; '.join(wrong) or 'consistent each time'}; "
    told += f"back after at most {slowest:.0f} s"
    must = "restart: consistent, one champion, log intact"
    return Finding(f"whole machine killed at {points} random points", must, told, not wrong and not lost,
                   {"points": points, "lost": lost, "wrong": wrong, "back_s": slowest})  # fmt: skip


def _swaps(started: Running) -> None:
    """One after the other until nobody is there any more."""
    with suppress(Exception):
        while True:
            (version,) = register(started, NAME, 1)
            body = {"version": version, "reason": "a test"}
            httpx.post(f"{started.url}/api/v1/train/{NAME}/promote", json=body, timeout=60).raise_for_status()


def _inconsistent(started: Running) -> list[str]:
    """What does not fit together: champion and what is served, the log's own integrity, jobs without an end."""
    found = []
    champion = open_registry(Platform(state=str(started.state))).aliased(NAME, "champion")
    served = httpx.get(f"{started.url}/api/v1/predict/models", timeout=30).json()["models"]
    versions = {each["version"] for each in served if each["use_case"] == NAME}
    if champion is None or versions != {champion.version}:
        found.append(f"champion {champion and champion.version}, served {versions}")
    for file in ("events.db", "pipelines.db", "mlflow.db"):
        told = sqlite3.connect(f"file:{started.state / file}?mode=ro", uri=True).execute("PRAGMA integrity_check")
        if (said := told.fetchone()[0]) != "ok":
            found.append(f"{file}: {said}")
    return found
