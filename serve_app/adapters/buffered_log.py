"""An event log that may be away for a while: what it cannot take waits in a journal and is delivered later, once.

Once, because an id that is there already is left as it is: what was delivered and not yet struck off when its process
died is delivered again, and changes nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from serve_app.adapters.sql_journal import Slots, SqlJournal
from serve_app.core.errors import StoreUnavailable
from serve_app.core.events import LoggedPrediction
from serve_app.core.ports import EventLog, Policies

log = logging.getLogger("understudy.journal")

PIECE = 1000
"""Rows delivered in one transaction."""


class BufferedLog:
    """What is written on the way to an answer: predictions and their policies. ``folder``: of this node's journals;
    ``most_bytes``: of each, after which predictions are refused as they are without one. Blocks. Raises
    StoreUnavailable where neither takes a row."""

    def __init__(self, events: EventLog, policies: Policies, folder: Path, most_bytes: int) -> None:
        self._events, self._policies = events, policies
        self._slots = Slots(folder, most_bytes)
        self._journal, self._lock = self._slots.own()
        self._turn = threading.Lock()
        self._through = self._journal.empty()

    def append(self, rows: Sequence[LoggedPrediction]) -> None:
        if self._through:
            try:
                self._events.append(rows)
            except StoreUnavailable as error:
                self._away(error)
            else:
                return
        with self._turn:
            if self._journal.full():
                raise StoreUnavailable("the event log is away, and the journal is full", 5)
            self._journal.append(rows)
            self._through = False

    def put(self, version: str, use_case: str, content: Mapping[str, Any], at: datetime) -> None:
        """A policy, which is there before the predictions that name it, in the journal as in the log."""
        if self._through:
            try:
                self._policies.put(version, use_case, content, at)
            except StoreUnavailable as error:
                self._away(error)
            else:
                return
        with self._turn:
            self._journal.put(version, use_case, content, at)
            self._through = False

    def ping(self) -> None:
        self._events.ping()

    def waiting(self) -> int:
        """Rows that this process has still to deliver."""
        return 0 if self._through else self._journal.count()

    def holds(self, prediction_id: str) -> bool:
        """Whether it waits in any journal of this node."""
        return any(self._slots.holds(file, prediction_id) for file in self._slots.files())

    def deliver(self) -> int:
        """How many rows the log has taken from the journals: this process's, and those of replicas that died. Raises
        StoreUnavailable while it is away."""
        delivered = 0 if self._through else self._empty(self._journal)
        with self._turn:
            self._through = self._journal.empty()
        with self._slots.left() as journals:
            return delivered + sum(self._empty(each) for each in journals)

    def close(self) -> None:
        self._journal.close()
        self._lock.release()

    def _empty(self, journal: SqlJournal) -> int:
        policies, delivered = journal.policies(), 0
        for each in policies:
            self._policies.put(*each)
        while rows := journal.oldest(PIECE):
            self._events.append(rows)
            journal.forget(rows)
            delivered += len(rows)
        journal.forget_policies([version for version, *_ in policies])
        if delivered:
            log.warning("%d predictions that had waited are in the event log", delivered)
        return delivered

    def _away(self, error: StoreUnavailable) -> None:
        log.warning("%s; predictions wait in the journal", error)
        self._through = False
