"""Whether a certificate still holds, looked at as often as one likes.

After a certificate was issued chance goes on auditing rows. Of those that the student answers as class c
at or above its threshold, one after the other, x = 1 where the reference disagrees. While the certificate
holds, P(x = 1) <= q = 1 - target whatever came before. A bet against that at odds for a risk p > q,

    e(x) = p / q if x else (1 - p) / (1 - q),

is then worth at most 1 on average, so that a product of such bets, and any weighted mean of products, is an
e-process: P(it ever reaches 1 / a) <= a (Ville 1939; Waudby-Smith and Ramdas 2024, JRSS B 86), which is what
makes it right to look after every row. It is 1 in the beginning:

- **How bad?** Bets for each p in ``ODDS`` times q at once, evenly.
- **Since when?** A bet that has been losing while all was well would need long to recover when the world
  drifts. So one more begins every ``EVERY`` rows, the j-th with the share 1 / (j (j + 1)) of the stake; what
  is not staked yet is kept. These shares sum to 1, so that the mean stays an e-process for ever, and drift
  after n rows is seen about ln((n / EVERY)**2) rows' worth of evidence later than one that was there from
  the start (an e-detector in the sense of Shin, Ramdas and Rinaldo 2024, with a chance of a false alarm
  that is bounded for all time instead of a mean time to it).

A class is withdrawn when its e-process has ever reached (number of certified classes) / delta. So **the
chance that any class of a version is ever withdrawn while its risk is within the target is at most
delta**. To a risk p the answer takes about ln(classes / delta * (n / EVERY)**2 * len(ODDS)) / KL(p, q)
audited rows of the class at or above its threshold: measured (``python -m tests.benchmarks.worlds``) some 70
when the risk becomes three times what is allowed, some 250 at twice, over a thousand at one and a half.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from serve_app.core.certificate import Certificate
from serve_app.core.evidence import Bools, Evidence, Floats, Index
from serve_app.core.standing import Withdrawn

ODDS = (1.5, 2.0, 3.0, 5.0, 8.0)
"""Risks that are betted on, as multiples of the one that is allowed (and half-way to 1 at most)."""

EVERY = 10
"""Rows between the beginnings of two bets."""


def recheck(
    certificate: Certificate, since_rows: Evidence, classes: Sequence[str], now: datetime
) -> dict[str, Withdrawn]:
    """The classes that must be deferred again, and those already withdrawn by the same rows. ``since_rows``:
    all rows audited since the certificate was issued, in the order in which they were answered, with places
    among ``classes``; what is below a threshold is passed over. None from before: the certificate rests on
    those. ``at``: ``now``."""
    chosen = _watched(certificate, since_rows, classes)
    limit = max(len(chosen), 1) / certificate.delta
    found: dict[str, Withdrawn] = {}
    for names, rows in chosen:
        disagrees = ~since_rows.agrees[rows]
        if wealth(disagrees, 1 - certificate.target).max(initial=0.0) >= limit:
            withdrawn = Withdrawn(now.isoformat(), len(disagrees), int(disagrees.sum()))
            found.update(dict.fromkeys(names, withdrawn))
    return found


def _watched(certificate: Certificate, rows: Evidence, classes: Sequence[str]) -> list[tuple[tuple[str, ...], Bools]]:
    """The classes that stand and fall together, and which rows they answered at or above their threshold."""
    thresholds = np.array([_threshold(certificate, name) for name in classes])
    above = rows.confidence >= thresholds[rows.answered]
    certified = [name for name in classes if _threshold(certificate, name) < np.inf]
    if not certificate.per_class:
        return [(tuple(certified), above)] if certified else []
    return [((name,), above & (rows.answered == classes.index(name))) for name in certified]


def _threshold(certificate: Certificate, name: str) -> float:
    entry = certificate.classes.get(name)
    return float("inf") if entry is None or entry.threshold is None else entry.threshold


def wealth(disagrees: Bools, allowed: float) -> Floats:
    """The e-process (n,) after each row: what 1 has become that was betted against "risk <= ``allowed``"."""
    count = np.arange(len(disagrees)) // EVERY  # of the bets that have begun before a row, save the first
    risks = np.minimum(allowed * np.array(ODDS), (1 + allowed) / 2)
    staked = np.mean([_grown(disagrees, count, allowed, risk) for risk in risks], axis=0)
    return np.asarray(staked + 1 / (count + 2))


def _grown(disagrees: Bools, count: Index, allowed: float, risk: float) -> Floats:
    """What all bets on one risk have come to together, each since it began."""
    if not len(disagrees):
        return np.zeros(0)
    each = np.where(disagrees, np.log(risk / allowed), np.log((1 - risk) / (1 - allowed)))
    grown = np.cumsum(each)
    before = (grown - each)[::EVERY]
    number = np.arange(1, len(before) + 1)
    stakes = np.logaddexp.accumulate(-np.log(number * (number + 1)) - before)
    return np.asarray(np.exp(np.minimum(grown + stakes[count], 600.0)))
