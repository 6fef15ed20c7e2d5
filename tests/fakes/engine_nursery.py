"""The pipelines in processes that can be killed: one that has imported everything once, and forks.

Each line read is a folder with configs and state; what is forked for it is the engine of that folder,
the first of a process group of its own. Its steps are forked by a nurse of its own, which dies with it as
a Ray task dies with its owner.

    python -m tests.fakes.engine_nursery
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import sys
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import mlflow  # noqa: F401  (its import takes seconds)
import psutil

from pipelines.drift import Looks
from pipelines.engine import Round
from pipelines.registry import reach
from pipelines.run import Came, Run
from pipelines.steps import Attempt, Ended, perform
from pipelines.triggers import Stores, Triggers
from pipelines.workflow import Workflows
from serve_app.adapters.sql_event_log import open_event_log
from serve_app.adapters.sql_jobs import SqlJobs, open_jobs
from serve_app.adapters.sql_reports import open_reports
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.jobs import Finish, Happened, JobEvent
from serve_app.core.platform import Platform
from tests.fakes.deadly_steps import DEADLY_STEPS, die_here


def platform_of(folder: Path) -> Platform:
    return Platform(state=str(folder / "state"))


def engine(folder: Path) -> None:
    """Like ``pipelines.engine.Engine``, with a store of jobs that kills and steps that die."""
    os.setsid()
    nurse = Nurse()  # before anything makes a thread
    platform, catalogue = platform_of(folder), UseCaseFolder(folder / "use_cases")
    state = Path(platform.state)
    jobs = DeadlyJobs(open_jobs(platform.store, state), state)
    stores = Stores(jobs, open_reports(platform.store, state), open_event_log(platform.store, state))  # type: ignore[arg-type]
    workflows = Workflows(jobs, catalogue, platform, nurse.start, poll_s=0.1)  # type: ignore[arg-type]
    workflows.open()
    looks = Looks(stores.log, lambda: reach(platform))
    every = Round(catalogue, platform, stores, workflows, Triggers(stores, looks.look))
    while True:
        every.tick()
        time.sleep(0.2)


class DeadlyJobs:
    """The store of jobs, with a place to die before and after everything that it is told."""

    def __init__(self, jobs: SqlJobs, state: Path) -> None:
        self._jobs, self._state = jobs, state

    def __getattr__(self, name: str) -> Any:
        return getattr(self._jobs, name)

    def start(self, job_id: str, at: datetime) -> bool:
        die_here(self._state, "accepted, not started")
        done = self._jobs.start(job_id, at)
        die_here(self._state, "started")
        return done

    def tell(self, job_id: str, at: datetime, what: Happened) -> JobEvent | None:
        die_here(self._state, f"before {what.what} of {what.step}")
        done = self._jobs.tell(job_id, at, what)
        die_here(self._state, f"after {what.what} of {what.step}")
        return done

    def finish(self, job_id: str, at: datetime, how: Finish) -> bool:
        die_here(self._state, "before the end")
        done = self._jobs.finish(job_id, at, how)
        die_here(self._state, "after the end")
        return done


class Nurse:
    """Forks a process for every step, from one without threads."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair()
        if os.fork() == 0:
            self._ours.close()
            _nurse(theirs)
        theirs.close()

    def start(self, step: str, run: Run, came: Came) -> Attempt:
        """Implements ``pipelines.steps.Start``."""
        answer = Path(run.platform.state) / f"answer-{time.monotonic_ns()}"
        self._ours.sendall(pickle.dumps((step, run, dict(came), answer)) + END)
        return ChildAttempt(int(self._ours.recv(16)), answer)


END = b"\n--end--\n"


def _nurse(line: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    waiting, children = b"", []
    while received := line.recv(65536):
        waiting += received
        while END in waiting:
            asked, waiting = waiting.split(END, 1)
            child = os.fork()
            if child == 0:
                _child(*pickle.loads(asked))
            children.append(child)
            line.sendall(str(child).encode())
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    os._exit(0)


def _child(step: str, run: Run, came: Came, answer: Path) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    draft = answer.with_suffix(".draft")
    draft.write_bytes(pickle.dumps(perform(step, run, came, DEADLY_STEPS)))
    draft.rename(answer)
    os._exit(0)


class ChildAttempt:
    def __init__(self, pid: int, answer: Path) -> None:
        self._pid, self._answer = pid, answer

    def wait(self, seconds: float) -> Ended | None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            alive = psutil.pid_exists(self._pid)  # before the look: it answers, then ends
            if self._answer.exists():
                ended: Ended = pickle.loads(self._answer.read_bytes())
                return ended
            if not alive:
                return Ended("failed", code="step_lost", text="the process of the step was lost")
            time.sleep(0.02)
        return None

    def stop(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        while psutil.pid_exists(self._pid):
            time.sleep(0.01)


if __name__ == "__main__":
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    for asked in sys.stdin:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(2, 1)
            engine(Path(asked.strip()))
        print(pid, flush=True)
