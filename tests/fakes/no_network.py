"""Keeps tests on this machine: a connection to anywhere else fails at once, and no key is at hand.

In ``tests/conftest.py``::

    @pytest.fixture(autouse=True, scope="session")
    def _no_network():
        with no_network():
            yield

It guards Python's sockets in this process; child processes inherit the emptied environment, so that
no key reaches them either.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from serve_app.adapters.teachers import KEYS

SECRET = re.compile(r"(GEMINI|GOOGLE|OPENAI|ANTHROPIC|AZURE|MISTRAL|COHERE)[A-Z_]*(KEY|TOKEN|CREDENTIALS|BASE_URL)$")
PROXY = re.compile(r"^(HTTP|HTTPS|ALL)_PROXY$", re.IGNORECASE)


class OutsideWorld(OSError):
    """A test tried to leave this machine."""


@contextmanager
def no_network() -> Iterator[None]:
    own = _own_addresses()
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo
    removed = {name: os.environ.pop(name) for name in list(os.environ) if _is_secret(name)}

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _check_address(self, address, own)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _check_address(self, address, own)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        _check_host(host, own)
        return getaddrinfo(host, *args, **kwargs)

    socket.socket.connect, socket.socket.connect_ex = guarded_connect, guarded_connect_ex  # type: ignore[method-assign]
    socket.getaddrinfo = guarded_getaddrinfo
    try:
        yield
    finally:
        socket.socket.connect, socket.socket.connect_ex = connect, connect_ex  # type: ignore[method-assign]
        socket.getaddrinfo = getaddrinfo
        os.environ.update(removed)


def _is_secret(name: str) -> bool:
    ours = {variable for _, variable in KEYS.values()}
    return name.upper() in ours or bool(SECRET.search(name.upper()) or PROXY.match(name))


def _check_address(sock: socket.socket, address: Any, own: set[str]) -> None:
    """UDP may be "connected": that sends nothing, and is how Ray asks for this machine's address."""
    if sock.family == socket.AF_UNIX or sock.type & socket.SOCK_DGRAM:
        return
    _check_host(address[0], own)


def _check_host(host: Any, own: set[str]) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost") or name in own or _is_loopback(name):
        return
    raise OutsideWorld(f"a test tried to reach {name!r}; tests stay on this machine")


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _own_addresses() -> set[str]:
    """This machine's name and addresses: Ray binds to the outer one."""
    own = {socket.gethostname()}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # a documentation address; nothing is sent
        own.add(probe.getsockname()[0])
    with suppress(OSError):
        own.update(str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None))
    return own
