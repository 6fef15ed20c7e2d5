"""A moment as people write it: ``7d`` and ``24h`` ago, a day, or a day and time (ISO; without a zone UTC)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

AGO = r"[1-9][0-9]{0,4}[dh]"
EXPECTED = "so many days or hours ago (7d, 24h), a day (2026-01-31), or a day and time in ISO 8601"
SINCE = "7d"
"""Where a period begins unless somebody says otherwise."""


def moment(text: str, now: datetime) -> datetime | None:
    """In UTC; None for what is no moment."""
    if re.fullmatch(AGO, text):
        count = int(text[:-1])
        return now - (timedelta(days=count) if text.endswith("d") else timedelta(hours=count))
    try:
        # In a query an unescaped "+" arrives as a blank.
        found = datetime.fromisoformat(re.sub(r"(:\d\d) (\d\d:\d\d)$", r"\1+\2", text))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
