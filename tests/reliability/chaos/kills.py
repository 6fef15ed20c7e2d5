"""SIGKILL of replicas, of what stands in front, and of Serve's controller, under load."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from tests.fakes.running import Running
from tests.reliability.chaos import counted
from tests.reliability.chaos.clients import Asked
from tests.reliability.chaos.grounds import (
    INGRESS,
    MODEL,
    Finding,
    Grounds,
    kill,
    load,
    running_replicas,
    until,
    until_whole,
)

RATE = 40.0
"""Requests a second: below what two cores answer while a replica is being started on them."""
WHOLE_S = 30.0
SETTLED_S = 2.0


@dataclass(frozen=True)
class Victim:
    """Processes with that ``title``: all of them, or ``one`` at random."""

    title: str
    one: bool = False

    def kill(self, started: Running) -> None:
        there = started.processes(self.title)
        kill(random.sample(there, 1) if self.one else there)

    def count(self, started: Running) -> int:
        return len(started.processes(self.title))

    def successors(self, started: Running) -> int:
        """How many to wait for: of what is one alone, a second may be there that only answers what it has begun."""
        return self.count(started) if self.one else 1


def model(grounds: Grounds, started: Running) -> Finding:
    times, every = (2, 4.0) if grounds.short else (9, 20.0)
    asked, back = killed(grounds, started, Victim(MODEL, one=True), times, every)
    answered, rude = counted.share(asked), counted.impolite(asked)
    held = answered >= 99.9 and not rude and back <= WHOLE_S and not counted.lost(asked, started.state)
    must = "≥ 99.9 % answered, the rest 503 with Retry-After, whole again ≤ 30 s"
    return found(f"SIGKILL of one of two model replicas ×{times}", must, started, asked, back, held)


def ingress(grounds: Grounds, started: Running) -> Finding:
    times, every = (1, 4.0) if grounds.short else (5, 20.0)
    return answered_and_kept(grounds, started, "an ingress replica", Victim(INGRESS, one=True), times, every)


def proxy(grounds: Grounds, started: Running) -> Finding:
    return answered_and_kept(grounds, started, "HAProxy", Victim("/haproxy -db"), *_three(grounds))


def manager(grounds: Grounds, started: Running) -> Finding:
    """HAProxy ends with it."""
    return answered_and_kept(grounds, started, "HAProxy's manager", Victim("ray::HAProxyManager"), *_three(grounds))


def controller(grounds: Grounds, started: Running) -> Finding:
    times, every = _three(grounds)
    asked, back = killed(grounds, started, Victim("ray::ServeController"), times, every)
    held = counted.share(asked) == 100.0 and not counted.lost(asked, started.state)
    return found(f"SIGKILL of Serve's controller ×{times}", "no failure at all", started, asked, back, held)


def _three(grounds: Grounds) -> tuple[int, float]:
    return (1, 4.0) if grounds.short else (3, 20.0)


def answered_and_kept(
    grounds: Grounds, started: Running, what: str, victim: Victim, times: int,
    every: float,
) -> Finding:  # fmt: skip
    asked, back = killed(grounds, started, victim, times, every)
    held = counted.share(asked) >= 99.5 and not counted.lost(asked, started.state)
    must = "≥ 99.5 % answered, nothing acknowledged lost"
    return found(f"SIGKILL of {what} ×{times}", must, started, asked, back, held)


def killed(grounds: Grounds, started: Running, victim: Victim, times: int, every: float) -> tuple[list[Asked], float]:
    """What was asked meanwhile, and the longest that it took until all was as before."""
    before, count, back = running_replicas(started), victim.successors(started), 0.0
    asking = load(started, RATE)
    with asking.running():
        time.sleep(SETTLED_S)
        for number in range(times):
            next_one = time.monotonic() + every
            victim.kill(started)
            grounds.say(f"killed {number + 1} of {times}")
            replaced_s = until(lambda: victim.count(started) >= count, "a successor")
            back = max(back, replaced_s + until_whole(started, before))
            time.sleep(max(0.0, next_one - time.monotonic()))
    return asking.asked, back


def found(fault: str, must: str, started: Running, asked: list[Asked], back: float, held: bool) -> Finding:
    missing = counted.lost(asked, started.state)
    figures = {
        "asked": len(asked), "answered_percent": counted.share(asked), "failures": counted.failures(asked),
        "without_retry_after": len(counted.impolite(asked)), "lost": len(missing), "whole_s": back,
        "p99_ms": counted.p99_ms(asked),
    }  # fmt: skip
    told = (
        f"{figures['answered_percent']:.2f} % of {len(asked):,}; failures {figures['failures'] or 'none'}; "
        f"lost {len(missing)}; whole again after {back:.1f} s; p99 {figures['p99_ms']:.0f} ms"
    )
    return Finding(fault, must, told, held, figures)
