"""Jobs as durable workflows: real DBOS on SQLite, steps of a few lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from ulid import ULID

from pipelines.workflow import Workflows, config
from serve_app.adapters.memory_jobs import MemoryJobs
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.jobs import TERMINAL, Job, JobEvent
from serve_app.core.platform import Pipelines, Platform
from tests.fakes.postgres_server import postgres_server
from tests.fakes.small_models import USE_CASES, write_use_case
from tests.fakes.small_steps import InThreads, runs

PATIENCE_S = 20.0


class House:
    """A store of jobs and what begins them, opened and closed as processes come and go."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        retraining = {"retries": 2, "back_off_s": 0.01}
        write_use_case(folder, "knots", {**USE_CASES["knots"], "retraining": retraining})
        self.state = folder / "state"
        self.jobs, self.start = MemoryJobs(), InThreads()
        self.catalogue = UseCaseFolder(folder / "use_cases", refresh_s=0)
        settings = {} if url is None else {"pipelines": Pipelines(url=url)}  # type: ignore[arg-type]
        self.platform = Platform(state=str(self.state), **settings)  # type: ignore[arg-type]
        self.file = folder / "use_cases/knots/use_case.yaml"

    @contextmanager
    def open(self) -> Iterator[Workflows]:
        opened = Workflows(self.jobs, self.catalogue, self.platform, self.start, poll_s=0.02)
        opened.open()
        try:
            yield opened
        finally:
            opened.close()

    def accepted(self, kind: Any = "train", **params: Any) -> Job:
        job = Job(str(ULID()), kind, "knots", params, "ani", "api", datetime.now(UTC))
        return self.jobs.accept(job).job

    def until(self, job: Job, *states: str) -> Job:
        until(lambda: self.jobs.get(job.id).state in (states or TERMINAL), f"the end of {job.id}")
        return self.jobs.get(job.id)

    def events(self, job: Job, what: str) -> list[JobEvent]:
        return [event for event in self.jobs.events(job.id) if event.what == what]

    def retraining(self, **settings: Any) -> None:
        raw = yaml.safe_load(self.file.read_text())
        raw["retraining"] |= settings
        self.file.write_text(yaml.safe_dump(raw, sort_keys=False))


def until(true: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.02)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_retrain_runs_every_step_once_and_keeps_what_came_of_each(house: House) -> None:
    job = house.accepted(days=3)
    with house.open() as workflows:
        workflows.begin(job.id)
        workflows.begin(job.id)
        done = house.until(job)
        workflows.begin(job.id)
    assert (done.state, done.progress, done.error) == ("COMPLETED", 100, None)
    assert done.result == {
        "outcome": "promote",
        "reasons": [],
        "figures": {"macro_f1": None},
        "promoted": True,
        "version": "7",
    }
    finished = house.events(job, "step_finished")
    assert [event.step for event in finished] == ["collect", "prepare", "train", "evaluate", "promote"]
    assert [event.progress for event in finished] == [20, 40, 60, 80, 99]
    assert finished[1].inputs == {"params": {"days": 3}, "came": {"collect": {"rows": 10, "path": "raw"}}}
    assert finished[1].outputs == {"dataset": "processed", "learn_rows": 8}
    assert "INFO understudy.small: prepare has ['collect']" in (finished[1].log or "")
    assert all(event.duration_s is not None for event in finished)
    assert [runs(house.state, event.step or "") for event in finished] == [1] * 5


@pytest.mark.parametrize(
    ("kind", "steps"), [("preprocess", 1), ("build_features", 2), ("score", 1)], ids=["preprocess", "features", "score"]
)
def test_every_kind_of_job_has_its_steps(house: House, kind: str, steps: int) -> None:
    job = house.accepted(kind)
    with house.open() as workflows:
        workflows.begin(job.id)
        done = house.until(job)
    assert done.state == "COMPLETED"
    assert done.result == house.events(job, "step_finished")[-1].outputs
    assert len(house.events(job, "step_finished")) == steps


def test_a_refusal_of_the_gate_is_a_completed_job(house: House) -> None:
    job = house.accepted(outcome="refuse")
    with house.open() as workflows:
        workflows.begin(job.id)
        done = house.until(job)
    assert done.state == "COMPLETED"
    assert done.result is not None
    assert (done.result["promoted"], done.result["outcome"]) == (False, "refuse")


def test_a_step_is_tried_again_and_every_failure_is_told(house: House) -> None:
    job = house.accepted(fail={"prepare": 2})
    with house.open() as workflows:
        workflows.begin(job.id)
        assert house.until(job).state == "COMPLETED"
    failed = house.events(job, "step_failed")
    assert [(event.step, event.detail[:16]) for event in failed] == [
        ("prepare", "attempt 1 failed"),
        ("prepare", "attempt 2 failed"),
    ]
    assert runs(house.state, "collect") == 1


def test_after_its_retries_a_job_fails_without_trace_or_password(house: House) -> None:
    job = house.accepted(fail={"prepare": 9})
    with house.open() as workflows:
        workflows.begin(job.id)
        done = house.until(job)
    assert (done.state, done.error_code) == ("FAILED", "step_failed")
    assert done.error == "prepare failed 3 times: OSError: no way to postgresql://***@prepare/db"
    assert runs(house.state, "prepare") == 3
    everything = repr(house.jobs.events(job.id))
    assert "hush" not in everything
    assert "Traceback" not in everything


def test_the_time_before_a_retry_is_the_configurations_and_doubles(house: House) -> None:
    house.retraining(back_off_s=0.3)
    job = house.accepted(fail={"collect": 2})
    with house.open() as workflows:
        workflows.begin(job.id)
        house.until(job)
    begun = [event.at for event in house.events(job, "step_started") if event.step == "collect"]
    waits = [(later - earlier).total_seconds() for earlier, later in pairwise(begun)]
    assert waits[0] >= 0.3
    assert waits[1] >= 0.6


def test_a_refusal_is_not_tried_again(house: House) -> None:
    job = house.accepted(refuse="prepare")
    with house.open() as workflows:
        workflows.begin(job.id)
        done = house.until(job)
    assert (done.state, done.error_code, done.error) == ("FAILED", "too_bad", "prepare will not")
    assert runs(house.state, "prepare") == 1


def test_a_use_case_that_is_gone_fails_its_job(house: House) -> None:
    job = replace(house.accepted("score"), id=str(ULID()), use_case="gone")
    house.jobs.accept(job)
    with house.open() as workflows:
        workflows.begin(job.id)
        done = house.until(job)
    assert (done.state, done.error_code) == ("FAILED", "unknown_use_case")


def test_a_step_under_way_is_cancelled_within_two_seconds(house: House) -> None:
    job = house.accepted(hang="train")
    with house.open() as workflows:
        workflows.begin(job.id)
        until(lambda: runs(house.state, "train"), "the step")
        asked = time.monotonic()
        house.jobs.request_cancel(job.id, datetime.now(UTC), "ani")
        assert house.until(job).state == "CANCELLED"
        assert time.monotonic() - asked < 2
    assert house.start.attempts[-1].stopped
    assert runs(house.state, "evaluate") == 0


def test_a_job_that_waits_to_try_again_is_cancelled_too(house: House) -> None:
    house.retraining(back_off_s=600)
    job = house.accepted(fail={"collect": 1})
    with house.open() as workflows:
        workflows.begin(job.id)
        until(lambda: house.events(job, "step_failed"), "the failure")
        house.jobs.request_cancel(job.id, datetime.now(UTC), "ani")
        assert house.until(job).state == "CANCELLED"


def test_a_promotion_under_way_is_not_cut_short(house: House) -> None:
    job = house.accepted(hang="promote", seconds=1.5)
    with house.open() as workflows:
        workflows.begin(job.id)
        until(lambda: runs(house.state, "promote"), "the step")
        house.jobs.request_cancel(job.id, datetime.now(UTC), "ani")
        assert house.until(job).state == "COMPLETED"


def test_a_step_over_its_deadline_is_stopped(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.attempt.MARGIN_S", 0.0)
    house.retraining(deadline_s=1)
    job = house.accepted(hang="prepare")
    with house.open() as workflows:
        workflows.begin(job.id)
        done = house.until(job)
    assert (done.state, done.error_code) == ("FAILED", "deadline")
    assert house.start.attempts[-1].stopped


def test_a_job_cancelled_before_it_began_does_nothing(house: House) -> None:
    job = house.accepted()
    house.jobs.request_cancel(job.id, datetime.now(UTC), "ani")
    with house.open() as workflows:
        workflows.begin(job.id)
        until(lambda: workflows.settle(job) == "ended", "the end")
    assert house.start.attempts == []


def test_closing_loses_nothing_and_opening_goes_on_there(house: House) -> None:
    job = house.accepted(hang="train", seconds=2)
    with house.open() as workflows:
        workflows.begin(job.id)
        until(lambda: runs(house.state, "train"), "the step")
    assert house.jobs.get(job.id).state == "RUNNING"
    assert house.start.attempts[-1].stopped
    with house.open():
        assert house.until(job).state == "COMPLETED"
    assert [runs(house.state, step) for step in ("collect", "prepare", "train", "promote")] == [1, 1, 2, 1]


def test_a_failed_attempt_counts_after_a_restart_too(house: House) -> None:
    house.retraining(retries=1, back_off_s=1.5)
    job = house.accepted(fail={"collect": 9})
    with house.open() as workflows:
        workflows.begin(job.id)
        until(lambda: house.events(job, "step_failed"), "the failure")
        time.sleep(0.3)
    with house.open():
        assert house.until(job).state == "FAILED"
    assert runs(house.state, "collect") == 2


def test_a_lost_record_of_what_was_done_is_no_lost_job(house: House) -> None:
    job = house.accepted(hang="train", seconds=1)
    with house.open() as workflows:
        workflows.begin(job.id)
        until(lambda: runs(house.state, "train"), "the step")
    (house.state / "pipelines.db").unlink()
    with house.open() as workflows:
        assert workflows.settle(house.jobs.get(job.id)) == "begun"
        assert house.until(job).state == "COMPLETED"
    assert runs(house.state, "collect") == 2


def test_a_workflow_that_ended_without_its_job_is_told_of(house: House) -> None:
    """As by a bug of ours, or by somebody's hand in DBOS's database."""
    job = house.accepted()
    with house.open() as workflows:
        workflows.begin(job.id)
        house.until(job)
        again = replace(job, id=str(ULID()), kind="score")
        house.jobs.accept(again)
        house.jobs.start(again.id, datetime.now(UTC))
        workflows._work = _broken(workflows)
        workflows.begin(again.id)
        until(lambda: workflows.settle(house.jobs.get(again.id)) == "ended", "the end")
    done = house.jobs.get(again.id)
    assert (done.state, done.error_code) == ("FAILED", "broken_workflow")


def _broken(workflows: Workflows) -> Any:
    from dbos import DBOS

    def broken(job_id: str) -> str:
        raise ValueError(job_id)

    return DBOS.workflow(name="broken")(broken)


def test_a_store_that_is_away_delays_a_job_and_fails_none(house: House) -> None:
    job = house.accepted(hang="train", seconds=1)
    with house.open() as workflows:
        workflows.begin(job.id)
        until(lambda: runs(house.state, "train"), "the step")
        house.jobs.away = True
        time.sleep(1.5)
        house.jobs.away = False
        assert house.until(job).state == "COMPLETED"
    assert runs(house.state, "train") == 1


def test_version_and_executor_are_fixed_so_that_an_update_takes_up_what_was_left(house: House) -> None:
    made = config(house.platform)
    assert (made["application_version"], made["executor_id"]) == ("1", "pipelines")
    assert made["system_database_url"] == f"sqlite:///{house.state}/pipelines.db"


@pytest.mark.postgres
def test_the_record_may_lie_in_postgres(tmp_path: Path) -> None:
    house = House(tmp_path, postgres_server().database())
    job = house.accepted(hang="train", seconds=2)
    with house.open() as workflows:
        workflows.begin(job.id)
        until(lambda: runs(house.state, "train"), "the step")
    with house.open():
        assert house.until(job).state == "COMPLETED"
    assert [runs(house.state, step) for step in ("collect", "train")] == [1, 2]
