"""Predictions on this node's disk that the event log could not take, until it can: an SQLite file a process.

An SQLite file is a journal whose every commit is durable and whose torn tail is undone by itself. Rows lie in it
as they will in the event log, so that nothing is translated twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import URL, delete, func, select

from serve_app.adapters.sql_append import Appends
from serve_app.adapters.sql_engine import open_engine, store_errors
from serve_app.adapters.sql_policies import SqlPolicies
from serve_app.adapters.sql_rows import PREDICTION, escaped, json_value, unescaped
from serve_app.adapters.sql_tables import metadata, policies, predictions
from serve_app.core.events import LoggedPrediction


class SqlJournal(SqlPolicies):
    """``most_bytes``: how large the file may grow. Raises StoreUnavailable when it cannot be written."""

    def __init__(self, file: Path, most_bytes: int) -> None:
        url = URL.create("sqlite", database=str(file))
        made = open_engine(url, create=True)
        with store_errors():
            metadata.create_all(made, tables=[predictions, policies])
        made.dispose()
        super().__init__(url)
        self._most_bytes, self._appends = most_bytes, Appends(self._engine.dialect)

    def append(self, rows: Sequence[LoggedPrediction]) -> None:
        with self._writing() as connection:
            self._appends.insert(connection, self._appends.rows(rows))

    def full(self) -> bool:
        with self._reading() as connection:
            sizes = [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("page_count", "page_size")]
            free = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
        return (sizes[0] - free) * sizes[1] >= self._most_bytes

    def count(self) -> int:
        with self._reading() as connection:
            return connection.execute(select(func.count()).select_from(predictions)).scalar_one()

    def empty(self) -> bool:
        return self.count() == 0 and not self.policies()

    def holds(self, prediction_id: str) -> bool:
        query = select(predictions.c.id).where(predictions.c.id == escaped(prediction_id))
        with self._reading() as connection:
            return connection.execute(query).first() is not None

    def oldest(self, limit: int) -> list[LoggedPrediction]:
        with self._reading() as connection:
            rows = connection.execute(select(predictions).order_by(predictions.c.id).limit(limit)).mappings().all()
        return [PREDICTION.of(row) for row in rows]

    def policies(self) -> list[tuple[str, str, Mapping[str, Any], datetime]]:
        """As ``put`` takes them."""
        with self._reading() as connection:
            rows = connection.execute(select(policies)).all()
        return [
            (unescaped(each.version), unescaped(each.use_case), json_value(each.content), each.at.replace(tzinfo=UTC))
            for each in rows
        ]

    def forget(self, rows: Sequence[LoggedPrediction]) -> None:
        with self._writing() as connection:
            for each in rows:
                connection.execute(delete(predictions).where(predictions.c.id == escaped(each.id)))

    def forget_policies(self, versions: Sequence[str]) -> None:
        with self._writing() as connection:
            for each in versions:
                connection.execute(delete(policies).where(policies.c.version == escaped(each)))


class Slots:
    """Journals of the replicas of one node: each holds one by a lock, that ends with its process. ``folder`` lies on
    a local disk that outlives the replicas."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder, self._most_bytes = folder, most_bytes

    def own(self) -> tuple[SqlJournal, FileLock]:
        """The first that nobody holds, with whatever a dead replica has left in it. Raises StoreUnavailable."""
        with store_errors():
            self._folder.mkdir(parents=True, exist_ok=True)
            for number in count():
                file = self._folder / f"{number}.db"
                if lock := _taken(file):
                    return SqlJournal(file, self._most_bytes), lock
        raise AssertionError("never reached")

    @contextmanager
    def left(self) -> Iterator[list[SqlJournal]]:
        """Those that dead replicas have left behind; nobody else has them meanwhile."""
        locks, journals = [], []
        try:
            for file in self.files():
                if lock := _taken(file):
                    locks.append(lock)
                    journals.append(SqlJournal(file, self._most_bytes))
            yield journals
        finally:
            for journal in journals:
                journal.close()
            for lock in locks:
                lock.release()

    def files(self) -> list[Path]:
        return sorted(self._folder.glob("*.db"))

    def holds(self, file: Path, prediction_id: str) -> bool:
        """Whoever writes to it: reading needs no lock."""
        journal = SqlJournal(file, self._most_bytes)
        try:
            return journal.holds(prediction_id)
        finally:
            journal.close()


def _taken(file: Path) -> FileLock | None:
    lock = FileLock(file.with_suffix(".lock"), thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock
