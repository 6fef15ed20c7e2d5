"""The review queue in memory, for tests and demonstrations."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from serve_app.adapters.sql_rows import utc
from serve_app.core.errors import StoreUnavailable
from serve_app.core.ports import Lease, Review


class MemoryReviews:
    """Set ``away`` to make every call raise StoreUnavailable, as a database that is down does."""

    def __init__(self) -> None:
        self.away = False
        self._lock = threading.Lock()
        self._leases: dict[str, tuple[str, Lease]] = {}
        self._reviews: dict[str, Review] = {}

    def lease(
        self, use_case: str, wanted: Sequence[str], by: str, now: datetime, until: datetime, limit: int
    ) -> list[Lease]:
        moment, end = utc(now), utc(until)
        with self._lock:
            self._reach()
            free = [which for which in dict.fromkeys(wanted) if self._is_free(which, by, moment)][:limit]
            given = [Lease(which, by, end) for which in free]
            self._leases |= {lease.prediction_id: (use_case, lease) for lease in given}
        return given

    def holder(self, prediction_id: str, now: datetime) -> Lease | None:
        with self._lock:
            self._reach()
            found = self._leases.get(prediction_id)
        return found[1] if found is not None and found[1].until > utc(now) else None

    def add(self, review: Review) -> None:
        kept = replace(review, at=utc(review.at))
        with self._lock:
            self._reach()
            self._reviews.setdefault(kept.id, kept)
            found = self._leases.get(kept.prediction_id)
            if found is not None and found[1].by == kept.by:
                del self._leases[kept.prediction_id]

    def reviewed(self, use_case: str, limit: int = 100_000) -> list[Review]:
        with self._lock:
            self._reach()
            found = [one for one in self._reviews.values() if one.use_case == use_case]
        return sorted(found, key=lambda one: (one.at, one.id), reverse=True)[:limit]

    def close(self) -> None:
        """There is nothing to let go of."""

    def _is_free(self, which: str, by: str, now: datetime) -> bool:
        held = self._leases.get(which)
        if held is not None and held[1].by != by and held[1].until > now:
            return False
        return not any(one.prediction_id == which and one.by == by for one in self._reviews.values())

    def _reach(self) -> None:
        if self.away:
            raise StoreUnavailable("the event log is away")
