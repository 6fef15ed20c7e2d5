"""Who guesses passwords waits longer and longer: by name and address, and, later, by name from anywhere.

A try is counted before the password is looked at, so that a thousand at once are no more than a thousand in turn.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from serve_app.core.platform import Locks

MOST_DOUBLINGS = 40
"""More than any wait has; keeps the number small."""


@dataclass(frozen=True, slots=True)
class Tries:
    """``key``: whose they are; ``until``: nothing is tried before it."""

    key: str
    count: int
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Lock:
    """``tries`` are free of any wait; then the wait doubles from ``first_s`` to ``longest_s``. After as long without
    any try all is forgotten."""

    key: str
    tries: int
    first_s: float
    longest_s: float

    def wait_s(self, count: int) -> float:
        """After that many tries."""
        if count < self.tries:
            return 0.0
        return min(self.first_s * 2.0 ** min(count - self.tries, MOST_DOUBLINGS), self.longest_s)

    def tried(self, kept: Tries | None, now: datetime) -> Tries | datetime:
        """With one try more; or until when there may be none."""
        if kept is not None and now < kept.until:
            return kept.until
        forgotten = kept is None or now >= kept.until + timedelta(seconds=self.longest_s)
        count = 1 if forgotten or kept is None else kept.count + 1
        return Tries(self.key, count, now, now + timedelta(seconds=self.wait_s(count)))


def locks_of(name: str, address: str, rule: Locks) -> list[Lock]:
    """Both that a try counts for. The keys are digests: whatever is sent as a name takes as little room."""
    here, anywhere = _key(name, address), _key(name)
    return [
        Lock(here, rule.tries, rule.first_s, rule.longest_s),
        Lock(anywhere, rule.tries_anywhere, rule.first_s, rule.longest_s),
    ]


def _key(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
