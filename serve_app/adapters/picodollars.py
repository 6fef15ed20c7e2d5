"""Money as the stores count it: in whole millionths of a millionth of a dollar, which add up exactly."""

from __future__ import annotations

import math

A_DOLLAR = 10**12

MOST = 2**63 - 1
"""What fits a column: some nine million dollars."""


def picodollars(usd: float) -> int:
    """Raises ValueError for what is no amount of money."""
    if not (math.isfinite(usd) and usd >= 0):
        raise ValueError(f"{usd} is no amount of money")
    return min(round(usd * A_DOLLAR), MOST)


def dollars(amount: int) -> float:
    return amount / A_DOLLAR
