"""Where a store may live, for the laws that hold in each: memory, SQLite, PostgreSQL."""

from __future__ import annotations

import functools
import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import psycopg
import pytest
from sqlalchemy import create_engine

from serve_app.adapters.migrations import migrate
from serve_app.adapters.sql_tables import metadata
from serve_app.core.platform import Store
from tests.fakes.postgres_server import postgres_server

T = TypeVar("T")

DATABASES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
KINDS = ["memory", *DATABASES]


@dataclass
class Place(Generic[T]):
    """``open`` gives one more handle on the store, ``away`` takes it away for a while, ``unwritable``
    leaves it readable only. ``url`` is None in memory."""

    kind: str
    url: str | None
    open: Callable[[], T]
    away: Callable[[], AbstractContextManager[None]]
    unwritable: Callable[[T], AbstractContextManager[None]]


def place_of(kind: str, folder: Path, memory: Callable[[], T], opened: Callable[[Store, Path], T]) -> Place[T]:
    """A place of its own: an empty folder, an empty database. ``memory`` makes something with ``away``."""
    if kind == "memory":
        return _memory(memory())
    return _sqlite(folder, opened) if kind == "sqlite" else _postgres(folder, opened)


def _memory(only: Any) -> Place[Any]:
    @contextmanager
    def away() -> Iterator[None]:
        only.away = True
        yield
        only.away = False

    return Place("memory", None, lambda: only, away, lambda _: away())


def _sqlite(folder: Path, opened: Callable[[Store, Path], T]) -> Place[T]:
    file = folder / "events.db"
    url = f"sqlite:///{file}"

    @contextmanager
    def away() -> Iterator[None]:
        with create_engine(url).connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        file.rename(folder / "elsewhere")
        file.mkdir()
        yield
        file.rmdir()
        (folder / "elsewhere").rename(file)

    @contextmanager
    def full_disk(_: T) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, ((folder / "events.db-wal").stat().st_size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return Place("sqlite", url, lambda: opened(Store(url=url, timeout_s=5.0), folder), away, full_disk)


def _postgres(folder: Path, opened: Callable[[Store, Path], T]) -> Place[T]:
    server, url = postgres_server(), _database()
    _empty(url)

    @contextmanager
    def standby(store: Any) -> Iterator[None]:
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(f"ALTER DATABASE {admin.info.dbname} SET default_transaction_read_only = on")
            store.close()  # the setting is read by new connections
            try:
                yield
            finally:
                admin.execute(f"ALTER DATABASE {admin.info.dbname} RESET default_transaction_read_only")
                store.close()

    return Place("postgres", url, lambda: opened(Store(url=url, timeout_s=5.0), folder), server.stopped, standby)


@functools.cache
def _database() -> str:
    """One for all laws, emptied for each: to make one and its tables takes longer than most laws."""
    url = postgres_server().database()
    migrate(url)
    return url


def _empty(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")  # without triggers: the audit log refuses
        for table in reversed(metadata.sorted_tables):
            connection.execute(f'DELETE FROM "{table.name}"')
