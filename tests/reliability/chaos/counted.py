"""What a load came to: shares, refusals, seconds until whole again, and whether what was acknowledged is in the log."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from pathlib import Path

import numpy as np

from tests.reliability.chaos.clients import Asked

BEAT_S = 0.25


def share(asked: Sequence[Asked]) -> float:
    """Per cent answered, of all that was sent."""
    return 100.0 * sum(each.answered for each in asked) / max(1, len(asked))


def failures(asked: Iterable[Asked]) -> dict[str, int]:
    """By status or by what befell the connection."""
    return dict(Counter(str(each.status or each.error) for each in asked if not each.answered))


def impolite(asked: Iterable[Asked]) -> list[Asked]:
    """Neither answered nor refused with a time to come back."""
    return [each for each in asked if not each.answered and not each.polite]


def away_s(asked: Sequence[Asked], since: float) -> float:
    """Seconds from ``since`` to the last failure that was due after it: 0 where nothing failed."""
    return max((each.done - since for each in asked if each.due >= since - 1 and not each.answered), default=0.0)


def p99_ms(asked: Iterable[Asked]) -> float:
    found = [each.latency_ms for each in asked if each.answered]
    return float(np.percentile(found, 99)) if found else float("inf")


def lost(asked: Iterable[Asked], state: Path) -> list[str]:
    """Ids that a 200 told somebody and that the event log does not hold."""
    return missing({each.id for each in asked if each.answered}, state)


def missing(told: Set[str], state: Path) -> list[str]:
    log = sqlite3.connect(f"file:{state / 'events.db'}?mode=ro", uri=True)
    try:
        known = {row[0] for table in ("predictions", "labels") for row in log.execute(f"SELECT id FROM {table}")}
    finally:
        log.close()
    return sorted(told - known)


def rate(asked: Sequence[Asked], first: float, last: float) -> float:
    """Answers a second between two moments."""
    return sum(each.answered and first <= each.done < last for each in asked) / max(1e-9, last - first)
