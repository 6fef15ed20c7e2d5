"""The address of whoever asks, behind proxies as well.

The server knows who opened the connection. Behind HAProxy of our start command that is HAProxy itself, which tells of
its client in ``X-Forwarded-For`` (``start/haproxy.py``; Serve's own template leaves it out). That header is believed
from proxies that the configuration names, and no further than the first hop that is none of them.
"""

from __future__ import annotations

from starlette.types import Scope

from serve_app.core.origins import Trusted

FORWARDED = b"x-forwarded-for"


def address_of(scope: Scope, trusted: Trusted) -> str:
    """Empty where the server does not know it."""
    peer = str((scope.get("client") or ("",))[0])
    if peer not in trusted:
        return trusted.client(peer, "")
    told = [value for name, value in scope["headers"] if name == FORWARDED]
    return trusted.client(peer, b",".join(told).decode("latin-1"))
