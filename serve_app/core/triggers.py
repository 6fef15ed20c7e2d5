"""What is due: which jobs may start, when a schedule has come round, when there is enough to learn from.

Pure: the moment is an argument, and what was known before comes in and goes out as a value.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from serve_app.core.jobs import ALONE, Job
from serve_app.core.ports import NewLabels
from serve_app.core.schedule import due, next_due
from serve_app.core.use_case import UseCase

Scheduled = Literal["train", "score"]

AUTOMATIC = "understudy"
"""``by`` of what nobody asked for."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """When a kind of job of a use case runs by itself. ``on``: whether it is switched on."""

    kind: Scheduled
    cron: str
    timezone: str
    on: bool

    def next(self, now: datetime) -> datetime | None:
        """None while it is switched off."""
        return next_due(self.cron, self.timezone, now) if self.on else None


@dataclass(frozen=True, slots=True)
class Seen:
    """Since when a timetable is kept: instants up to ``since`` are done with. Kept from look to look;
    one that was changed, or switched on again, starts anew, since nobody missed a run of it."""

    cron: str
    timezone: str
    on: bool
    since: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def timetables(use_case: UseCase, switched: bool | None) -> list[Timetable]:
    """Those that a use case has. ``switched``: what a person said of its schedules, over the configuration."""
    retraining, scoring = use_case.retraining, use_case.scoring
    found: list[Timetable] = []
    if retraining.schedule is not None:
        found.append(Timetable("train", retraining.schedule, retraining.timezone, automatic(use_case, switched)))
    if scoring.schedule is not None:
        found.append(Timetable("score", scoring.schedule, scoring.timezone, switched is not False))
    return found


def automatic(use_case: UseCase, switched: bool | None) -> bool:
    """Whether retrains may start by themselves, for whatever reason."""
    return use_case.retraining.enabled if switched is None else switched


def seen(before: dict[str, Any] | None, timetable: Timetable, now: datetime) -> Seen:
    """What is known of a timetable from now on. ``before``: a ``Seen`` as it was kept, or None."""
    fresh = Seen(timetable.cron, timetable.timezone, timetable.on, now.isoformat())
    if before is None:
        return fresh
    same = all(before.get(name) == getattr(fresh, name) for name in ("cron", "timezone", "on"))
    return Seen(fresh.cron, fresh.timezone, fresh.on, before["since"]) if same else fresh


def instant(kept: Seen, now: datetime) -> datetime | None:
    """The instant to run for, None while none has come. Of several that were missed it is the newest."""
    return due(kept.cron, kept.timezone, datetime.fromisoformat(kept.since), now) if kept.on else None


def key(trigger: str, *parts: object) -> str:
    """The Idempotency-Key of a job that starts by itself: one reason, one job, whatever crashes."""
    return ":".join([trigger, *map(str, parts)])


def batch(new: NewLabels, least: int | None) -> int:
    """How many times ``least`` new labels there are. A retrain that failed is tried again when there
    are as many more, and not every few seconds."""
    return 0 if least is None else (new.people + new.teacher) // least


def rested(last: datetime | None, pause_s: float, now: datetime) -> bool:
    return last is None or now - last >= timedelta(seconds=pause_s)


def startable(unfinished: Sequence[Job], begun: Collection[str], at_once: int, trainings: int) -> list[Job]:
    """Of those that wait, oldest first, as many as there is room for. Training has a bound of its own:
    a second one that finds no free core would wait for it until its deadline."""
    chosen: list[Job] = []
    running = [job for job in unfinished if job.id in begun]
    for job in unfinished:
        if job.id in begun:
            continue
        busy = [*running, *chosen]
        full = job.kind in ALONE and sum(each.kind in ALONE for each in busy) >= trainings
        if len(busy) < at_once and not full:
            chosen.append(job)
    return chosen
