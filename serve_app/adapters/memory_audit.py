"""The audit log in memory, for tests and demonstrations."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from copy import deepcopy

from serve_app.core.audit import Audited, AuditFilter, Head, Unreadable, chained, head_of
from serve_app.core.errors import StoreUnavailable


class MemoryAudit:
    """Set ``away`` to make every call raise StoreUnavailable, as a database that is down does."""

    def __init__(self) -> None:
        self.away = False
        self._lock = threading.Lock()
        self._entries: dict[str, Audited] = {}
        self._last: Audited | None = None

    def append(self, entry: Audited) -> None:
        with self._lock:
            self._reach()
            if entry.id not in self._entries:
                self._last = self._entries[entry.id] = chained(entry, head_of(self._last))

    def page(self, which: AuditFilter | None = None, before: int | None = None, limit: int = 50) -> list[Audited]:
        which = which or AuditFilter()
        found = [one for one in reversed(self._all()) if which.takes(one) and (before is None or _seq(one) < before)]
        return deepcopy(found[:limit])

    def head(self) -> Head:
        with self._lock:
            self._reach()
            return head_of(self._last)

    def walk(self) -> Iterator[Audited | Unreadable]:
        yield from deepcopy(self._all())

    def close(self) -> None:
        """There is nothing to let go of."""

    def _all(self) -> list[Audited]:
        with self._lock:
            self._reach()
            return list(self._entries.values())

    def _reach(self) -> None:
        if self.away:
            raise StoreUnavailable("the event log is away")


def _seq(entry: Audited) -> int:
    return entry.seq or 0
