"""The laws of every store of jobs: in memory, in SQLite, in PostgreSQL."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, get_args

import pytest

from serve_app.adapters.memory_jobs import MemoryJobs
from serve_app.adapters.sql_jobs import open_jobs
from serve_app.core.errors import JobRunning, OtherBody, StoreUnavailable, TooLate, UnknownJob
from serve_app.core.jobs import ALONE, TERMINAL, Accepted, Finish, Happened, Job, JobEvent, JobFilter, Kind
from serve_app.core.ports import Jobs
from tests.fakes.store_places import DATABASES, KINDS, Place, place_of

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
SOON, LATE = NOON + timedelta(seconds=1), NOON + timedelta(minutes=5)
DONE, FAILED = Finish("COMPLETED", result={"promoted": True}), Finish("FAILED", "bad_rows", "too many bad rows")
_numbers = itertools.count(1)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place[Jobs]:
    return place_of(request.param, tmp_path, MemoryJobs, open_jobs)


@pytest.fixture
def jobs(place: Place[Jobs]) -> Iterator[Jobs]:
    opened = place.open()
    yield opened
    opened.close()


def job(**changes: Any) -> Job:
    """A kind that may run beside others, unless a test says otherwise."""
    asked = {"path": "s3://bucket/rows.parquet", "days": 3, "share": 0.5}
    new = Job(f"01J{next(_numbers):023d}", "score", "colours", asked, by="ani", trigger="api", created_at=NOON)
    return replace(new, **changes)


def accepted(jobs: Jobs, **changes: Any) -> Job:
    return jobs.accept(job(**changes)).job


def happened(events: list[JobEvent]) -> list[str]:
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    return [event.what for event in events]


# Accepting


def test_an_accepted_job_is_pending_and_comes_back_as_it_was(jobs: Jobs) -> None:
    new = job(key="k-1", trigger="schedule")
    assert jobs.accept(new) == Accepted(new, again=False)
    assert jobs.get(new.id) == new
    assert new.state == "PENDING"
    [event] = jobs.events(new.id)
    assert (event.what, event.seq, event.at) == ("accepted", 1, NOON)


def test_what_was_accepted_is_there_after_reopening(place: Place[Jobs]) -> None:
    jobs, new = place.open(), job()
    jobs.accept(new)
    assert place.open().get(new.id) == new
    jobs.close()
    assert place.open().get(new.id) == new


def test_any_text_and_number_comes_back(jobs: Jobs) -> None:
    nasty = "\x00\ud83d \ude00\ud83d \\u0041 😀 '; DROP TABLE learning_jobs; --"
    params = {nasty: [nasty, 1.0, 1, 1e22, 5e-324, 10**30, None, True, {"b": 1, "a": {}}]}
    new = job(params=params, by=nasty, use_case=nasty, key=nasty, created_at=NOON.astimezone(timezone.max))
    assert jobs.accept(new) == Accepted(new)
    assert jobs.accept(replace(new, id="other")) == Accepted(new, again=True)
    told = jobs.tell(new.id, NOON, Happened("step_finished", nasty, 3, nasty, params, params, 0.1, nasty))
    assert jobs.finish(new.id, NOON, Finish("FAILED", nasty, nasty, params))
    found = jobs.get(new.id)
    assert found.created_at.isoformat() == NOON.isoformat()
    assert json.dumps([found.params, found.result]) == json.dumps([params, params])
    assert (found.by, found.use_case, found.key, found.step, found.error_code, found.error) == (nasty,) * 6
    assert jobs.events(new.id)[1] == told
    assert jobs.page(JobFilter(use_case=nasty)) == [found]


def test_a_job_does_not_change_with_its_caller(jobs: Jobs) -> None:
    params = {"days": [1]}
    new = accepted(jobs, params=params)
    params["days"].append(2)
    jobs.get(new.id).params["days"].append(3)
    assert jobs.get(new.id).params == {"days": [1]}


def test_a_moment_needs_a_time_zone(jobs: Jobs) -> None:
    naive, new = datetime(2026, 3, 1), accepted(jobs)
    for call in (
        lambda: jobs.accept(job(created_at=naive)),
        lambda: jobs.start(new.id, naive),
        lambda: jobs.tell(new.id, naive, Happened("told")),
        lambda: jobs.finish(new.id, naive, DONE),
        lambda: jobs.request_cancel(new.id, naive, "ani"),
    ):
        with pytest.raises(ValueError, match="time zone"):
            call()
    assert jobs.get(new.id) == new
    assert happened(jobs.events(new.id)) == ["accepted"]


def test_an_unknown_job_is_refused(jobs: Jobs) -> None:
    calls: list[Callable[[str], object]] = [
        jobs.get,
        jobs.events,
        lambda id: jobs.start(id, NOON),
        lambda id: jobs.tell(id, NOON, Happened("told")),
        lambda id: jobs.finish(id, NOON, DONE),
        lambda id: jobs.request_cancel(id, NOON, "ani"),
    ]
    for call in calls:
        for wrong in ("01J", "", "no\x00such", "\ud800"):
            with pytest.raises(UnknownJob):
                call(wrong)


# One at a time


@pytest.mark.parametrize("kind", get_args(Kind))
def test_only_some_kinds_are_one_at_a_time(jobs: Jobs, kind: Kind) -> None:
    first = accepted(jobs, kind=kind)
    if kind not in ALONE:
        assert jobs.accept(job(kind=kind)).again is False
        return
    for _ in range(2):
        with pytest.raises(JobRunning) as caught:
            jobs.accept(job(kind=kind))
        assert caught.value.job_id == first.id
        jobs.start(first.id, NOON)  # PENDING is in the way, and so is RUNNING
    assert jobs.accept(job(kind=kind, use_case="shapes")).again is False
    assert [one.id for one in jobs.page(JobFilter(use_case="colours"))] == [first.id]


@pytest.mark.parametrize("state", TERMINAL)
def test_one_that_has_ended_is_not_in_the_way(jobs: Jobs, state: str) -> None:
    first = accepted(jobs, kind="train")
    assert jobs.finish(first.id, NOON, Finish(state))
    second = accepted(jobs, kind="train")
    with pytest.raises(JobRunning) as caught:
        jobs.accept(job(kind="train"))
    assert caught.value.job_id == second.id


def test_of_sixteen_who_ask_at_once_one_is_accepted(place: Place[Jobs]) -> None:
    handles, ready = [place.open() for _ in range(4)], threading.Barrier(16)

    def ask(n: int) -> str:
        ready.wait()
        try:
            return handles[n % 4].accept(job(kind="train")).job.id
        except JobRunning as running:
            return f"behind {running.job_id}"

    with ThreadPoolExecutor(16) as pool:
        said = Counter(pool.map(ask, range(16)))
    [open_job] = handles[0].unfinished()
    assert said == {open_job.id: 1, f"behind {open_job.id}": 15}
    assert happened(handles[0].events(open_job.id)) == ["accepted"]


def test_whoever_asks_while_jobs_come_and_go_gets_one_or_hears_of_one(place: Place[Jobs]) -> None:
    handles = [place.open() for _ in range(3)]
    heard_of: set[str] = set()

    def come_and_go(n: int) -> int:
        done = 0
        for _ in range(15):
            try:
                new = handles[n % 3].accept(job(kind="train")).job
            except JobRunning as running:
                heard_of.add(running.job_id)
                continue
            assert [one.id for one in handles[n % 3].unfinished()] == [new.id]
            assert handles[n % 3].finish(new.id, SOON, DONE)
            done += 1
        return done

    with ThreadPoolExecutor(6) as pool:
        done = sum(pool.map(come_and_go, range(6)))
    all_done = {one.id for one in handles[0].page(JobFilter(states=("COMPLETED",)), limit=100)}
    assert len(all_done) == done > 0
    assert heard_of <= all_done


# Under a key


def test_the_same_request_under_a_key_is_the_same_job(jobs: Jobs) -> None:
    first = accepted(jobs, kind="train", key="k-1")
    again = job(kind="train", key="k-1", by="budi", trigger="schedule", created_at=SOON)
    assert jobs.accept(again) == Accepted(first, again=True)
    jobs.start(first.id, NOON)
    jobs.finish(first.id, SOON, DONE)
    assert jobs.accept(again) == Accepted(jobs.get(first.id), again=True)
    assert [one.id for one in jobs.page(JobFilter())] == [first.id]


def test_another_request_under_a_key_is_refused(jobs: Jobs) -> None:
    first = accepted(jobs, key="k-1")
    for other in ({"params": {"days": 4}}, {"kind": "train"}, {"use_case": "shapes"}):
        with pytest.raises(OtherBody, match=first.id):
            jobs.accept(job(key="k-1", **other))
    assert jobs.accept(job(key="k-2")).again is False
    assert jobs.accept(job(key="K-1")).again is False
    assert jobs.accept(job()).job.key is None


def test_an_id_that_is_accepted_twice_is_one_job(jobs: Jobs) -> None:
    first = job(kind="train")
    assert jobs.accept(first) == Accepted(first)
    assert jobs.accept(first) == Accepted(first, again=True)
    with pytest.raises(OtherBody):
        jobs.accept(replace(first, params={}))
    assert happened(jobs.events(first.id)) == ["accepted"]


@pytest.mark.parametrize("kind", ["train", "score"])
def test_of_sixteen_under_one_key_all_get_the_same_job(place: Place[Jobs], kind: Kind) -> None:
    handles, ready = [place.open() for _ in range(4)], threading.Barrier(16)

    def ask(n: int) -> tuple[str, bool]:
        ready.wait()
        got = handles[n % 4].accept(job(kind=kind, key="k"))
        return got.job.id, got.again

    with ThreadPoolExecutor(16) as pool:
        said = Counter(pool.map(ask, range(16)))
    [only] = handles[0].page(JobFilter())
    assert said == {(only.id, False): 1, (only.id, True): 15}


# Running


def test_a_job_runs_its_course(jobs: Jobs) -> None:
    new = accepted(jobs, kind="train")
    assert jobs.start(new.id, SOON)
    assert jobs.get(new.id) == replace(new, state="RUNNING", started_at=SOON)
    first = jobs.tell(new.id, SOON, Happened("step_started", step="collect", progress=5, inputs={"days": 3}))
    assert first == JobEvent(new.id, 3, SOON, "step_started", "collect", 5, inputs={"days": 3})
    jobs.tell(new.id, SOON, Happened("told", detail="half of the files"))
    running = jobs.get(new.id)
    assert (running.step, running.progress) == ("collect", 5)
    jobs.tell(new.id, SOON, Happened("told", progress=7))
    jobs.tell(new.id, SOON, Happened("step_finished", "collect", 20, "", None, {"rows": 9}, 1.25, "a log\n"))
    assert jobs.finish(new.id, LATE, DONE)
    assert jobs.get(new.id) == replace(
        running, state="COMPLETED", progress=100, finished_at=LATE, result={"promoted": True}
    )
    events = jobs.events(new.id)
    assert happened(events) == ["accepted", "started", "step_started", "told", "told", "step_finished", "finished"]
    assert events[5] == JobEvent(
        new.id, 6, SOON, "step_finished", "collect", 20, "", None, {"rows": 9}, 1.25, "a log\n"
    )
    assert (events[6].progress, events[6].detail, events[6].at) == (100, "COMPLETED", LATE)
    assert jobs.events(new.id, after=5) == events[5:]
    assert jobs.events(new.id, after=1, limit=2) == events[1:3]
    assert jobs.events(new.id, after=7) == []


def test_a_job_is_started_once(jobs: Jobs) -> None:
    new = accepted(jobs)
    assert [jobs.start(new.id, SOON), jobs.start(new.id, LATE)] == [True, False]
    assert jobs.get(new.id).started_at == SOON
    assert happened(jobs.events(new.id)) == ["accepted", "started"]


@pytest.mark.parametrize("first", [DONE, FAILED, Finish("CANCELLED")])
def test_a_job_ends_once(jobs: Jobs, first: Finish) -> None:
    new = accepted(jobs)
    jobs.start(new.id, NOON)
    jobs.tell(new.id, NOON, Happened("told", progress=30))
    assert jobs.finish(new.id, SOON, first)
    ended, events = jobs.get(new.id), jobs.events(new.id)
    assert (ended.state, ended.error_code, ended.error) == (first.state, first.error_code, first.error)
    assert (ended.result, ended.finished_at) == (first.result, SOON)
    assert ended.progress == (100 if first.state == "COMPLETED" else 30)
    for again in (DONE, FAILED):
        assert not jobs.finish(new.id, LATE, again)
    assert not jobs.start(new.id, LATE)
    assert jobs.tell(new.id, LATE, Happened("told", progress=99)) is None
    assert (jobs.get(new.id), jobs.events(new.id)) == (ended, events)


def test_why_a_job_failed_is_told(jobs: Jobs) -> None:
    new = accepted(jobs)
    jobs.finish(new.id, SOON, FAILED)
    assert jobs.events(new.id)[-1].detail == "FAILED bad_rows: too many bad rows"


@pytest.mark.parametrize("state", ["PENDING", "RUNNING"])
def test_an_end_that_is_none_is_refused(jobs: Jobs, state: Any) -> None:
    new = accepted(jobs)
    with pytest.raises(ValueError, match=state):
        jobs.finish(new.id, SOON, Finish(state))
    assert jobs.get(new.id) == new


def test_events_told_at_once_are_numbered_without_gaps(place: Place[Jobs]) -> None:
    handles = [place.open() for _ in range(4)]
    new = accepted(handles[0])

    def tell(n: int) -> int:
        event = handles[n % 4].tell(new.id, SOON, Happened("told", detail=str(n)))
        assert event is not None
        return event.seq

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(tell, range(40)))
    events = handles[0].events(new.id)
    assert happened(events) == ["accepted"] + ["told"] * 40
    assert {event.seq: int(event.detail) for event in events[1:]} == {seq: n for n, seq in enumerate(numbers)}


# Cancelling


def test_a_pending_job_is_cancelled_at_once(jobs: Jobs) -> None:
    new = accepted(jobs, kind="train")
    cancelled = jobs.request_cancel(new.id, SOON, "budi")
    assert cancelled == replace(new, state="CANCELLED", cancel_requested=True, finished_at=SOON) == jobs.get(new.id)
    assert not jobs.start(new.id, LATE)
    events = jobs.events(new.id)
    assert happened(events) == ["accepted", "cancel_requested", "finished"]
    assert [event.detail for event in events[1:]] == ["by budi", "CANCELLED"]
    assert jobs.accept(job(kind="train")).again is False


def test_a_running_job_is_marked_and_ends_when_it_looks(jobs: Jobs) -> None:
    new = accepted(jobs)
    jobs.start(new.id, NOON)
    marked = jobs.request_cancel(new.id, SOON, "budi")
    assert marked == replace(new, state="RUNNING", started_at=NOON, cancel_requested=True)
    assert jobs.request_cancel(new.id, LATE, "ani") == marked
    assert happened(jobs.events(new.id)) == ["accepted", "started", "cancel_requested"]
    assert jobs.tell(new.id, SOON, Happened("told")) is not None
    assert jobs.finish(new.id, LATE, Finish("CANCELLED"))
    assert jobs.get(new.id) == replace(marked, state="CANCELLED", finished_at=LATE)


def test_a_job_that_is_cancelled_is_what_was_asked_for(jobs: Jobs) -> None:
    new = accepted(jobs)
    cancelled = jobs.request_cancel(new.id, SOON, "budi")
    assert jobs.request_cancel(new.id, LATE, "budi") == cancelled
    assert len(jobs.events(new.id)) == 3


@pytest.mark.parametrize("how", [DONE, FAILED])
def test_a_job_that_has_ended_is_not_cancelled(jobs: Jobs, how: Finish) -> None:
    new = accepted(jobs)
    jobs.finish(new.id, NOON, how)
    ended = jobs.get(new.id)
    with pytest.raises(TooLate, match=new.id):
        jobs.request_cancel(new.id, SOON, "budi")
    assert jobs.get(new.id) == ended


# Looking


def test_pages_are_newest_first(jobs: Jobs) -> None:
    rows = [job(use_case=("colours", "shapes")[n % 2], kind=("score", "preprocess")[n % 3 == 0]) for n in range(9)]
    for n in (3, 0, 7, 1, 5, 2, 8, 4, 6):
        jobs.accept(rows[n])
    newest = rows[::-1]
    assert jobs.page(JobFilter()) == newest
    found: list[Job] = []
    while page := jobs.page(JobFilter(), before=found[-1].id if found else None, limit=2):
        found += page
    assert found == newest
    assert jobs.page(JobFilter(use_case="shapes"), before=rows[7].id, limit=2) == [rows[5], rows[3]]
    assert jobs.page(JobFilter(kinds=("preprocess", "train"))) == [rows[6], rows[3], rows[0]]
    jobs.start(rows[4].id, NOON)
    jobs.finish(rows[5].id, NOON, FAILED)
    assert [one.id for one in jobs.page(JobFilter(states=("RUNNING", "FAILED")))] == [rows[5].id, rows[4].id]
    assert jobs.page(JobFilter(use_case="colours", kinds=("train",))) == []


def test_unfinished_jobs_are_oldest_first(jobs: Jobs) -> None:
    rows = [job() for _ in range(6)]
    for row in rows[::-1]:
        jobs.accept(row)
    jobs.start(rows[1].id, NOON)
    for row, how in zip(rows[2:5], (DONE, FAILED, Finish("CANCELLED")), strict=True):
        jobs.finish(row.id, NOON, how)
    assert [one.id for one in jobs.unfinished()] == [rows[0].id, rows[1].id, rows[5].id]


def test_the_last_finished_is_the_newest_that_completed(jobs: Jobs) -> None:
    assert jobs.last_finished("colours", "score") is None
    first, second, third = accepted(jobs), accepted(jobs), accepted(jobs)
    jobs.finish(second.id, LATE, DONE)
    jobs.finish(first.id, SOON, DONE)
    jobs.finish(third.id, LATE + timedelta(days=1), FAILED)
    for other in ({"kind": "preprocess"}, {"use_case": "shapes"}):
        jobs.finish(accepted(jobs, **other).id, LATE + timedelta(days=2), DONE)
    assert jobs.last_finished("colours", "score") == jobs.get(second.id)


# Away


CALLS: dict[str, Callable[[Jobs, str], object]] = {
    "accept": lambda jobs, id: jobs.accept(job()),
    "get": lambda jobs, id: jobs.get(id),
    "page": lambda jobs, id: jobs.page(JobFilter()),
    "unfinished": lambda jobs, id: jobs.unfinished(),
    "start": lambda jobs, id: jobs.start(id, NOON),
    "tell": lambda jobs, id: jobs.tell(id, NOON, Happened("told")),
    "finish": lambda jobs, id: jobs.finish(id, NOON, DONE),
    "request_cancel": lambda jobs, id: jobs.request_cancel(id, NOON, "ani"),
    "events": lambda jobs, id: jobs.events(id),
    "last_finished": lambda jobs, id: jobs.last_finished("colours", "score"),
}


def test_a_store_that_is_away_says_so_and_comes_back(place: Place[Jobs]) -> None:
    jobs = place.open()
    new = accepted(jobs)
    with place.away():
        for call in CALLS.values():
            with pytest.raises(StoreUnavailable):
                call(jobs, new.id)
    assert jobs.get(new.id) == new
    assert jobs.start(new.id, NOON)
    jobs.close()
    jobs.close()


# Many processes

# Forks after its imports, so that only one process pays for them, and lets all go at one moment.
MANY = """
import json, os, sys
import psycopg
from datetime import UTC, datetime
from serve_app.adapters.sql_jobs import SqlJobs
from serve_app.core.errors import JobRunning
from serve_app.core.jobs import Finish, Happened, Job

url, told, ending, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
now = datetime.now(UTC)
wait, go = os.pipe()
for n in range(count):
    if os.fork() == 0:
        os.close(go)
        jobs = SqlJobs(url, timeout_s=30.0)
        os.read(wait, 1)  # until the parent lets go of its end
        try:
            new = jobs.accept(Job(f"{n}", "train", "colours", {}, "ani", "api", now)).job.id
        except JobRunning:
            new = None
        started = jobs.start(ending, now)
        seqs = [jobs.tell(told, now, Happened("told", detail=f"{n}-{k}")).seq for k in range(10)]
        ended = jobs.finish(ending, now, Finish("FAILED", str(n)))
        os.write(1, (json.dumps([n, new, started, seqs, ended]) + "\\n").encode())
        os._exit(0)
os.close(go)
for _ in range(count):
    os.wait()
"""


@pytest.mark.parametrize("kind", DATABASES)
def test_many_processes_at_once(kind: str, tmp_path: Path) -> None:
    place = place_of(kind, tmp_path, MemoryJobs, open_jobs)
    jobs = place.open()
    told, ending = accepted(jobs), accepted(jobs)
    command = [sys.executable, "-c", MANY, str(place.url), told.id, ending.id, "6"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(said) == 6, done.stderr
    [train] = jobs.page(JobFilter(kinds=("train",)))
    assert [new for _, new, *_ in said if new is not None] == [train.id]
    assert sum(started for _, _, started, *_ in said) == 1
    [winner] = [n for n, *_, ended in said if ended]
    assert jobs.get(ending.id).error_code == str(winner)
    assert happened(jobs.events(ending.id)) == ["accepted", "started", "finished"]
    assert happened(jobs.events(told.id)) == ["accepted"] + ["told"] * 60
    assert sorted(seq for *_, seqs, _ in said for seq in seqs) == list(range(2, 62))
