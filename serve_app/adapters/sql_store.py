"""What every store in the database shares: how it is opened, its transactions, its inserts.

Every call is one transaction of its own, so one object serves many threads, and many processes may
share one database. An SQLite file must lie on a local disk: its locks do not hold over a network.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from serve_app.adapters.migrations import migrate
from serve_app.adapters.sql_engine import open_engine, store_errors, store_url, writing
from serve_app.core.platform import Store


def made_ready(store: Store, state: Path) -> URL:
    """Where the configured database is, its folder made and its schema brought up to date.

    Raises BadConfig for a URL that is not served, StoreUnavailable when the database is away."""
    url = _located(store.url.get_secret_value(), state)
    if url.drivername == "sqlite":
        with store_errors():
            Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
    migrate(url, timeout_s=store.timeout_s)
    return url


def _located(url: str, state: Path) -> URL:
    # Filled in after parsing: a state folder may hold characters that mean something in a URL.
    parsed = store_url(url)
    return parsed.set(database=(parsed.database or "").replace("{state}", str(state.absolute())))


class SqlStore:
    """``synchronous`` concerns SQLite: ``full`` survives a power cut, ``normal`` a killed process only.
    ``timeout_s`` bounds the wait for a connection, a lock and a statement, each. The schema must be
    there already (``migrations.migrate``)."""

    def __init__(self, url: str | URL, *, synchronous: str = "full", timeout_s: float = 10.0) -> None:
        self._engine = open_engine(url, synchronous, timeout_s)
        self._for_writing = writing(self._engine)
        self._insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with store_errors(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with store_errors(), self._for_writing.begin() as connection:
            yield connection

    def _insert_new(self, table: Table) -> postgresql.Insert | sqlite.Insert:
        """What is there already is left as it is."""
        return self._insert(table).on_conflict_do_nothing(index_elements=list(table.primary_key))
