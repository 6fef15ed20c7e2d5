"""Kept answers in memory, for tests and demonstrations."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from serve_app.adapters.sql_rows import utc
from serve_app.core.answers import TeacherAnswer
from serve_app.core.errors import StoreUnavailable
from serve_app.core.ports import KeptAnswer


class MemoryAnswerCache:
    """Set ``away`` to make every call raise StoreUnavailable, as a database that is down does. ``calls`` counts
    them."""

    def __init__(self) -> None:
        self.away = False
        self.calls = 0
        self._lock = threading.Lock()
        self._kept: dict[str, KeptAnswer] = {}

    def get(self, keys: Sequence[str], now: datetime) -> dict[str, TeacherAnswer]:
        moment = utc(now)
        with self._lock:
            self._reach()
            found = {key: self._kept[key] for key in keys if key in self._kept}
        return {key: kept.answer for key, kept in found.items() if kept.expires_at > moment}

    def put(self, answers: Sequence[KeptAnswer]) -> None:
        kept = [replace(each, at=utc(each.at), expires_at=utc(each.expires_at)) for each in answers]
        with self._lock:
            self._reach()
            self._kept |= {each.key: each for each in kept}

    def purge(self, now: datetime) -> int:
        moment = utc(now)
        with self._lock:
            self._reach()
            old = [key for key, kept in self._kept.items() if kept.expires_at <= moment]
            for key in old:
                del self._kept[key]
        return len(old)

    def close(self) -> None:
        """There is nothing to let go of."""

    def _reach(self) -> None:
        self.calls += 1
        if self.away:
            raise StoreUnavailable("the event log is away")
