"""Three times as much as is answered at most, and what is left of the answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from tests.fakes.running import Running
from tests.reliability.chaos import counted
from tests.reliability.chaos.clients import Asked
from tests.reliability.chaos.grounds import Finding, Grounds, load

CLIENTS = 128
TIMES = 3
LEAST_PERCENT = 80.0
BACK_S = 30.0
WINDOW_S = 3.0
GROWN_MB = 512.0
"""What the replicas together may take on top: the door lets a bounded number in, whatever comes."""


def three_times(grounds: Grounds, started: Running) -> Finding:
    """The rate of a closed loop with enough clients is what is answered at most."""
    seconds = grounds.long(120, 12)
    load(started, clients=CLIENTS, told=False).seconds(3)
    most = _rate(load(started, clients=CLIENTS, told=False).seconds(grounds.long(15, 6)))
    grounds.say(f"{most:.0f} requests/s are answered at most")
    calm_ms = counted.p99_ms(load(started, most / 3, told=False).seconds(grounds.long(15, 6)))
    with _memory(started) as memory:
        flood = load(started, TIMES * most, told=False)
        before_mb, began = memory(), time.monotonic()
        asked = flood.seconds(seconds)
        grown_mb = memory() - before_mb
    ended = began + seconds
    after = load(started, most / 3, told=False).seconds(BACK_S + WINDOW_S if not grounds.short else 12)
    back_s = _back_s(after, ended, max(2 * calm_ms, 100.0))
    answered = counted.rate(asked, began + seconds / 4, ended) / most * 100
    rude = counted.impolite(asked)
    held = answered >= LEAST_PERCENT and not rude and grown_mb <= GROWN_MB and back_s <= BACK_S
    told = (
        f"{answered:.0f} % of {most:.0f}/s answered at {len(asked) / seconds:.0f}/s asked; refused "
        f"{counted.failures(asked) or 'none'}, of them {len(rude)} without Retry-After; memory +{grown_mb:.0f} MB; "
        f"p99 {calm_ms:.0f} ms before, back after {back_s:.0f} s; lost {len(counted.lost(asked, started.state))}"
    )
    figures = {"saturation": most, "answered_percent": answered, "failures": counted.failures(asked),
               "without_retry_after": len(rude), "grown_mb": grown_mb, "calm_p99_ms": calm_ms,
               "back_s": back_s}  # fmt: skip
    must = (f"shed with 429/503 + Retry-After, ≥ {LEAST_PERCENT:g} % of saturation answered, memory bounded "
            f"(≤ {GROWN_MB:g} MB), p99 back within {BACK_S:g} s")  # fmt: skip
    return Finding(f"{TIMES} × saturation for {seconds:g} s", must, told, held, figures)


def _rate(asked: list[Asked]) -> float:
    done = [each.done for each in asked if each.answered]
    return len(done) / (max(done) - min(done))


def _back_s(asked: list[Asked], since: float, well_ms: float) -> float:
    """The end of the last window whose 99th percentile was not what it was before."""
    late = [each for each in asked if not each.answered or each.latency_ms > well_ms]
    windows: dict[int, list[Asked]] = {}
    for each in asked:
        windows.setdefault(int((each.due - since) / WINDOW_S), []).append(each)
    ill = [number for number, those in windows.items() if sum(one in late for one in those) > 0.01 * len(those) + 1]
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
