"""What may happen to a job, and what it leaves behind: one set of rules for every store of jobs.

A store reads the job under a lock, asks here, and writes the change and its events together.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime

from serve_app.core.errors import JobRunning, OtherBody, TooLate
from serve_app.core.jobs import TERMINAL, Accepted, Finish, Happened, Job, JobEvent


@dataclass(frozen=True, slots=True)
class Change:
    """The job as it is from now on, and what is told of it, in order."""

    job: Job
    events: tuple[Happened, ...]


def accepted_before(before: Job, job: Job) -> Accepted:
    """For a key that was used before. Raises OtherBody where something else was asked then."""
    if before.asked() != job.asked():
        raise OtherBody(f"this key was used before for another request, job {before.id}")
    return Accepted(before, again=True)


def running_already(job: Job, running: str) -> JobRunning:
    return JobRunning(f"{job.use_case} has a {job.kind} job under way: {running}", running)


def accepted(job: Job) -> Happened:
    return Happened("accepted", progress=job.progress, detail=job.trigger)


def started(job: Job, at: datetime) -> Change | None:
    """None when it is not PENDING any more."""
    if job.state != "PENDING":
        return None
    return Change(replace(job, state="RUNNING", started_at=at), (Happened("started"),))


def told(job: Job, what: Happened) -> Change | None:
    """None for a job that has ended. The event's step and progress, where given, become the job's."""
    if job.state in TERMINAL:
        return None
    step = job.step if what.step is None else what.step
    progress = job.progress if what.progress is None else what.progress
    return Change(replace(job, step=step, progress=progress), (what,))


def finished(job: Job, at: datetime, how: Finish) -> Change | None:
    """None when it has ended already. Raises ValueError for an end that is none."""
    if how.state not in TERMINAL:
        raise ValueError(f"a job does not end as {how.state}; expected one of {', '.join(TERMINAL)}")
    if job.state in TERMINAL:
        return None
    progress = 100 if how.state == "COMPLETED" else job.progress
    ended = replace(
        job,
        state=how.state,
        progress=progress,
        finished_at=at,
        error_code=how.error_code,
        error=how.error,
        result=how.result,
    )
    return Change(ended, (Happened("finished", progress=progress, detail=_end(how)),))


def cancel_requested(job: Job, at: datetime, by: str) -> Change | None:
    """A PENDING job ends at once. None where it was asked before: a job that is CANCELLED, or is going
    to be, is what the caller wants. Raises TooLate for one that ended otherwise."""
    if job.state == "CANCELLED" or (job.state == "RUNNING" and job.cancel_requested):
        return None
    if job.state in TERMINAL:
        raise TooLate(f"the job {job.id} has ended as {job.state} already")
    marked, asked = replace(job, cancel_requested=True), Happened("cancel_requested", detail=f"by {by}")
    ended = finished(marked, at, Finish("CANCELLED")) if job.state == "PENDING" else None
    return Change(marked, (asked,)) if ended is None else Change(ended.job, (asked, *ended.events))


def placed(happened: Happened, job_id: str, seq: int, at: datetime) -> JobEvent:
    """The event in its place."""
    return JobEvent(job_id, seq, at, **{field.name: getattr(happened, field.name) for field in fields(happened)})


def _end(how: Finish) -> str:
    """``COMPLETED``, or ``FAILED bad_rows: more than 5 % of the rows cannot be read``."""
    head = how.state if how.error_code is None else f"{how.state} {how.error_code}"
    return head if how.error is None else f"{head}: {how.error}"
