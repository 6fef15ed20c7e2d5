"""Orders to HAProxy over its admin sockets, which lie in the launcher's folder, one below for each that may run."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

FRONTEND = "http_frontend"
"""What Serve's template calls the one for clients."""

CLOSING = "proc.closing"
"""A variable of HAProxy's. Once it is set, whoever asks over a connection from before is refused too."""

LAST_ORDERS = f"experimental-mode on; set var {CLOSING} bool(true); shutdown frontend {FRONTEND}"
"""The address is let go of; what was let in is answered, and HAProxy itself goes on: Serve would miss it, and end what
is still in it."""

BACKENDS = "show stat -1 2 -1"
"""A line of comma-separated figures for each; the fifth is the requests that are in it now."""


def close_the_door(folder: Path) -> None:
    for admin in _admins(folder):
        _order(admin, LAST_ORDERS)


def under_way(folder: Path) -> int:
    """How many requests were let in and are not answered yet, as far as anybody can be asked."""
    told = [line for admin in _admins(folder) for line in _order(admin, BACKENDS).splitlines()]
    return sum(int(line.split(",")[4] or 0) for line in told if line.startswith("http-"))


def _admins(folder: Path) -> Iterator[Path]:
    yield from folder.glob("*/admin")


def _order(admin: Path, order: str) -> str:
    """What HAProxy says to it; nothing where it is not there any more."""
    told = b""
    with socket.socket(socket.AF_UNIX) as connection, contextlib.suppress(OSError):
        connection.settimeout(1)
        connection.connect(str(admin))
        connection.sendall(f"{order}\n".encode())
        while more := connection.recv(65536):
            told += more
    return told.decode(errors="replace")
