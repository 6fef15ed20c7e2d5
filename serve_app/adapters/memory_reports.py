"""Reports in memory, for tests and demonstrations."""

from __future__ import annotations

import threading
from copy import deepcopy
from dataclasses import replace

from serve_app.adapters.sql_rows import utc
from serve_app.core.errors import StoreUnavailable
from serve_app.core.jobs import Report


class MemoryReports:
    """Set ``away`` to make every call raise StoreUnavailable, as a database that is down does."""

    def __init__(self) -> None:
        self.away = False
        self._lock = threading.Lock()
        self._reports: dict[str, Report] = {}

    def put(self, report: Report) -> None:
        kept = replace(deepcopy(report), at=utc(report.at))
        with self._lock:
            self._reach()
            self._reports[report.id] = kept

    def latest(self, use_case: str, kind: str) -> Report | None:
        return next(iter(self.newest(use_case, kind, limit=1)), None)

    def newest(self, use_case: str, kind: str, limit: int = 20) -> list[Report]:
        with self._lock:
            self._reach()
            found = [one for one in self._reports.values() if (one.use_case, one.kind) == (use_case, kind)]
        return deepcopy(sorted(found, key=lambda one: (one.at, one.id), reverse=True)[:limit])

    def close(self) -> None:
        """There is nothing to let go of."""

    def _reach(self) -> None:
        if self.away:
            raise StoreUnavailable("the event log is away")
