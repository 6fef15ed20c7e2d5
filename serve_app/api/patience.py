"""How long a request may take: what the configuration says, or less where the client has less."""

from __future__ import annotations

import math
from collections.abc import Mapping

HEADER = b"x-request-timeout"
"""In seconds, such as ``2.5``. What cannot be read counts as not sent."""


def allowed_s(headers: Mapping[bytes, bytes], most_s: float) -> float:
    """Never more than ``most_s``."""
    given = headers.get(HEADER)
    if given is None:
        return most_s
    try:
        seconds = float(given.decode("latin-1"))
    except ValueError:
        return most_s
    return min(seconds, most_s) if math.isfinite(seconds) and seconds > 0 else most_s
