"""What starts by itself: schedules, new labels, drift; and which of the jobs that wait may begin."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipelines.triggers import Stores, Triggers
from serve_app.adapters.memory_event_log import MemoryEventLog
from serve_app.adapters.memory_jobs import MemoryJobs
from serve_app.adapters.memory_reports import MemoryReports
from serve_app.core import triggers
from serve_app.core.events import Label, LoggedPrediction
from serve_app.core.jobs import Finish, Job, JobFilter, Report
from serve_app.core.ports import NewLabels
from serve_app.core.use_case import UseCase
from tests.fakes.small_models import USE_CASES

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def use_case(scoring: dict[str, Any] | None = None, **retraining: Any) -> UseCase:
    whole = {**USE_CASES["knots"], "retraining": retraining, "scoring": scoring or {}}
    return UseCase.model_validate({"name": "knots", "title": "Knots", "student": {"kind": "lightgbm"}, **whole})


class Looked:
    """Stores in memory, a clock that is set by hand, and what drift is said to be."""

    def __init__(self) -> None:
        self.now = MIDNIGHT
        self.jobs, self.reports, self.log = MemoryJobs(), MemoryReports(), MemoryEventLog()
        self.drifted: dict[str, Any] | None = None
        self.looks = 0
        self._again()

    def _again(self) -> None:
        stores = Stores(self.jobs, self.reports, self.log)
        self.triggers = Triggers(stores, lambda _: self._look(), lambda: self.now)

    def _look(self) -> dict[str, Any] | None:
        self.looks += 1
        return self.drifted

    def at(self, moment: datetime, case: UseCase, restarted: bool = False) -> list[Job]:
        self.now = moment
        if restarted:
            self._again()
        return self.triggers.look(case)

    def end(self, *jobs: Job, state: Any = "COMPLETED") -> None:
        for job in jobs:
            self.jobs.finish(job.id, self.now, Finish(state, error_code=None if state == "COMPLETED" else "x"))

    def switch(self, enabled: bool) -> None:
        self.reports.put(Report("schedule:knots", "knots", "schedule", self.now, {"enabled": enabled}))

    def taught(self, count: int) -> None:
        start = self.log.count("knots")
        rows = [logged(f"{start + n:026d}", self.now) for n in range(count)]
        self.log.append(rows)

    def labelled(self, count: int) -> None:
        start = self.log.count("knots")
        rows = [logged(f"{start + n:026d}", self.now, teacher=None) for n in range(count)]
        self.log.append(rows)
        for row in rows:
            self.log.add_label(Label(f"l{row.id}", row.id, self.now, "ani", "yes"))


def logged(id: str, at: datetime, teacher: Any = {"label": "yes"}) -> LoggedPrediction:  # noqa: B006
    return LoggedPrediction(
        id, "knots", at, {"turns": 1.0}, {"label": "no", "confidence": 0.6}, teacher, {}, "3", "p", "s", 1.0, 0.0, 1.0
    )


@pytest.fixture
def looked() -> Looked:
    return Looked()


DAILY = use_case(schedule="0 2 * * *")


def test_a_schedule_starts_one_job_for_an_instant(looked: Looked) -> None:
    assert looked.at(MIDNIGHT, DAILY) == []
    assert looked.at(MIDNIGHT + 2 * HOUR - timedelta(seconds=1), DAILY) == []
    (job,) = looked.at(MIDNIGHT + 2 * HOUR + timedelta(seconds=3), DAILY)
    assert (job.kind, job.use_case, job.trigger, job.by, job.params) == ("train", "knots", "schedule", "understudy", {})
    looked.end(job)
    assert looked.at(MIDNIGHT + 3 * HOUR, DAILY) == []
    (later,) = looked.at(MIDNIGHT + DAY + 2 * HOUR, DAILY)
    assert later.id != job.id


def test_what_was_missed_while_nothing_ran_is_caught_up_once(looked: Looked) -> None:
    looked.at(MIDNIGHT, DAILY)
    (job,) = looked.at(MIDNIGHT + 9 * DAY, DAILY, restarted=True)
    looked.end(job)
    assert looked.at(MIDNIGHT + 9 * DAY + HOUR, DAILY, restarted=True) == []


def test_a_new_schedule_has_missed_nothing(looked: Looked) -> None:
    assert looked.at(MIDNIGHT + 3 * HOUR, DAILY) == []


def test_a_changed_schedule_has_missed_nothing_either(looked: Looked) -> None:
    looked.at(MIDNIGHT, use_case(schedule="0 2 * * 0"))
    assert looked.at(MIDNIGHT + 3 * HOUR, DAILY) == []
    assert len(looked.at(MIDNIGHT + 26 * HOUR, DAILY)) == 1


def test_a_crash_between_job_and_note_makes_no_second_job(looked: Looked) -> None:
    looked.at(MIDNIGHT, DAILY)
    before = looked.reports.latest("knots", "schedule_seen")
    (job,) = looked.at(MIDNIGHT + 2 * HOUR, DAILY)
    looked.end(job)
    assert before is not None
    looked.reports.put(replace(before, at=looked.now))
    assert looked.at(MIDNIGHT + 2 * HOUR, DAILY, restarted=True) == []
    assert len(looked.jobs.page(JobFilter("knots"))) == 1


def test_a_schedule_waits_for_the_retrain_that_is_under_way(looked: Looked) -> None:
    looked.at(MIDNIGHT, DAILY)
    by_hand = looked.jobs.accept(Job("1", "train", "knots", {}, "ani", "api", MIDNIGHT)).job
    assert looked.at(MIDNIGHT + 2 * HOUR, DAILY) == []
    looked.end(by_hand)
    assert len(looked.at(MIDNIGHT + 3 * HOUR, DAILY)) == 1


def test_a_schedule_keeps_its_own_time_zone(looked: Looked) -> None:
    jakarta = use_case(schedule="0 2 * * *", timezone="Asia/Jakarta")
    looked.at(MIDNIGHT, jakarta)
    assert looked.at(MIDNIGHT + 18 * HOUR, jakarta) == []
    assert len(looked.at(MIDNIGHT + 19 * HOUR, jakarta)) == 1


def test_what_is_switched_off_does_not_run_and_is_not_made_up_for(looked: Looked) -> None:
    looked.at(MIDNIGHT, DAILY)
    looked.switch(False)
    assert looked.at(MIDNIGHT + 3 * HOUR, DAILY) == []
    looked.switch(True)
    assert looked.at(MIDNIGHT + 4 * HOUR, DAILY) == []
    assert len(looked.at(MIDNIGHT + 26 * HOUR, DAILY)) == 1


def test_the_switch_goes_over_the_configuration(looked: Looked) -> None:
    off = use_case(schedule="0 2 * * *", enabled=False)
    looked.at(MIDNIGHT, off)
    assert looked.at(MIDNIGHT + 3 * HOUR, off) == []
    looked.switch(True)
    looked.at(MIDNIGHT + 4 * HOUR, off)
    assert len(looked.at(MIDNIGHT + 26 * HOUR, off)) == 1


def test_scoring_has_a_schedule_of_its_own(looked: Looked) -> None:
    both = use_case({"path": "all.csv", "schedule": "0 3 * * 1"}, schedule="0 2 * * *", enabled=False)
    looked.at(MIDNIGHT, both)
    (job,) = looked.at(MIDNIGHT + 4 * HOUR, both)
    assert job.kind == "score"


def test_enough_new_labels_start_a_retrain(looked: Looked) -> None:
    case = use_case(new_labels=10)
    looked.taught(6)
    looked.labelled(3)
    assert looked.at(MIDNIGHT, case) == []
    looked.labelled(1)
    (job,) = looked.at(MIDNIGHT + HOUR, case)
    assert (job.kind, job.trigger) == ("train", "new_labels")
    assert looked.at(MIDNIGHT + 2 * HOUR, case) == []
    looked.end(job)
    assert looked.at(MIDNIGHT + 3 * HOUR, case) == []


def test_a_retrain_that_failed_is_tried_again_when_there_are_as_many_more(looked: Looked) -> None:
    case = use_case(new_labels=10)
    looked.taught(12)
    (job,) = looked.at(MIDNIGHT, case)
    looked.end(job, state="FAILED")
    assert looked.at(MIDNIGHT + HOUR, case) == []
    looked.taught(8)
    assert len(looked.at(MIDNIGHT + 2 * HOUR, case)) == 1


def test_labels_of_before_the_last_retrain_do_not_count(looked: Looked) -> None:
    case = use_case(new_labels=10)
    looked.taught(12)
    (job,) = looked.at(MIDNIGHT + HOUR, case)
    looked.end(job)
    looked.now = MIDNIGHT + 2 * HOUR
    looked.taught(9)
    assert looked.at(MIDNIGHT + 3 * HOUR, case) == []
    looked.taught(1)
    assert len(looked.at(MIDNIGHT + 3 * HOUR, case)) == 1


def drifted(drifts: bool = True, version: str = "3") -> dict[str, Any]:
    return {"version": version, "drifted": drifts, "why": ["PSI of turns is 0.9"] if drifts else []}


def test_drift_starts_a_retrain_and_its_figures_are_kept(looked: Looked) -> None:
    case = use_case(drift={"every_s": 60, "pause_s": 7200})
    looked.drifted = drifted()
    (job,) = looked.at(MIDNIGHT, case)
    assert (job.kind, job.trigger) == ("train", "drift")
    report = looked.reports.latest("knots", "drift")
    assert report is not None
    assert report.content == drifted()
    looked.end(job)
    assert looked.at(MIDNIGHT + HOUR, case, restarted=True) == []
    assert len(looked.at(MIDNIGHT + 2 * HOUR, case)) == 1


def test_drift_is_looked_for_at_its_own_pace_and_one_report_an_hour_is_kept(looked: Looked) -> None:
    case = use_case(drift={"every_s": 300})
    looked.drifted = drifted(False)
    for minute in range(59):
        looked.at(MIDNIGHT + minute * timedelta(minutes=1), case)
    assert looked.looks == 12
    assert len(looked.reports.newest("knots", "drift")) == 1


@pytest.mark.parametrize("how", ["only shown", "nothing moved", "switched off", "no champion"])
def test_drift_that_starts_nothing(looked: Looked, how: str) -> None:
    looked.drifted = None if how == "no champion" else drifted(how != "nothing moved")
    if how == "switched off":
        looked.switch(False)
    case = use_case(drift={"retrain": how != "only shown"})
    assert looked.at(MIDNIGHT, case) == []
    assert (looked.reports.latest("knots", "drift") is None) == (how == "no champion")


def waiting(id: str, kind: Any = "train", of: str = "knots") -> Job:
    return Job(id, kind, of, {}, "ani", "api", MIDNIGHT)


def test_as_many_begin_as_there_is_room_for_the_oldest_first() -> None:
    jobs = [waiting(str(n), "score") for n in range(5)]
    assert [job.id for job in triggers.startable(jobs, {"1"}, at_once=3, trainings=1)] == ["0", "2"]
    assert triggers.startable(jobs, {"0", "1", "2"}, at_once=3, trainings=1) == []


def test_one_training_at_a_time_holds_up_nothing_else() -> None:
    jobs = [waiting("1"), waiting("2", of="stones"), waiting("3", "score")]
    assert [job.id for job in triggers.startable(jobs, set(), at_once=4, trainings=1)] == ["1", "3"]
    assert [job.id for job in triggers.startable(jobs, {"1"}, at_once=4, trainings=2)] == ["2", "3"]


def test_no_bound_on_labels_is_no_trigger() -> None:
    assert triggers.batch(NewLabels(5, 5), None) == 0
    assert triggers.batch(NewLabels(5, 5), 4) == 2
