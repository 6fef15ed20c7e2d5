"""What the teacher has cost, in memory: for tests, and where one process is all there is."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime

from serve_app.adapters.picodollars import dollars, picodollars
from serve_app.adapters.sql_rows import utc
from serve_app.core.errors import StoreUnavailable
from serve_app.core.ports import Limit, Reservation


class MemoryBudget:
    """Set ``away`` to make every call raise StoreUnavailable, as a server that is down does. ``calls``: the
    methods that were called, in order."""

    def __init__(self) -> None:
        self.away = False
        self.calls: list[str] = []
        self._lock = threading.Lock()
        self._spent: dict[str, int] = {}
        self._reservations: dict[str, Reservation] = {}
        self._settled: set[str] = set()

    def reserve(self, reservation_id: str, limits: Sequence[Limit], usd: float, now: datetime) -> Reservation | Limit:
        utc(now)
        amount = picodollars(usd)
        with self._lock:
            self._reach("reserve")
            if reservation_id in self._reservations:
                return self._reservations[reservation_id]
            for limit in limits:
                if self._spent.get(limit.key, 0) + amount > picodollars(limit.usd):
                    return limit
            made = Reservation(reservation_id, tuple(limit.key for limit in limits), dollars(amount))
            self._add(made.keys, amount)
            self._reservations[reservation_id] = made
        return made

    def settle(self, reservation: Reservation, usd: float, now: datetime) -> None:
        utc(now)
        with self._lock:
            self._reach("settle")
            if reservation.id not in self._reservations or reservation.id in self._settled:
                return
            made = self._reservations[reservation.id]
            self._add(made.keys, picodollars(usd) - picodollars(made.usd))
            self._settled.add(reservation.id)

    def spent(self, keys: Sequence[str]) -> dict[str, float]:
        with self._lock:
            self._reach("spent")
            return {key: dollars(self._spent.get(key, 0)) for key in keys}

    def close(self) -> None:
        """There is nothing to let go of."""

    def _add(self, keys: Sequence[str], amount: int) -> None:
        for key in keys:
            self._spent[key] = self._spent.get(key, 0) + amount

    def _reach(self, method: str) -> None:
        self.calls.append(method)
        if self.away:
            raise StoreUnavailable("the budget is away")
