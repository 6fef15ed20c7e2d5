"""The audit log in memory, for tests and demonstrations."""

from __future__ import annotations

import threading
from copy import deepcopy
from dataclasses import replace

from serve_app.adapters.sql_rows import utc
from serve_app.core.errors import StoreUnavailable
from serve_app.core.jobs import Audited


class MemoryAudit:
    """Set ``away`` to make every call raise StoreUnavailable, as a database that is down does."""

    def __init__(self) -> None:
        self.away = False
        self._lock = threading.Lock()
        self._entries: dict[str, Audited] = {}

    def append(self, entry: Audited) -> None:
        kept = replace(deepcopy(entry), at=utc(entry.at))
        with self._lock:
            self._reach()
            self._entries.setdefault(entry.id, kept)

    def page(self, use_case: str | None = None, before: str | None = None, limit: int = 50) -> list[Audited]:
        with self._lock:
            self._reach()
            entries = [self._entries[id] for id in sorted(self._entries, reverse=True)]
        found = [one for one in entries if use_case in (None, one.use_case) and (before is None or one.id < before)]
        return deepcopy(found[:limit])

    def close(self) -> None:
        """There is nothing to let go of."""

    def _reach(self) -> None:
        if self.away:
            raise StoreUnavailable("the event log is away")
