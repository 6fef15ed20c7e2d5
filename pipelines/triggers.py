"""Jobs that start by themselves: by schedule, by new labels, by drift. It looks, and accepts what is due.

Whatever is due has a key of its own, so that looking again, from another process or after a crash,
comes to the same job. What cannot start now, since a retrain is under way, is still due at the next look.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ulid import ULID

from serve_app.core import triggers
from serve_app.core.errors import JobRunning
from serve_app.core.jobs import Job, JobFilter, Kind, Report
from serve_app.core.ports import EventLog, Jobs, Reports
from serve_app.core.use_case import UseCase

log = logging.getLogger("understudy.pipelines")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LOOK_BACK = 100
SWITCH, SEEN, DRIFT = "schedule", "schedule_seen", "drift"
"""Kinds of reports."""

Clock = Callable[[], datetime]
Look = Callable[[UseCase], dict[str, Any] | None]
"""How far a use case has drifted, None while there is nothing to say of it."""


@dataclass(frozen=True, slots=True)
class Stores:
    jobs: Jobs
    reports: Reports
    log: EventLog


class Triggers:
    """Blocks: call it from threads. Raises StoreUnavailable."""

    def __init__(self, stores: Stores, drift: Look, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self._stores, self._drift, self._clock = stores, drift, clock
        self._looked: dict[str, datetime] = {}

    def look(self, use_case: UseCase) -> list[Job]:
        """The jobs that were accepted now."""
        switched = self._switched(use_case.name)
        started = self._scheduled(use_case, switched)
        automatic = triggers.automatic(use_case, switched)
        if automatic:
            started += self._by_labels(use_case)
        return [*started, *self._by_drift(use_case, automatic)]

    def _switched(self, use_case: str) -> bool | None:
        report = self._stores.reports.latest(use_case, SWITCH)
        return None if report is None else bool(report.content.get("enabled", True))

    def _scheduled(self, use_case: UseCase, switched: bool | None) -> list[Job]:
        report = self._stores.reports.latest(use_case.name, SEEN)
        before = {} if report is None else report.content
        kept: dict[str, Any] = {}
        started: list[Job] = []
        for timetable in triggers.timetables(use_case, switched):
            known = triggers.seen(before.get(timetable.kind), timetable, self._clock())
            kept[timetable.kind] = known.as_dict()
            instant = triggers.instant(known, self._clock())
            if instant is None:
                continue
            key = triggers.key("schedule", use_case.name, timetable.kind, instant.isoformat())
            job, again = self._accept(timetable.kind, use_case, "schedule", key)
            if job is not None:
                kept[timetable.kind]["since"] = instant.isoformat()
                started += [] if again else [job]
        if kept != before:
            self._stores.reports.put(Report(f"{SEEN}:{use_case.name}", use_case.name, SEEN, self._clock(), kept))
        return started

    def _by_labels(self, use_case: UseCase) -> list[Job]:
        least = use_case.retraining.new_labels
        if least is None:
            return []
        last = self._stores.jobs.last_finished(use_case.name, "train")
        since = EPOCH if last is None else last.created_at
        times = triggers.batch(self._stores.log.new_labels(use_case.name, since), least)
        key = triggers.key("new_labels", use_case.name, since.isoformat(), times)
        return self._started("train", use_case, "new_labels", key) if times else []

    def _by_drift(self, use_case: UseCase, automatic: bool) -> list[Job]:
        """Looks every ``every_s``; the figures are kept whether a retrain may start or not."""
        settings, now = use_case.retraining.drift, self._clock()
        if not triggers.rested(self._looked.get(use_case.name), settings.every_s, now):
            return []
        self._looked[use_case.name] = now
        found = self._drift(use_case)
        if found is None:
            return []
        # One report an hour is kept, with the newest figures of that hour.
        name = f"{DRIFT}:{use_case.name}:{found['version']}:{now:%Y-%m-%dT%H}"
        self._stores.reports.put(Report(name, use_case.name, DRIFT, now, found))
        ready = automatic and settings.retrain and found["drifted"]
        if not ready or not triggers.rested(self._last_by_drift(use_case.name), settings.pause_s, now):
            return []
        key = triggers.key(DRIFT, use_case.name, found["version"], now.isoformat())
        return self._started("train", use_case, DRIFT, key)

    def _last_by_drift(self, use_case: str) -> datetime | None:
        jobs = self._stores.jobs.page(JobFilter(use_case, ("train",)), limit=LOOK_BACK)
        return next((job.created_at for job in jobs if job.trigger == DRIFT), None)

    def _started(self, kind: Kind, use_case: UseCase, trigger: str, key: str) -> list[Job]:
        job, again = self._accept(kind, use_case, trigger, key)
        return [] if job is None or again else [job]

    def _accept(self, kind: Kind, use_case: UseCase, trigger: str, key: str) -> tuple[Job | None, bool]:
        """(the job of this key, whether it was there before); (None, False) while another is under way."""
        asked = Job(str(ULID()), kind, use_case.name, {}, triggers.AUTOMATIC, trigger, self._clock(), key)
        try:
            accepted = self._stores.jobs.accept(asked)
        except JobRunning:
            return None, False
        if not accepted.again:
            log.info("%s of %s starts by %s: job %s", kind, use_case.name, trigger, accepted.job.id)
        return accepted.job, accepted.again
