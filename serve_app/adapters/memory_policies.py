"""Policies in memory, for tests and demonstrations."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from typing import Any

from serve_app.adapters.sql_rows import utc
from serve_app.core.errors import StoreUnavailable


class MemoryPolicies:
    """Set ``away`` to make every call raise StoreUnavailable, as a database that is down does."""

    def __init__(self) -> None:
        self.away = False
        self._lock = threading.Lock()
        self._kept: dict[str, Mapping[str, Any]] = {}

    def put(self, version: str, use_case: str, content: Mapping[str, Any], at: datetime) -> None:
        utc(at)
        kept = deepcopy(dict(content))
        with self._lock:
            self._reach()
            self._kept.setdefault(version, kept)

    def get(self, version: str) -> Mapping[str, Any] | None:
        with self._lock:
            self._reach()
            return deepcopy(self._kept.get(version))

    def close(self) -> None:
        """There is nothing to let go of."""

    def _reach(self) -> None:
        if self.away:
            raise StoreUnavailable("the event log is away")
