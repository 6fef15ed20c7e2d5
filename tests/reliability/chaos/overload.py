"""Three times as much as is answered at most, and what is left of the answers."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from tests.benchmarks.serving import wrk
from tests.fakes.running import Running
from tests.reliability.chaos import counted
from tests.reliability.chaos.clients import Asked
from tests.reliability.chaos.flood import Flooded, closed, flood
from tests.reliability.chaos.grounds import Finding, Grounds, load, questions

CLIENTS = 128
TIMES = 3
LEAST_PERCENT = 80.0
BACK_S = 30.0
WINDOW_S = 3.0
GROWN_MB = 512.0
"""What the replicas together may take on top: the door lets a bounded number in, whatever comes."""


def three_times(grounds: Grounds, started: Running) -> Finding:
    """The rate of a closed loop with enough clients is what is answered at most: before the flood and after it, since
    machines are quicker at one time than at another."""
    seconds = grounds.long(120, 12)
    load(started, clients=CLIENTS, told=False).seconds(3)
    most = _most(grounds, started)
    grounds.say(f"{most:.0f} requests/s are answered at most")
    calm_ms = counted.p99_ms(load(started, most / 3, told=False).seconds(grounds.long(15, 6)))
    with _memory(started) as memory:
        before_mb = memory()
        came = _flooded(started, TIMES * most, seconds)
        ended = time.monotonic()
        after = load(started, most / 3, told=False).seconds(BACK_S + 4 * WINDOW_S)
        grown_mb = memory() - before_mb
    most = (most + _most(grounds, started)) / 2
    back_s = _back_s(after, ended, max(2 * calm_ms, 100.0))
    answered, lost = came.answered / most * 100, counted.missing(came.ids, started.state)
    held = answered >= LEAST_PERCENT and not came.rude and not lost and grown_mb <= GROWN_MB and back_s <= BACK_S
    refused = {status: count for status, count in came.statuses.items() if status != 200}
    told = (
        f"{answered:.0f} % of {most:.0f}/s answered at {came.asked:.0f}/s asked; refused {refused or 'none'}, of them "
        f"{came.rude} without Retry-After; memory +{grown_mb:.0f} MB; p99 {calm_ms:.0f} ms before, back after "
        f"{back_s:.0f} s; lost {len(lost)}; load by {'wrk' if wrk.there() else 'our own generator: wrk is not there'}"
    )
    figures = {"saturation": most, "answered_percent": answered, "asked": came.asked, "refused": refused,
               "without_retry_after": came.rude, "grown_mb": grown_mb, "calm_p99_ms": calm_ms,
               "back_s": back_s}  # fmt: skip
    must = (f"shed with 429/503 + Retry-After, ≥ {LEAST_PERCENT:g} % of saturation answered, memory bounded "
            f"(≤ {GROWN_MB:g} MB), p99 back within {BACK_S:g} s")  # fmt: skip
    return Finding(f"{TIMES} × saturation for {seconds:g} s", must, told, held, figures)


def _most(grounds: Grounds, started: Running) -> float:
    """Requests a second."""
    seconds = grounds.long(15, 6)
    if wrk.there():
        return closed(started.url, questions(started), CLIENTS, seconds)
    done = [each.done for each in load(started, clients=CLIENTS, told=False).seconds(seconds) if each.answered]
    return len(done) / (max(done) - min(done))


def _flooded(started: Running, rate: float, seconds: float) -> Flooded:
    if wrk.there():
        return flood(started.url, questions(started), rate, seconds)
    began = time.monotonic()
    asked = load(started, rate, told=False).seconds(seconds)
    answered = counted.rate(asked, began + seconds / 4, began + seconds)
    ids = frozenset(each.id for each in asked if each.answered)
    return Flooded(seconds, answered, Counter(each.status for each in asked), len(counted.impolite(asked)), ids)


def _back_s(asked: list[Asked], since: float, well_ms: float) -> float:
    """The end of the last window whose 99th percentile was not what it was before."""
    windows: dict[int, list[bool]] = {}
    for each in asked:
        late = not each.answered or each.latency_ms > well_ms
        windows.setdefault(int((each.due - since) / WINDOW_S), []).append(late)
    ill = [number for number, late in windows.items() if sum(late) > 0.01 * len(late) + 1]
    return (max(ill) + 1) * WINDOW_S if ill else 0.0


@contextmanager
def _memory(started: Running) -> Iterator:  # type: ignore[type-arg]
    """The most that our replicas have held together so far, in MB of PSS; looked at every two seconds."""
    most, ended = [pss_mb(started)], threading.Event()

    def look() -> None:
        while not ended.wait(2):
            most[0] = max(most[0], pss_mb(started))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield lambda: most[0]
    finally:
        ended.set()
        thread.join()


def pss_mb(started: Running) -> float:
    total = 0.0
    for each in started.processes("ServeReplica:understudy"):
        with suppress(psutil.Error):
            total += each.memory_full_info().pss / 1e6
    return total
