"""ULIDs (github.com/ulid/spec): 48 bits of milliseconds, then 80 bits of chance, in Crockford's base 32. They
sort by when they were made."""

from __future__ import annotations

CHANCE = 10
"""Bytes of chance that one id takes."""

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [high + low for high in _DIGITS for low in _DIGITS]
_SHIFTS = range(120, -1, -10)


def ulids(at_ms: int, chance: bytes) -> list[str]:
    """An id for every ten bytes of ``chance``, all of the moment ``at_ms`` (since the epoch)."""
    moment = at_ms << 80
    starts = range(0, len(chance), CHANCE)
    return [_ulid(moment | int.from_bytes(chance[start : start + CHANCE])) for start in starts]


def _ulid(number: int) -> str:
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])
