"""One attempt at a step: waited for, watched for a request to cancel, and told to the store of jobs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol, TypeVar

from pipelines.run import Came, Run
from pipelines.steps import Attempt, Ended, Start, told
from serve_app.core.errors import Unavailable, UnderstudyError
from serve_app.core.jobs import STEPS, Happened
from serve_app.core.ports import Jobs

log = logging.getLogger("understudy.pipelines")

LOOK_S = 0.5
"""Seconds between two looks at a step under way and at whether its job is to be cancelled."""

MARGIN_S = 60.0
"""What a step gets beyond the deadline that it keeps by itself."""

UNSTOPPABLE = frozenset({"promote"})
"""Steps that are not cut short: half of a promotion is worse than one too many."""

ENDLESS = frozenset({"score"})
"""Steps that last as long as there are rows."""

T = TypeVar("T")


class Stopping(BaseException):
    """These pipelines are closing: no outcome, and not an Exception, which DBOS would write down as one."""


class Patience(Protocol):
    def __call__(self, call: Callable[[], T]) -> T: ...


class Attempts:
    """``patiently`` makes a call again while the store is away, until ``closing``."""

    def __init__(
        self, jobs: Jobs, start: Start, patiently: Patience, closing: threading.Event, clock: Callable[[], datetime]
    ) -> None:
        self._jobs, self._start, self._patiently = jobs, start, patiently
        self._closing, self._clock = closing, clock

    def attempt(self, run: Run, step: str, place: int, came: Came, number: int) -> dict[str, Any]:
        """Never raises but Stopping. ``number`` counts from 1; all but the first wait before they begin."""
        if self._cancelled_before(run, number):
            return told(Ended("cancelled"))
        share = 100 // len(STEPS[run.kind])
        self._tell(run, Happened("step_started", step=step, progress=place * share))
        ended = self._started(run, step, came)
        self._tell_end(run, step, (place + 1) * share, number, came, ended)
        return told(ended)

    def _started(self, run: Run, step: str, came: Came) -> Ended:
        try:
            attempt = self._start(step, run, came)
        except Exception as error:
            log.exception("%s of job %s could not be started", step, run.job_id)
            return Ended("failed", code="step_lost", text=f"it could not be started ({type(error).__name__})")
        return self._watched(run, step, attempt, _deadline_s(run, step))

    def _cancelled_before(self, run: Run, number: int) -> bool:
        """Waits before a repetition, first ``back_off_s``, then twice as long each time."""
        until = time.monotonic() + (_back_off_s(run) * 2 ** (number - 2) if number > 1 else 0.0)
        while not self._to_cancel(run):
            left = until - time.monotonic()
            if left <= 0:
                return False
            if self._closing.wait(min(left, LOOK_S)):
                raise Stopping
        return True

    def _watched(self, run: Run, step: str, attempt: Attempt, deadline_s: float) -> Ended:
        started = time.monotonic()
        while True:
            ended = attempt.wait(LOOK_S)
            if ended is not None:
                return ended
            if self._closing.is_set():
                attempt.stop()
                raise Stopping
            took = time.monotonic() - started
            if step not in UNSTOPPABLE and self._to_cancel(run):
                attempt.stop()
                return Ended("cancelled", text="cancelled on request", duration_s=took)
            if took > deadline_s and step not in UNSTOPPABLE:
                attempt.stop()
                return Ended("refused", code="deadline", text=f"{step} took longer than {deadline_s:g} s")

    def _to_cancel(self, run: Run) -> bool:
        try:
            return self._jobs.get(run.job_id).cancel_requested
        except Unavailable:
            return False

    def _tell_end(self, run: Run, step: str, progress: int, number: int, came: Came, ended: Ended) -> None:
        if ended.trace:
            log.error("%s of job %s, attempt %d: %s", step, run.job_id, number, ended.trace)
        done = ended.how == "done"
        self._tell(
            run,
            Happened(
                "step_finished" if done else "step_failed",
                step=step,
                progress=min(progress, 99) if done else None,
                detail="" if done else f"attempt {number} {ended.how}: {ended.text}",
                inputs={"params": dict(run.params), "came": dict(came)},
                outputs=ended.outputs if done else None,
                duration_s=round(ended.duration_s, 3),
                log=ended.log,
            ),
        )

    def _tell(self, run: Run, what: Happened) -> None:
        self._patiently(lambda: self._jobs.tell(run.job_id, self._clock(), what))


def _back_off_s(run: Run) -> float:
    try:
        return run.configured().retraining.back_off_s
    except UnderstudyError:
        return 0.0


def _deadline_s(run: Run, step: str) -> float:
    try:
        return float("inf") if step in ENDLESS else run.configured().retraining.deadline_s + MARGIN_S
    except UnderstudyError:
        return MARGIN_S
