"""Three times as much as is answered at most, and what is left of the answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from tests.fakes.running import Running
from tests.reliability.chaos import counted
from tests.reliability.chaos.clients import MOST, Asked
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
    flood, again = load(started, TIMES * most, told=False), load(started, most / 3, told=False)
    with _memory(started) as memory:
        before_mb, began = memory(), time.monotonic()
        with flood.running():
            time.sleep(seconds)
            flood.stop()
            ended = time.monotonic()
            after = again.seconds(BACK_S + 4 * WINDOW_S)
        asked, grown_mb = flood.asked, memory() - before_mb
    back_s = _back_s(after, ended, max(2 * calm_ms, 100.0))
    answered = counted.rate(asked, began + seconds / 4, ended) / most * 100
    rude = counted.impolite(asked)
    held = answered >= LEAST_PERCENT and not rude and grown_mb <= GROWN_MB and back_s <= BACK_S
    told = (
        f"{answered:.0f} % of {most:.0f}/s answered at {len(asked) / seconds:.0f}/s asked; kept back "
        f"{flood.kept_back:,} by a client with {MOST:,} open; refused "
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
