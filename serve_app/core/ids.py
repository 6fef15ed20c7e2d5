"""ULIDs (github.com/ulid/spec): 48 bits of milliseconds, then 80 bits of chance, in Crockford's base 32. They
sort by when they were made."""

from __future__ import annotations

import numpy as np

CHANCE = 10
"""Bytes of chance that one id takes."""

FEW = 8
"""Ids that are quicker made one by one."""

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [high + low for high in _DIGITS for low in _DIGITS]
_MOMENT, _CHANCE = range(40, -1, -10), range(70, -1, -10)
_BYTES, _WORTH = np.frombuffer(_DIGITS.encode(), np.uint8), np.array([16, 8, 4, 2, 1], np.uint8)


def ulids(at_ms: int, chance: bytes) -> list[str]:
    """An id for every ten bytes of ``chance``, all of the moment ``at_ms`` (since the epoch)."""
    moment = _digits(at_ms, _MOMENT)
    if len(chance) > FEW * CHANCE:
        return _many(moment, chance)
    starts = range(0, len(chance), CHANCE)
    return [moment + _digits(int.from_bytes(chance[start : start + CHANCE]), _CHANCE) for start in starts]


def _digits(number: int, shifts: range) -> str:
    return "".join([_PAIRS[number >> shift & 1023] for shift in shifts])


def _many(moment: str, chance: bytes) -> list[str]:
    """Ten bytes are sixteen digits of five bits."""
    bits = np.unpackbits(np.frombuffer(chance, np.uint8)).reshape(-1, 5)
    digits = _BYTES[bits @ _WORTH].tobytes().decode()
    return [moment + digits[start : start + 16] for start in range(0, len(digits), 16)]
