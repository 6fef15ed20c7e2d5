"""Tries to log in, counted in SQLite (embedded) or PostgreSQL (production)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from serve_app.adapters.sql_rows import TRIES, utc
from serve_app.adapters.sql_store import SqlStore
from serve_app.adapters.sql_tables import login_tries
from serve_app.core.login_locks import Lock, Tries

TRIED = login_tries.c


class SqlLoginLocks(SqlStore):
    def try_(self, locks: Sequence[Lock], now: datetime) -> datetime | None:
        moment = utc(now)
        with self._writing() as connection:
            kept = self._held(connection, locks, moment)
            tried = [lock.tried(kept[lock.key], moment) for lock in locks]
            until = [each for each in tried if isinstance(each, datetime)]
            if until:
                return max(until)
            for each in tried:
                if isinstance(each, Tries):
                    connection.execute(update(login_tries).where(TRIED.key == each.key).values(TRIES.row(each)))
            longest = max(lock.longest_s for lock in locks)
            connection.execute(delete(login_tries).where(TRIED.until < moment - timedelta(seconds=longest)))
        return None

    def clear(self, locks: Sequence[Lock]) -> None:
        with self._writing() as connection:
            connection.execute(delete(login_tries).where(TRIED.key.in_([lock.key for lock in locks])))

    def _held(self, connection: Connection, locks: Sequence[Lock], now: datetime) -> dict[str, Tries]:
        """Whoever tries for the same waits here. In the order of their keys, so that nobody waits for ever."""
        keys = sorted(lock.key for lock in locks)
        connection.execute(self._insert_new(login_tries), [TRIES.row(Tries(key, 0, now, now)) for key in keys])
        query = select(login_tries).where(TRIED.key.in_(keys)).order_by(TRIED.key).with_for_update()
        return {row["key"]: TRIES.of(row) for row in connection.execute(query).mappings()}
