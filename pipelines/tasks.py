"""A step in a process of its own that ends with it, on the cluster.

``num_cpus=0``: a step waits and reads, and what computes asks the cluster for itself. Nothing is retried by Ray:
whether a step is tried again is the workflow's to say, which writes it down.
"""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError

from pipelines.run import Came, Outputs, Run
from pipelines.steps import STEPS, Attempt, Ended, perform
from serve_app.adapters.hop import ours
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core import jobs
from serve_app.core.platform import Platform

log = logging.getLogger("understudy.pipelines")

STOP_S = 10.0

UNASKED_S = 60.0
"""So long a process may wait for its step."""


class StepProcess:
    """An actor, for one step. It comes up with all that its step imports, which takes a second, and with what the step
    has ``come_up`` for."""

    def __init__(self, step: str) -> None:
        module = importlib.import_module(STEPS[step].partition(":")[0])
        getattr(module, "come_up", _nothing)()

    def perform(self, step: str, run: Run, came: Came) -> Ended:
        return perform(step, run, came)


class RayAttempt:
    """Implements ``Attempt``. ``process``: the actor, which ends with the attempt. ``over`` is told once whether the
    step was done."""

    def __init__(self, process: Any, step: str, run: Run, came: Came, over: Callable[[bool], None]) -> None:
        self._process, self._step, self._over = process, step, over
        self._task = process.perform.options(name=f"step:{step}").remote(step, run, dict(came))

    def wait(self, seconds: float) -> Ended | None:
        try:
            ended: Ended = ray.get(self._task, timeout=seconds)
        except GetTimeoutError:
            return None
        except RayError as error:
            log.warning("the step %s was lost: %s", self._step, error)
            ended = Ended("failed", code="step_lost", text=f"the process of the step was lost ({type(error).__name__})")
        self._end(ended.how == "done")
        return ended

    def stop(self) -> None:
        """With it goes what it has started: Ray ends what nobody owns any more."""
        self._end(False)
        try:
            ray.get(self._task, timeout=STOP_S)
        except GetTimeoutError:
            log.warning("the step %s is slow to stop", self._step)
        except RayError:
            return

    def _end(self, done: bool) -> None:
        ray.kill(self._process)
        self._over(done)


class RaySteps:
    """Implements ``Start`` on the cluster that this process belongs to. The process of a job's next step comes up
    while the one before is under way: else a retrain would wait for five, one after the other."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ready: dict[tuple[str, str], tuple[Any, float]] = {}
        """By job and step: a process that nobody uses yet, and since when it may be asked for."""
        self._under_way: set[object] = set()

    @property
    def busy(self) -> bool:
        return bool(self._under_way or self._ready)

    def __call__(self, step: str, run: Run, came: Came) -> Attempt:
        self._under_way.add(mark := object())  # first, and taken away last: between two steps there is no rest
        process, _ = self._ready.pop((run.job_id, step), None) or (_process(step), 0.0)
        follows = _after(step, run.kind)
        following = None if follows is None else _process(follows)

        def over(done: bool) -> None:
            if follows is not None and done:
                self._ready[run.job_id, follows] = (following, self._clock())
            elif follows is not None:
                ray.kill(following)
            self._under_way.discard(mark)

        return RayAttempt(process, step, run, came, over)

    def tidy(self) -> None:
        """Ends what waits for a step that does not come, as where a job is cancelled between two."""
        now = self._clock()
        for which, (process, since) in list(self._ready.items()):
            if now - since > UNASKED_S and self._ready.pop(which, None) is not None:
                ray.kill(process)


def _nothing() -> None:
    return None


def _after(step: str, kind: jobs.Kind) -> str | None:
    steps = jobs.STEPS[kind]
    place = steps.index(step) + 1
    return steps[place] if place < len(steps) else None


def _process(step: str) -> Any:
    return ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0)(StepProcess).remote(step)


def best(catalogue: UseCaseFolder, platform: Platform, use_case: str, by: str, reason: str) -> Outputs:
    """``promote_best`` in a process of its own. Raises what it raised, Unavailable when it was lost."""
    task = ray.remote(**_apart(f"best:{use_case}"))(_best).remote(catalogue, platform, use_case, by, reason)
    try:
        found: Outputs = ray.get(task)
    except RayError as error:
        raise ours(error) from None
    return found


def first_champions(catalogue: UseCaseFolder, platform: Platform, tell: Callable[[str, str], None]) -> None:
    """``bootstrap`` in a process of its own, and what it tells as it tells it. Raises what it raised,
    Unavailable when it was lost."""
    telling = ray.remote(**_apart("first champions"))(_telling).remote(catalogue, platform)
    try:
        for each in telling:
            tell(*ray.get(each))
    except RayError as error:
        raise ours(error) from None


def _apart(name: str) -> dict[str, Any]:
    # ``max_calls``: the process ends with the task, and so does what a library left behind in it.
    return {"num_cpus": 0, "max_retries": 0, "max_calls": 1, "name": name}


def _telling(catalogue: UseCaseFolder, platform: Platform) -> Iterator[tuple[str, str]]:
    from pipelines.bootstrap import bootstrap

    told: SimpleQueue[tuple[str, str] | None] = SimpleQueue()
    with ThreadPoolExecutor(max_workers=1) as aside:
        done = aside.submit(bootstrap, catalogue.names(), catalogue, platform, lambda *each: told.put(each))
        done.add_done_callback(lambda _: told.put(None))
        while (each := told.get()) is not None:
            yield each
        done.result()


def _best(catalogue: UseCaseFolder, platform: Platform, use_case: str, by: str, reason: str) -> Outputs:
    from pipelines.promote import promote_best

    return promote_best(catalogue, platform, use_case, by, reason)
