"""Kill -9 of a step's process, of the pipelines, or of all, wherever a job may be: after a restart it
reaches one end, and one version carries its name.

Real: the engine, DBOS and the stores on SQLite, MLflow. Only the steps are small (``deadly_steps``)."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from ulid import ULID

from serve_app.adapters.registries import open_registry
from serve_app.adapters.sql_jobs import open_jobs
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.jobs import TERMINAL, Job, JobEvent
from serve_app.core.platform import Platform
from serve_app.core.ports import Version
from tests.fakes.deadly_steps import BUNDLE, Victim, deadly
from tests.fakes.small_models import USE_CASES, trained, write_use_case

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 240.0  # a busy machine, three at once
AT_ONCE = 3

WORKER = (
    "within collect",
    "before the version is registered",
    "registered, not recorded",
    "before the alias moves",
    "alias moved, not recorded",
)
ENGINE = (
    "accepted, not started",
    "started",
    "before step_started of collect",
    "after step_finished of collect",
    "before step_finished of train",
    "after step_finished of train",
    "before step_started of promote",
    "after step_finished of promote",
    "before the end",
    "after the end",
)
EVERY: list[tuple[str, Victim]] = [
    *((place, "worker") for place in WORKER),
    *((place, "engine") for place in WORKER),
    *((place, "all") for place in (*WORKER, *ENGINE)),
]


@dataclass(frozen=True)
class Came:
    """What is left when all is quiet again."""

    job: Job
    events: list[JobEvent]
    versions: list[Version]
    champion: Version | None
    begun: list[str]
    killed: bool


class Nursery:
    """Forks engines; see ``tests/fakes/engine_nursery.py``."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.fakes.engine_nursery"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._lock = threading.Lock()
        self._read()

    def engine(self, folder: Path) -> int:
        with self._lock:
            assert self._process.stdin is not None
            print(folder, file=self._process.stdin, flush=True)
            return int(self._read())

    def close(self) -> None:
        self._process.communicate(timeout=10)

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with its databases made and a student to be registered, to be copied."""
    folder = tmp_path_factory.mktemp("template")
    retraining = {"retries": 2, "back_off_s": 0.1}
    write_use_case(folder, "knots", {**USE_CASES["knots"], "retraining": retraining})
    platform = Platform(state=str(folder / "state"))
    open_jobs(platform.store, folder / "state").close()
    open_registry(platform).aliased("knots", "champion")
    student = trained(UseCaseFolder(folder / "use_cases").get("knots"))
    (folder / "state" / BUNDLE).write_bytes(pickle.dumps(student))
    return folder


@pytest.fixture(scope="module")
def outcomes(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], Future[Came]]]:
    """All at once, a few at a time: most of a restart is waiting."""
    nursery = Nursery()
    folder = tmp_path_factory.mktemp("killed")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            (place, victim): pool.submit(killed_and_restarted, nursery, template, folder / str(n), place, victim)
            for n, (place, victim) in enumerate(EVERY)
        }
    nursery.close()


def killed_and_restarted(nursery: Nursery, template: Path, folder: Path, place: str, victim: Victim) -> Came:
    shutil.copytree(template, folder)
    platform = Platform(state=str(folder / "state"))
    jobs = open_jobs(platform.store, folder / "state")
    job = jobs.accept(Job(str(ULID()), "train", "knots", {}, "ani", "api", datetime.now(UTC))).job
    deadly(folder / "state", place, victim)
    first = nursery.engine(folder)
    engines = [first]
    try:
        if victim != "worker":
            until(lambda: not psutil.pid_exists(first), f"the death of the engine: {place}")
            assert not (folder / "state/die").exists()
            engines.append(nursery.engine(folder))
        until(lambda: jobs.get(job.id).state in TERMINAL, f"the end of the job killed {place}")
        time.sleep(0.5)  # whatever would still come to it
    finally:
        for engine in engines:
            with suppress(ProcessLookupError):
                os.killpg(engine, signal.SIGKILL)
    registry = open_registry(platform)
    return Came(
        jobs.get(job.id),
        jobs.events(job.id),
        registry.versions("knots"),
        registry.aliased("knots", "champion"),
        (folder / "state/begun").read_text().split(),
        not (folder / "state/die").exists(),
    )


def until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.05)


@pytest.mark.parametrize(("place", "victim"), EVERY, ids=[f"{victim}, {place}" for place, victim in EVERY])
def test_a_job_ends_once_and_has_one_version(
    outcomes: dict[tuple[str, str], Future[Came]], place: str, victim: str
) -> None:
    came = outcomes[place, victim].result()
    assert came.killed
    assert (came.job.state, came.job.progress, came.job.error) == ("COMPLETED", 100, None)
    assert came.job.result is not None
    assert came.job.result["promoted"]
    assert [event.what for event in came.events].count("finished") == 1
    assert came.events[-1].what == "finished"
    assert [version.tags["job"] for version in came.versions] == [came.job.id]
    assert came.champion is not None
    assert came.champion.version == came.job.result["version"] == came.versions[0].version
    assert len(came.begun) - len(set(came.begun)) <= 1, "at most the step under way was run again"
    tried_again = [event for event in came.events if event.what == "step_failed"]
    assert len(tried_again) == (victim == "worker")
