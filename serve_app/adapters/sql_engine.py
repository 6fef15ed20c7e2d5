"""Connections to SQLite and PostgreSQL, set up so that a commit that returned is on disk."""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url
from sqlalchemy.pool import QueuePool

from serve_app.core.errors import BadConfig, StoreUnavailable

_WAL_KEEP_BYTES = 64 * 1024 * 1024


def store_url(url: str | URL) -> URL:
    """A URL that is served here, its driver spelt out. Raises BadConfig, which never shows the URL."""
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        raise BadConfig("store.url cannot be read as a database URL") from None
    kind = parsed.drivername.partition("+")[0]
    if kind in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if kind == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return parsed.set(drivername="sqlite")
    raise BadConfig("store.url: expected sqlite:///FILE or postgresql://…; a log in memory would lose answers")


def open_engine(url: str | URL, synchronous: str = "full", timeout_s: float = 10.0, create: bool = False) -> Engine:
    """``create``: make an SQLite file that is not there. Connects to nothing yet."""
    parsed = store_url(url)
    if parsed.drivername == "sqlite":
        return _sqlite(Path(parsed.database or ""), synchronous, timeout_s, create)
    return _postgres(parsed, timeout_s)


def writing(engine: Engine) -> Engine:
    """The same connections, for transactions that write: SQLite takes its lock at the start, since a
    reader that turns writer midway fails at once when another has written."""
    return engine.execution_options(writes=True)


@contextmanager
def store_errors() -> Iterator[None]:
    """Driver errors as StoreUnavailable. The text names the kind only: the driver's own may hold host
    names and rows; it stays on the exception's chain for the operator."""
    try:
        yield
    except (exc.DBAPIError, exc.TimeoutError, exc.DisconnectionError, sqlite3.Error, OSError) as error:
        raise StoreUnavailable(f"the event log is away: {_kind(error)}") from error


def _kind(error: BaseException) -> str:
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None)
    return f"{type(cause).__name__} ({code})" if code else type(cause).__name__


def _sqlite(path: Path, synchronous: str, timeout_s: float, create: bool) -> Engine:
    address = f"file:{quote(str(path))}?mode={'rwc' if create else 'rw'}"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(address, uri=True, timeout=timeout_s, isolation_level=None, check_same_thread=False)

    engine = create_engine(
        "sqlite://", creator=connect, poolclass=QueuePool, pool_timeout=timeout_s, hide_parameters=True
    )
    event.listen(engine, "connect", _sqlite_settings(path, synchronous))
    event.listen(engine, "checkout", _same_file(path))
    event.listen(engine, "begin", _sqlite_begin)
    return engine


def _sqlite_settings(path: Path, synchronous: str) -> Callable[[Any, Any], None]:
    pragmas = [
        "journal_mode=WAL",
        f"journal_size_limit={_WAL_KEEP_BYTES}",
        f"synchronous={'FULL' if synchronous == 'full' else 'NORMAL'}",
        f"fullfsync={int(synchronous == 'full')}",  # macOS: without it a flush stops at the drive's cache
        "foreign_keys=ON",
    ]

    def settle(connection: sqlite3.Connection, record: Any) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
        record.info["file"] = _identity(path)

    return settle


def _same_file(path: Path) -> Callable[[Any, Any, Any], None]:
    """SQLite goes on writing to a file that was deleted or replaced, and every such row is lost."""

    def check(connection: Any, record: Any, proxy: Any) -> None:
        if _identity(path) != record.info.get("file"):
            raise exc.DisconnectionError("the database file was replaced")

    return check


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _sqlite_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgres(url: URL, timeout_s: float) -> Engine:
    whole = max(2, math.ceil(timeout_s))  # libpq takes whole seconds, at least two
    engine = create_engine(
        url,
        pool_pre_ping=True,  # a server that came back is found again by the next call
        pool_timeout=timeout_s,
        hide_parameters=True,
        connect_args={
            "connect_timeout": whole,
            "tcp_user_timeout": int(timeout_s * 1000),
            "keepalives_idle": whole,
            "keepalives_interval": 2,
            "keepalives_count": 3,
        },
    )
    event.listen(engine, "connect", _postgres_settings(timeout_s))
    return engine


def _postgres_settings(timeout_s: float) -> Callable[[Any, Any], None]:
    limit = f"{max(1, int(timeout_s * 1000))}ms"

    def settle(connection: Any, record: Any) -> None:
        connection.execute("SELECT set_config('statement_timeout', %s, false)", (limit,))
        # Floats come back with every digit, and a commit is on disk, whatever the database's defaults are.
        connection.execute("SELECT set_config('extra_float_digits', '1', false)")
        connection.execute(
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        )
        connection.commit()

    return settle
