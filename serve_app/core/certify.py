"""From which confidence on a student may answer alone, with a guarantee instead of a guess.

Of the rows that the student answers as class c with a confidence of at least t, the risk R(t) is the share
on which the reference (teacher or gold) says otherwise. A certificate names for each class a threshold t
with R(t) <= 1 - target, and all that it names are right at once save with a chance of ``level``.

**The test.** Learn then Test (Angelopoulos, Bates, Candes, Jordan, Lei 2021, arXiv 2110.01052) with exact
binomial bounds (Geifman, El-Yaniv 2017). Of n rows of evidence at or above t, k disagree. Given n, k is
binomial in R(t), so that under "R(t) > 1 - target"

    p(t) = P(Binomial(n, 1 - target) <= k)

is a valid p-value: P(p <= a) <= a for every a. Where R drifts while the evidence is gathered, k is a sum of
unlike coins, whose lower tail is no heavier (Hoeffding 1956), and R is the mean over that time.

**The walk.** Fixed-sequence testing: from a high threshold of a grid downwards as long as p(t) <= the level;
the lowest that passed is certified. A false threshold is certified only when the first false one on the way
is passed, however fine the grid is, and whether or not R falls with the confidence. That holds only where
the grid and its order do not depend on the evidence: here they are quantiles of ``reference_confidences``,
which are of other rows, and start where that many rows of evidence are to be expected (from how many there
are and the share that the class has of the reference rows) that the test has a chance: ``START`` times the
fewest rows that can pass.

**Several classes.** The level is shared evenly by the classes that can be expected to have rows enough
(again by the reference rows alone). How each spends its share on its walk, and hands it on to the others
when it is through, and why all of it together keeps the level: ``core/chains.py``.

**Several retrains.** The k-th certificate spends level_k = delta * 6 / (pi k)**2, which sums to delta over
all k: with a chance of at least 1 - delta no certificate of a use case is ever false when it is issued.
``number`` therefore counts every certificate that was made, those of students that were refused too, and
the same audit rows may serve again. What no certificate can promise is that the world stays as it was:
see ``core/recheck.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr, betaincinv

from serve_app.core.cascade import CertifiedCascade
from serve_app.core.certificate import Certificate, ClassCertificate
from serve_app.core.chains import DEPOSITS, laid_down, walked
from serve_app.core.evidence import Bools, Evidence, Floats, Index

START = 1.5
"""The walk starts where this many times the fewest rows that can pass are expected: a few may then disagree."""

STEP = 1.05
"""Each threshold of the grid covers this many times the rows of the one before."""

WORTH_ASKING = (0.25, 0.5, 0.75, 1.0)
"""Shares of a class, the most confident rows first, by which ``needed`` is reckoned."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The walk of one class. ``share``: of the live rows that are answered so; ``reference``: their
    confidences; ``confidence``, ``disagrees``: of the evidence; ``grid``: thresholds, falling; ``level``: the
    share of the level that it starts with, or would with one class more."""

    share: float
    reference: Floats
    confidence: Floats
    disagrees: Bools
    grid: Floats
    level: float

    def counts(self, thresholds: Floats) -> tuple[Index, Index]:
        """Rows of evidence at or above each threshold, and how many of them disagree."""
        order = np.argsort(-self.confidence)
        rows = np.searchsorted(-self.confidence[order], -thresholds, side="right")
        return rows, np.append(0, np.cumsum(self.disagrees[order]))[rows]


def spent(delta: float, number: int) -> float:
    """The part of ``delta`` for the ``number``-th certificate of a use case, from 1."""
    return delta * 6 / (np.pi * number) ** 2


def fewest_rows(target: float, level: float) -> float:
    """How many rows must agree, all of them, to pass: target**n <= level."""
    return float(np.log(level) / np.log(target))


def certify(
    evidence: Evidence,
    reference_confidences: Mapping[str, Floats],
    classes: Sequence[str],
    policy: CertifiedCascade,
    number: int,
) -> Certificate:
    """The ``number``-th certificate of a use case (from 1, those of refused students counted).
    ``reference_confidences``: the same student's confidences by the class that it answers, on live rows
    that are not of the evidence, in the proportions in which they come; a class without any is deferred."""
    level = spent(policy.delta, number)
    if policy.per_class:
        chains = _chains(evidence, [reference_confidences.get(name, np.zeros(0)) for name in classes], policy, level)
        found = dict(zip(classes, _walk(chains, policy.target, len(evidence)), strict=True))
    else:
        whole = np.concatenate([reference_confidences.get(name, np.zeros(0)) for name in classes])
        one = Evidence(np.zeros_like(evidence.answered), evidence.confidence, evidence.agrees)
        found = dict.fromkeys(classes, _walk(_chains(one, [whole], policy, level), policy.target, len(evidence))[0])
    return Certificate(
        policy.target, policy.reference, policy.delta, number, level, len(evidence), found, policy.per_class
    )


def _chains(evidence: Evidence, reference: Sequence[Floats], policy: CertifiedCascade, level: float) -> list[Chain]:
    shares = np.array([len(each) for each in reference]) / max(sum(map(len, reference)), 1)
    expected = shares * len(evidence)
    hopeful = _hopeful(expected, policy.target, level)
    own = level / max(int(hopeful.sum()), 1)
    fewest = START * fewest_rows(policy.target, own / DEPOSITS)
    chains = []
    for place, known in enumerate(reference):
        mine = evidence.take(evidence.answered == place)
        grid = grid_of(known, fewest / expected[place]) if hopeful[place] else np.zeros(0)
        begins = own if hopeful[place] else level / (int(hopeful.sum()) + 1)
        chains.append(Chain(float(shares[place]), known, mine.confidence, ~mine.agrees, grid, begins))
    return chains


def _hopeful(expected: Floats, target: float, level: float) -> Bools:
    """The classes that get a share of the level: as many of the most frequent as can be expected to have
    rows enough to pass with it."""
    order = np.argsort(-expected, kind="stable")
    counts = np.arange(1, len(expected) + 1)
    enough = expected[order] >= [fewest_rows(target, level / count) for count in counts]
    hopeful = np.zeros(len(expected), dtype=bool)
    hopeful[order[: counts[enough].max(initial=0)]] = True
    return hopeful


def grid_of(confidences: Floats, start: float) -> Floats:
    """Thresholds, falling: from the one that covers ``start`` of the rows, by ``STEP``, to all of them."""
    steps = np.ceil(np.log(1 / min(start, 1.0)) / np.log(STEP))
    coverage = STEP ** -np.arange(steps, 0, -1)
    return np.unique(np.append(np.quantile(confidences, 1 - coverage), 0.0))[::-1]


def _walk(chains: Sequence[Chain], target: float, rows: int) -> list[ClassCertificate]:
    counted = [chain.counts(chain.grid) for chain in chains]
    n, k = (np.concatenate(column) for column in zip(*counted, strict=True))
    ends = np.cumsum([len(chain.grid) for chain in chains])[:-1]
    values = np.split(bdtr(k, n, 1 - target), ends)
    ways = walked([laid_down(chain.level, len(chain.grid)) for chain in chains], values)
    return [_entry(*each, target, rows) for each in zip(chains, counted, ways, strict=True)]


def _entry(
    chain: Chain, counted: tuple[Index, Index], way: tuple[Bools, Floats], target: float, rows: int
) -> ClassCertificate:
    passed, levels = way
    if not passed.any():
        return _refused(chain, target, rows)
    last = int(np.flatnonzero(passed)[-1])
    n, k = int(counted[0][last]), int(counted[1][last])
    return ClassCertificate(float(chain.grid[last]), n, k, upper_bound(n, k, float(levels[last])))


def _refused(chain: Chain, target: float, rows: int) -> ClassCertificate:
    n, k = len(chain.confidence), int(chain.disagrees.sum())
    return ClassCertificate(None, n, k, upper_bound(n, k, chain.level), _needed(chain, target, rows))


def upper_bound(rows: int, disagreements: int, level: float) -> float:
    """Of the risk, Clopper and Pearson's one-sided: exact, at confidence 1 - ``level``."""
    return 1.0 if disagreements >= rows else float(betaincinv(disagreements + 1, rows - disagreements, 1 - level))


def _needed(chain: Chain, target: float, rows: int) -> int | None:
    """How many more rows of the whole stream until the most confident part of the class passes, should it go
    on to disagree as rarely as it did. With the risk r the p-value is about exp(-n KL(r, 1 - target))."""
    share = chain.share or len(chain.confidence) / max(rows, 1)
    known = chain.reference if len(chain.reference) else chain.confidence
    if share == 0 or not len(known):
        return None
    part = np.array(WORTH_ASKING)
    n, k = chain.counts(np.append(np.quantile(known, 1 - part[:-1]), 0.0))
    risk = k / np.maximum(n, 1)
    possible = risk < 1 - target
    if not possible.any():
        return None
    risk, part = risk[possible], part[possible]
    gap = -np.log(target) * (1 - risk)  # KL of two coins; the first term is 0 where nothing disagreed
    gap += (1 - risk) * np.log1p(-risk)
    gap += np.where(risk > 0, risk * np.log(np.maximum(risk, 1e-300) / (1 - target)), 0.0)
    return max(int(np.ceil((-np.log(chain.level) / gap / (share * part)).min())) - rows, 1)
