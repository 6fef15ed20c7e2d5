"""How many requests HAProxy has let in and not answered yet."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

BACKENDS = b"show stat -1 2 -1\n"
"""A line of comma-separated figures for each; the fifth is the sessions of now."""
END = "\n\n> "


@contextlib.contextmanager
def under_way(folder: Path) -> Iterator[Callable[[], int]]:
    """How many requests HAProxy has let in and not answered: asked over a connection from before it was told to stop,
    since it takes no more of those either. 0 where it cannot be asked."""
    with contextlib.ExitStack() as opened:
        connections = [opened.enter_context(each) for each in _connections(folder)]
        yield lambda: sum(_sessions(each) for each in connections)


def _connections(folder: Path) -> Iterator[socket.socket]:
    for path in folder.glob("*/admin"):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(1)
        with contextlib.suppress(OSError):
            connection.connect(str(path))
            connection.sendall(b"prompt\n")
            connection.recv(64)
            yield connection


def _sessions(connection: socket.socket) -> int:
    try:
        connection.sendall(BACKENDS)
        told = ""
        while not told.endswith(END):
            if not (more := connection.recv(65536)):
                return 0
            told += more.decode()
    except OSError:
        return 0
    return sum(int(line.split(",")[4] or 0) for line in told.splitlines() if line.startswith("http-"))
