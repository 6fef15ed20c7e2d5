"""The schedules of a use case as people look at them, and the switch that turns them off."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from serve_app.core.jobs import Job, Report, as_json
from serve_app.core.triggers import Timetable, timetables
from serve_app.core.use_case import UseCase

SWITCH = "schedule"
"""The kind of the report that a switch is kept as."""


def switch(use_case: str, enabled: bool, at: datetime) -> Report:
    return Report(f"{SWITCH}:{use_case}", use_case, SWITCH, at, {"enabled": enabled})


def kept(use_case: UseCase, switched: Report | None) -> list[Timetable]:
    """As they are now: what was switched goes over the configuration."""
    return timetables(use_case, None if switched is None else bool(switched.content["enabled"]))


def shown(use_case: str, timetable: Timetable, last: Job | None, now: datetime) -> dict[str, Any]:
    """``last``: the newest job that the schedule started."""
    return {
        "use_case": use_case,
        "kind": timetable.kind,
        "cron": timetable.cron,
        "timezone": timetable.timezone,
        "enabled": timetable.on,
        "next": _next(timetable, now),
        "last": _last(last),
    }


def newest_scheduled(jobs: list[Job]) -> Job | None:
    """``jobs`` newest first."""
    return next((job for job in jobs if job.trigger == "schedule"), None)


def _next(timetable: Timetable, now: datetime) -> str | None:
    try:
        following = timetable.next(now)
    except ValueError:  # such as the 30th of February
        return None
    return following.isoformat() if following else None


def _last(job: Job | None) -> Mapping[str, Any] | None:
    told = ("job_id", "status", "created_at", "finished_at")
    return None if job is None else {key: value for key, value in as_json(job).items() if key in told}
