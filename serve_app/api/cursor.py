"""Where the next page goes on: opaque to clients, so that what it is made of may change."""

from __future__ import annotations

import base64
import binascii
import json

from serve_app.core.errors import FieldError, InvalidInput
from serve_app.core.misfits import shown

PATTERN = r"^[A-Za-z0-9_\-]{1,400}$"


def cursor_of(*place: str) -> str:
    raw = json.dumps(place, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def place_of(cursor: str, parts: int) -> tuple[str, ...]:
    """What ``cursor_of`` was given. Raises InvalidInput for anything that it did not make."""
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        place = None
    if not isinstance(place, list) or len(place) != parts or not all(isinstance(part, str) for part in place):
        raise misfit(cursor)
    return tuple(place)


def misfit(cursor: str) -> InvalidInput:
    found = FieldError("cursor", shown(cursor), "the next of a page before")
    return InvalidInput("no page came with such a cursor", [found])
