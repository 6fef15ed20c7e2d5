"""Jobs in SQLite (embedded) or PostgreSQL (production), in the event log's database.

Whoever changes a job holds its row until the change and its events are committed, so that events are
numbered without gaps and a job ends once, however many processes speak of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Select, func, select, text, update

from serve_app.adapters.sql_rows import JOB, JOB_EVENT, escaped, unescaped, utc
from serve_app.adapters.sql_store import SqlStore, made_ready
from serve_app.adapters.sql_tables import ALONE_JOB, COMPLETED_JOB, OPEN_JOB, job_events, jobs
from serve_app.core import job_course
from serve_app.core.errors import UnknownJob
from serve_app.core.job_course import Change
from serve_app.core.jobs import Accepted, Finish, Happened, Job, JobEvent, JobFilter
from serve_app.core.platform import Store


def open_jobs(store: Store, state: Path) -> SqlJobs:
    """The configured store, its schema brought up to date. Raises like ``made_ready``."""
    return SqlJobs(made_ready(store, state), synchronous=store.synchronous, timeout_s=store.timeout_s)


class SqlJobs(SqlStore):
    def accept(self, job: Job) -> Accepted:
        # Another turn only where the job in the way ended between our two looks: somebody gets on.
        while True:
            with self._writing() as connection:
                decided = self._accept(connection, job)
            if decided is not None:
                return decided

    def _accept(self, connection: Connection, job: Job) -> Accepted | None:
        """None where whatever was in the way has gone already."""
        before = _before(connection, job)
        if before is not None:
            return before
        # The unique indexes decide: of any number who come to here at once, one gets in.
        insert = self._insert(jobs).values(JOB.row(job)).on_conflict_do_nothing().returning(jobs.c.id)
        if connection.execute(insert).first() is not None:
            _add(connection, job.id, job.created_at, [job_course.accepted(job)])
            return Accepted(job)
        # In this order: the one under way may have come in under our key since we looked.
        running, before = _under_way(connection, job), _before(connection, job)
        if before is None and running is not None:
            raise job_course.running_already(job, running)
        return before

    def get(self, job_id: str) -> Job:
        with self._reading() as connection:
            return _known(connection, job_id, select(jobs))

    def page(self, which: JobFilter, before: str | None = None, limit: int = 50) -> list[Job]:
        query = select(jobs)
        if which.use_case is not None:
            query = query.where(jobs.c.use_case == escaped(which.use_case))
        if which.kinds:
            query = query.where(jobs.c.kind.in_(which.kinds))
        if which.states:
            query = query.where(jobs.c.state.in_(which.states))
        if before is not None:
            query = query.where(jobs.c.id < escaped(before))
        return self._jobs(query.order_by(jobs.c.id.desc()).limit(limit))

    def unfinished(self) -> list[Job]:
        return self._jobs(select(jobs).where(text(OPEN_JOB)).order_by(jobs.c.id))

    def start(self, job_id: str, at: datetime) -> bool:
        return bool(self._change(job_id, at, lambda job: job_course.started(job, at)))

    def tell(self, job_id: str, at: datetime, what: Happened) -> JobEvent | None:
        added = self._change(job_id, at, lambda job: job_course.told(job, what))
        return added[0] if added else None

    def finish(self, job_id: str, at: datetime, how: Finish) -> bool:
        return bool(self._change(job_id, at, lambda job: job_course.finished(job, at, how)))

    def request_cancel(self, job_id: str, at: datetime, by: str) -> Job:
        self._change(job_id, at, lambda job: job_course.cancel_requested(job, at, by))
        return self.get(job_id)

    def events(self, job_id: str, after: int = 0, limit: int = 1000) -> list[JobEvent]:
        query = select(job_events).where(job_events.c.job_id == escaped(job_id), job_events.c.seq > after)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(job_events.c.seq).limit(limit)).mappings().all()
            if not rows:
                _known(connection, job_id, select(jobs))
        return [JOB_EVENT.of(row) for row in rows]

    def last_finished(self, use_case: str, kind: str) -> Job | None:
        query = select(jobs).where(jobs.c.use_case == escaped(use_case), jobs.c.kind == escaped(kind))
        query = query.where(text(COMPLETED_JOB)).order_by(jobs.c.finished_at.desc(), jobs.c.id.desc())
        found = self._jobs(query.limit(1))
        return found[0] if found else None

    def _jobs(self, query: Select[tuple[object, ...]]) -> list[Job]:
        with self._reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [JOB.of(row) for row in rows]

    def _change(self, job_id: str, at: datetime, rule: Callable[[Job], Change | None]) -> list[JobEvent]:
        """The events that were added; none where the rule sees nothing to change."""
        with self._writing() as connection:
            change = rule(_known(connection, job_id, select(jobs).with_for_update()))
            if change is None:
                return []
            connection.execute(update(jobs).where(jobs.c.id == escaped(job_id)).values(JOB.row(change.job)))
            return _add(connection, job_id, at, change.events)


def _known(connection: Connection, job_id: str, query: Select[tuple[object, ...]]) -> Job:
    row = connection.execute(query.where(jobs.c.id == escaped(job_id))).mappings().one_or_none()
    if row is None:
        raise UnknownJob(f"no job has the id {job_id!r}")
    return JOB.of(row)


def _before(connection: Connection, job: Job) -> Accepted | None:
    """The job of this key, or of this very id. Keys are the whole installation's: one key, one job."""
    same = jobs.c.id == escaped(job.id)
    if job.key is not None:
        same |= jobs.c.key == escaped(job.key)
    row = connection.execute(select(jobs).where(same).order_by(jobs.c.id)).mappings().first()
    return None if row is None else job_course.accepted_before(JOB.of(row), job)


def _under_way(connection: Connection, job: Job) -> str | None:
    same = select(jobs.c.id).where(jobs.c.use_case == escaped(job.use_case), jobs.c.kind == job.kind, text(ALONE_JOB))
    found = connection.execute(same).scalar_one_or_none()
    return None if found is None else unescaped(found)


def _add(connection: Connection, job_id: str, at: datetime, events: Sequence[Happened]) -> list[JobEvent]:
    """Numbered on from the last: the job's row is held, so nobody else numbers meanwhile."""
    last = select(func.coalesce(func.max(job_events.c.seq), 0)).where(job_events.c.job_id == escaped(job_id))
    first = connection.execute(last).scalar_one() + 1
    added = [job_course.placed(happened, job_id, first + n, utc(at)) for n, happened in enumerate(events)]
    connection.execute(job_events.insert(), [JOB_EVENT.row(event) for event in added])
    return added
