"""Jobs in memory, for tests and demonstrations: the same laws, nothing on disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from datetime import datetime

from serve_app.adapters.sql_rows import utc
from serve_app.core import job_course
from serve_app.core.errors import StoreUnavailable, UnknownJob
from serve_app.core.job_course import Change
from serve_app.core.jobs import ALONE, OPEN, Accepted, Finish, Happened, Job, JobEvent, JobFilter


class MemoryJobs:
    """Set ``away`` to make every call raise StoreUnavailable, as a database that is down does."""

    def __init__(self) -> None:
        self.away = False
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._events: dict[str, list[JobEvent]] = {}

    def accept(self, job: Job) -> Accepted:
        with self._reach():
            for one in self._jobs.values():
                if one.id == job.id or (job.key is not None and one.key == job.key):
                    return deepcopy(job_course.accepted_before(one, job))
            running = self._under_way(job)
            if running is not None:
                raise job_course.running_already(job, running)
            self._jobs[job.id] = replace(deepcopy(job), created_at=utc(job.created_at))
            self._add(job.id, job.created_at, job_course.accepted(job))
            return Accepted(job)

    def get(self, job_id: str) -> Job:
        with self._reach():
            return deepcopy(self._known(job_id))

    def page(self, which: JobFilter, before: str | None = None, limit: int = 50) -> list[Job]:
        found = [job for job in self._all() if _fits(job, which) and (before is None or job.id < before)]
        return found[::-1][:limit]

    def unfinished(self) -> list[Job]:
        return [job for job in self._all() if job.state in OPEN]

    def start(self, job_id: str, at: datetime) -> bool:
        return bool(self._change(job_id, at, lambda job: job_course.started(job, utc(at))))

    def tell(self, job_id: str, at: datetime, what: Happened) -> JobEvent | None:
        added = self._change(job_id, at, lambda job: job_course.told(job, what))
        return added[0] if added else None

    def finish(self, job_id: str, at: datetime, how: Finish) -> bool:
        return bool(self._change(job_id, at, lambda job: job_course.finished(job, utc(at), how)))

    def request_cancel(self, job_id: str, at: datetime, by: str) -> Job:
        self._change(job_id, at, lambda job: job_course.cancel_requested(job, utc(at), by))
        return self.get(job_id)

    def events(self, job_id: str, after: int = 0, limit: int = 1000) -> list[JobEvent]:
        with self._reach():
            self._known(job_id)
            return deepcopy([event for event in self._events[job_id] if event.seq > after][:limit])

    def last_finished(self, use_case: str, kind: str) -> Job | None:
        found = [job for job in self._all() if (job.use_case, job.kind, job.state) == (use_case, kind, "COMPLETED")]
        return max(found, key=lambda job: (job.finished_at, job.id), default=None)

    def close(self) -> None:
        """There is nothing to let go of."""

    @contextmanager
    def _reach(self) -> Iterator[None]:
        with self._lock:
            if self.away:
                raise StoreUnavailable("the event log is away")
            yield

    def _all(self) -> list[Job]:
        """In the order of ids."""
        with self._reach():
            return deepcopy([self._jobs[id] for id in sorted(self._jobs)])

    def _known(self, job_id: str) -> Job:
        if job_id not in self._jobs:
            raise UnknownJob(f"no job has the id {job_id!r}")
        return self._jobs[job_id]

    def _under_way(self, job: Job) -> str | None:
        if job.kind not in ALONE:
            return None
        same = (one for one in self._jobs.values() if (one.use_case, one.kind) == (job.use_case, job.kind))
        return next((one.id for one in same if one.state in OPEN), None)

    def _change(self, job_id: str, at: datetime, rule: Callable[[Job], Change | None]) -> list[JobEvent]:
        with self._reach():
            change = rule(self._known(job_id))
            if change is None:
                return []
            self._jobs[job_id] = deepcopy(change.job)
            return [self._add(job_id, at, happened) for happened in change.events]

    def _add(self, job_id: str, at: datetime, happened: Happened) -> JobEvent:
        events = self._events.setdefault(job_id, [])
        events.append(job_course.placed(deepcopy(happened), job_id, len(events) + 1, utc(at)))
        return deepcopy(events[-1])


def _fits(job: Job, which: JobFilter) -> bool:
    return (
        which.use_case in (None, job.use_case)
        and (not which.kinds or job.kind in which.kinds)
        and (not which.states or job.state in which.states)
    )
