"""What every answer tells a browser: to take it as what it says it is, to frame it nowhere, to keep it nowhere."""

from __future__ import annotations

from collections.abc import Iterable

RawHeaders = list[tuple[bytes, bytes]]

PAGES = ("/docs", "/redoc")
"""The pages that are there to be looked at; their scripts and styles come from here as well, and stand in them."""

ASSETS = "/static-offline-docs"
"""Under which those lie: the same for everybody, so that they may be kept."""

ALWAYS: RawHeaders = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
]
NO_STORE = (b"cache-control", b"no-store")
CLOSED = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
OPEN = (
    b"content-security-policy",
    b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    b"img-src 'self' data:; worker-src blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
)

OF_ANSWERS = [*ALWAYS, CLOSED, NO_STORE]
OF_PAGES = [*ALWAYS, OPEN, NO_STORE]
OF_ASSETS = [*ALWAYS, CLOSED]


def security(path: str, given: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """What is to be added to the headers that are ``given``, which stand."""
    added = _of(path)
    if any(name == b"cache-control" for name, _ in given):
        return [header for header in added if header is not NO_STORE]
    return added


def _of(path: str) -> RawHeaders:
    if path.startswith(ASSETS):
        return OF_ASSETS
    return OF_PAGES if path.startswith(PAGES) else OF_ANSWERS
