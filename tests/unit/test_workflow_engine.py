"""The engine as a whole on SQLite: it begins what waits, does not wait for its look where it is nudged, and
lets nothing that is broken hold up the rest."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ulid import ULID

from pipelines.engine import LOCK, Engine, Round
from pipelines.triggers import Stores, Triggers
from pipelines.workflow import Workflows
from serve_app.adapters.memory_event_log import MemoryEventLog
from serve_app.adapters.memory_jobs import MemoryJobs
from serve_app.adapters.memory_reports import MemoryReports
from serve_app.adapters.sql_jobs import SqlJobs, open_jobs
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.jobs import TERMINAL, Job
from serve_app.core.platform import Pipelines, Platform
from serve_app.core.use_case import UseCase
from tests.fakes.small_models import USE_CASES, write_use_case
from tests.fakes.small_steps import InThreads

PATIENCE_S = 30.0


class House:
    def __init__(self, folder: Path) -> None:
        for name in ("knots", "sands"):
            write_use_case(folder, name, {**USE_CASES[name], "retraining": {"drift": {"every_s": 3600}}})
        self.platform = Platform(state=str(folder / "state"), pipelines=Pipelines(tick_s=60.0))
        self.jobs: SqlJobs = open_jobs(self.platform.store, folder / "state")
        self.engine = Engine(UseCaseFolder(folder / "use_cases"), self.platform, InThreads(), self.tidy)
        self.looks = 0
        self._thread = threading.Thread(target=self.engine.run)
        self._thread.start()
        until(lambda: self.looks > 0, "the first look")

    def tidy(self) -> None:
        self.looks += 1
        raise OSError("broken")

    def close(self) -> None:
        self.engine.close()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        self.jobs.close()

    def accepted(self, use_case: str = "knots", **params: object) -> Job:
        return self.jobs.accept(Job(str(ULID()), "train", use_case, params, "ani", "api", datetime.now(UTC))).job

    def ended(self, job: Job) -> bool:
        return self.jobs.get(job.id).state in TERMINAL


def until(true: object, what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.02)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def test_a_nudge_begins_a_job_at_once_whatever_else_is_broken(house: House) -> None:
    job = house.accepted()
    time.sleep(0.3)
    assert house.jobs.get(job.id).state == "PENDING"
    house.engine.nudge()
    until(lambda: house.ended(job), "the end of the job")
    assert house.jobs.get(job.id).state == "COMPLETED"


def test_trainings_of_two_use_cases_run_one_after_the_other(house: House) -> None:
    first, second = house.accepted(hang="train", seconds=2), house.accepted("sands")
    house.engine.nudge()
    until(lambda: house.jobs.get(first.id).step == "train", "the first one's training")
    house.engine.nudge()
    time.sleep(0.5)
    assert house.jobs.get(second.id).state == "PENDING"
    until(lambda: house.ended(first), "the end of the first")
    house.engine.nudge()
    until(lambda: house.ended(second), "the end of the second")


HOLDS = (
    "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.lockf(f, fcntl.LOCK_EX); print('mine', flush=True); input()"
)


def test_an_engine_waits_for_the_one_before_it_to_end_and_takes_over_when_it_is_killed(tmp_path: Path) -> None:
    (tmp_path / "use_cases").mkdir()
    (tmp_path / "state").mkdir()
    command = [sys.executable, "-c", HOLDS, str(tmp_path / "state" / LOCK)]
    looks: list[float] = []
    platform = Platform(state=str(tmp_path / "state"))
    engine = Engine(
        UseCaseFolder(tmp_path / "use_cases"), platform, InThreads(), lambda: looks.append(time.monotonic())
    )
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as before:
        assert before.stdout is not None
        assert before.stdout.readline() == "mine\n"
        thread = threading.Thread(target=engine.run)
        thread.start()
        time.sleep(1.5)
        assert not looks
        before.kill()
    until(lambda: looks, "its turn")
    engine.close()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_an_engine_that_waits_for_its_turn_can_be_closed(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    command = [sys.executable, "-c", HOLDS, str(tmp_path / "state" / LOCK)]
    engine = Engine(UseCaseFolder(tmp_path), Platform(state=str(tmp_path / "state")), InThreads())
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as before:
        assert before.stdout is not None
        before.stdout.readline()
        thread = threading.Thread(target=engine.run)
        thread.start()
        time.sleep(0.2)
        engine.close()
        thread.join(5)
        assert not thread.is_alive()
        before.kill()


class BrokenFolder(UseCaseFolder):
    """A disk that gives an error of its own."""

    def all(self) -> Mapping[str, UseCase]:
        raise OSError("input/output error")


def test_use_cases_that_cannot_be_read_do_not_end_the_looks(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    jobs, folder, platform = MemoryJobs(), BrokenFolder(tmp_path), Platform(state=str(tmp_path))
    stores = Stores(jobs, MemoryReports(), MemoryEventLog())
    looks: list[None] = []
    workflows = Workflows(jobs, folder, platform, InThreads())
    around = Round(folder, platform, stores, workflows, Triggers(stores, lambda _: None), lambda: looks.append(None))
    around.tick()
    around.tick()
    assert len(looks) == 2
    assert caplog.text.count("use cases: OSError") == 1
