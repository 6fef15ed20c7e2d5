"""When a schedule is due. Cron with a time zone; what was missed is caught up once, not once each.

An hour that the clock goes through twice, in autumn, counts the first time only.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter

_ANY = datetime(2024, 1, 1, tzinfo=UTC)
"""A leap year begins: whatever day there is comes within eight years of it."""


def is_ever_due(cron: str) -> bool:
    """False for what is no cron of five fields, and for a day that no month has."""
    if len(cron.split()) != 5 or not croniter.is_valid(cron):
        return False
    try:
        croniter(cron, _ANY).get_next(datetime)
    except CroniterError:
        return False
    return True


def latest_due(cron: str, timezone: str, now: datetime) -> datetime:
    """The newest instant of the schedule that is not after ``now``, in UTC."""
    minute = now.astimezone(ZoneInfo(timezone)).replace(second=0, microsecond=0)
    if croniter.match(cron, minute):
        return _first(minute)
    found: datetime = croniter(cron, minute).get_prev(datetime)
    return _first(found)


def next_due(cron: str, timezone: str, now: datetime) -> datetime:
    """The first instant of the schedule after ``now``, in UTC."""
    steps = croniter(cron, now.astimezone(ZoneInfo(timezone)))
    while (found := _first(steps.get_next(datetime))) <= now:
        continue
    return found


def due(cron: str, timezone: str, since: datetime, now: datetime) -> datetime | None:
    """The instant to run for: the newest in (``since``, ``now``], or None. Those missed before it, while
    nobody was there to run them, are caught up by this one run."""
    latest = latest_due(cron, timezone, now)
    return latest if latest > since else None


def _first(local: datetime) -> datetime:
    return local.replace(fold=0).astimezone(UTC)
