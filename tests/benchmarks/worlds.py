"""Certificates in simulated worlds (``tests/fakes/simulated_worlds.py``), where the true risk is known.

    python -m tests.benchmarks.worlds [--worlds N] [--rows N] [--seed N] [--processes N]

A **certificate** is what one retrain issues, for all classes at once. It is false if the true risk of any
threshold in it is above 1 - target, where the true risk is taken over the same time as the evidence: of all
live rows between the first row of the evidence and the last that the student would answer at or above the
threshold, the share that the reference disagrees with. What it is later is no certificate's business but
that of ``core/recheck.py``; ``false at its end`` tells how often a certificate is false already for the
last quarter of that time, since the world moved meanwhile.

Printed: the share of false certificates, of false thresholds among all thresholds, and of worlds in which
any certificate of any retrain was false (all of them are to be at most delta); and the share of all rows
that is answered alone, beside two that nobody can have:

    hindsight    the lowest thresholds that pass the same exact test on the same rows at an even share of the
                 same level, looked for after the evidence is known: what these rows can carry
    truth        the lowest thresholds whose true risk is within the target: what endless rows can carry

``escalated`` is the same with the labels of rows that a student was unsure of in place of audited ones, as a
cascade without an audit has them: the student has learned from these very rows. ``escalated, not learned from`` are
such rows that were kept from it, which shows how much of the harm is by heart and how much by selection.
Then what ``core/recheck.py`` makes of a class whose risk changes after the certificate was issued.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Literal

import numpy as np
from scipy.stats import binom

from serve_app.core.cascade import CertifiedCascade
from serve_app.core.certificate import Certificate, ClassCertificate
from serve_app.core.certify import certify, spent
from serve_app.core.evidence import Evidence
from serve_app.core.recheck import recheck
from tests.benchmarks.side_by_side import side_by_side
from tests.fakes.simulated_worlds import Floats, Period, Rows, Truth, escalated, rows, world

Source = Literal["audit", "escalated", "not learned from"]

DRAWN: Mapping[Source, Callable[[np.random.Generator, Period, int], Rows]] = {
    "audit": rows,
    "escalated": escalated,
    "not learned from": partial(escalated, by_heart=0.0),
}

DELTA = 0.05
ROWS = 5000
LOOKED_AT = 200
"""Thresholds of a class among which hindsight looks for the lowest."""


@dataclass(frozen=True)
class Outcome:
    """Of one certificate: ``false`` thresholds of ``issued``; the coverage that it has, and that hindsight
    and truth have; ``false_at_end``: whether any is false for the last part of its time alone."""

    world: int
    classes: int
    target: float
    issued: int
    false: int
    false_at_end: bool
    coverage: float
    hindsight: float
    truth: float


def policy_of(target: float, per_class: bool = True) -> CertifiedCascade:
    return CertifiedCascade(kind="certified", target=target, delta=DELTA, per_class=per_class)


def outcomes(
    count: int, seed: int, source: Source = "audit", per_class: bool = True, size: int = ROWS
) -> Iterator[Outcome]:
    """One for every retrain of every world; ``source`` is of the evidence and of the reference rows, since
    who has no audit has no other rows that are like it."""
    for name in range(count):
        yield from of_world(name, seed, source, per_class, size)


def of_world(name: int, seed: int, source: Source, per_class: bool, size: int) -> list[Outcome]:
    draw = DRAWN[source]
    chance = np.random.default_rng([seed, name])
    made, found = world(chance), []
    for number, period in enumerate(made.periods, start=1):
        evidence = draw(chance, period, size).evidence()
        others = draw(chance, period, size).by_class(period.classes)
        given = certify(evidence, others, period.classes, policy_of(made.target, per_class), number)
        found.append(judged(name, given, period, evidence))
    return found


def judged(name: int, given: Certificate, period: Period, evidence: Evidence) -> Outcome:
    truth, end = Truth.of(period.parts), Truth.of(period.parts[-1:])
    thresholds = np.array([np.nan if each.threshold is None else each.threshold for each in given.classes.values()])
    if not given.per_class:
        truth, end, thresholds = truth.whole(), end.whole(), thresholds[:1]
    coverage, risk = truth.at(thresholds)
    return Outcome(
        world=name,
        classes=len(given.classes),
        target=given.target,
        issued=int((~np.isnan(thresholds)).sum()),
        false=int((risk > 1 - given.target).sum()),
        false_at_end=bool((end.at(thresholds)[1] > 1 - given.target).any()),
        coverage=float(coverage.sum()),
        hindsight=float(truth.at(in_hindsight(given, evidence, len(thresholds)))[0].sum()),
        truth=float(truth.best(given.target).sum()),
    )


def in_hindsight(given: Certificate, evidence: Evidence, chains: int) -> Floats:
    """(chains,): the lowest thresholds that pass, NaN for none."""
    found = np.full(chains, np.nan)
    for place in range(chains):
        mine = evidence.take(evidence.answered == place) if given.per_class else evidence
        order = np.argsort(-mine.confidence)
        if len(order):
            n = np.unique(np.linspace(1, len(order), LOOKED_AT).astype(np.intp))
            k = np.cumsum(~mine.agrees[order])[n - 1]
            passed = binom.cdf(k, n, 1 - given.target) <= spent(given.delta, given.number) / chains
            found[place] = mine.confidence[order][n[passed][-1] - 1] if passed.any() else np.nan
    return found


@dataclass(frozen=True)
class Summary:
    certificates: int
    issued: int
    false: float
    false_thresholds: float
    false_worlds: float
    false_at_end: float
    coverage: float
    hindsight: float
    truth: float

    def line(self, title: str) -> str:
        return (
            f"| {title} | {self.certificates} | {self.issued} | {self.false:.4f} | {self.false_thresholds:.4f} | "
            f"{self.false_worlds:.4f} | {self.false_at_end:.4f} | {self.coverage:.3f} | {self.hindsight:.3f} | "
            f"{self.coverage / self.hindsight:.3f} | {self.truth:.3f} | {self.coverage / self.truth:.3f} |"
        )


COLUMNS = (
    "| evidence | certificates | thresholds | false | false thresholds | false worlds | false at its end | coverage "
    "| hindsight | reached | truth | reached |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def summary(found: Sequence[Outcome]) -> Summary:
    false = np.array([each.false > 0 for each in found])
    of_world = np.array([each.world for each in found])
    issued = sum(each.issued for each in found)
    return Summary(
        certificates=len(found),
        issued=issued,
        false=float(false.mean()),
        false_thresholds=sum(each.false for each in found) / max(issued, 1),
        false_worlds=float(np.mean([false[of_world == name].any() for name in np.unique(of_world)])),
        false_at_end=float(np.mean([each.false_at_end for each in found])),
        coverage=float(np.mean([each.coverage for each in found])),
        hindsight=float(np.mean([each.hindsight for each in found])),
        truth=float(np.mean([each.truth for each in found])),
    )


def allowed(delta: float, count: int) -> float:
    """Delta, and what chance alone may add to a share that was counted ``count`` times (99 of 100)."""
    return delta + 2.33 * float(np.sqrt(delta * (1 - delta) / count))


CLASSES = ("a", "b", "c", "d", "e")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def certificate(target: float) -> Certificate:
    """Of five classes, each answered alone from 0.8 on."""
    entry = ClassCertificate(0.8, 500, 5, 1 - target)
    return Certificate(target, "teacher", DELTA, 1, spent(DELTA, 1), 2500, dict.fromkeys(CLASSES, entry))


def withdrawn_after(chance: np.random.Generator, target: float, good: int, times: float, most: int) -> int | None:
    """Audited rows of class "a", after ``good`` of them at half the risk that is allowed, until it is
    withdrawn, when its risk has become ``times`` that; None if it is not after ``most``. Looked at by
    halving, since what was withdrawn once stays so."""
    risk = np.concatenate([np.full(good, 0.5), np.full(most, times)]) * (1 - target)
    agrees = chance.random(good + most) >= risk
    low, high = 0, good + most + 1
    while high - low > 1:
        middle = (low + high) // 2
        seen = Evidence(np.zeros(middle, dtype=np.intp), np.full(middle, 0.9), agrees[:middle])
        low, high = (low, middle) if recheck(certificate(target), seen, CLASSES, NOW) else (middle, high)
    return None if high > good + most else high - good


def false_alarms(chance: np.random.Generator, target: float, streams: int, size: int) -> float:
    """The share of streams in which any of five classes is ever withdrawn, all at the very risk allowed."""
    alarms = 0
    for _ in range(streams):
        seen = Evidence(chance.integers(0, 5, size), np.full(size, 0.9), chance.random(size) < target)
        alarms += bool(recheck(certificate(target), seen, CLASSES, NOW))
    return alarms / streams


Drift = tuple[float, int, float]

DRIFTS: list[Drift] = [
    (target, good, times) for target in (0.9, 0.95) for good in (0, 300, 2000) for times in (1.5, 2.0, 3.0, 5.0)
]


def _drift_line(drift: Drift, seed: int, streams: int) -> str:
    target, good, times = drift
    chance = np.random.default_rng([seed, DRIFTS.index(drift)])
    found = [withdrawn_after(chance, target, good, times, 5000) or 5000 for _ in range(streams)]
    median, most = np.quantile(found, [0.5, 0.9])
    return f"| {target} | {times} x what is allowed | {good} | {median:.0f} | {most:.0f} |"


def _drifts(asked: argparse.Namespace) -> Iterator[str]:
    streams = max(asked.worlds // 10, 10)
    yield "\n| target | the risk becomes | after rows of the class | audited rows until withdrawn: median | 9 of 10 |"
    yield "|---|---|---|---|---|"
    yield from side_by_side(partial(_drift_line, seed=asked.seed, streams=streams), DRIFTS, asked.processes)
    for target in (0.9, 0.95):
        share = false_alarms(np.random.default_rng(asked.seed), target, 4 * streams, 5000)
        yield f"\nfalse alarms at target {target}: {share:.4f} of {4 * streams} streams of 5,000 audited rows"


def _tables(asked: argparse.Namespace) -> Iterator[str]:
    yield f"{asked.worlds} worlds, seed {asked.seed}, {asked.rows} rows of evidence a retrain, delta {DELTA}\n"
    yield COLUMNS
    sources: tuple[tuple[str, Source, bool], ...] = (
        ("audit, by class", "audit", True),
        ("audit, one threshold", "audit", False),
        ("escalated, by class", "escalated", True),
        ("escalated, not learned from", "not learned from", True),
    )
    for title, source, per_class in sources:
        work = partial(of_world, seed=asked.seed, source=source, per_class=per_class, size=asked.rows)
        worlds = side_by_side(work, range(asked.worlds), asked.processes, each=10)
        yield from _lines(title, [each for found in worlds for each in found])
    yield from _drifts(asked)


def _lines(title: str, found: Sequence[Outcome]) -> Iterator[str]:
    yield summary(found).line(f"**{title}**")
    for low, high in ((2, 4), (5, 10), (11, 20)):
        part = [each for each in found if low <= each.classes <= high]
        if part:
            yield summary(part).line(f"{title}, {low} to {high} classes")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.worlds", description=__doc__.split("\n\n")[0])
    parser.add_argument("--worlds", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, help="one for each core by default")
    asked = parser.parse_args(arguments)
    began = time.perf_counter()
    for line in _tables(asked):
        print(line, flush=True)
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
