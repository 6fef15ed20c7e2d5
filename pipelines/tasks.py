"""A step as a Ray task, in a process of its own that ends with it.

``num_cpus=0``: a step waits and reads, and what computes asks the cluster for itself. ``max_retries=0``:
whether it is tried again is the workflow's to say, which writes it down.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError, TaskCancelledError

from pipelines.run import Came, Outputs, Run
from pipelines.steps import Attempt, Ended, perform
from serve_app.adapters.hop import ours
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.platform import Platform

log = logging.getLogger("understudy.pipelines")

STOP_S = 10.0


class RayTask:
    """Implements ``Attempt``."""

    def __init__(self, task: ray.ObjectRef[Ended], step: str) -> None:
        self._task, self._step = task, step

    def wait(self, seconds: float) -> Ended | None:
        try:
            ended: Ended = ray.get(self._task, timeout=seconds)
        except GetTimeoutError:
            return None
        except RayError as error:
            log.warning("the step %s was lost: %s", self._step, error)
            return Ended("failed", code="step_lost", text=f"the process of the step was lost ({type(error).__name__})")
        return ended

    def stop(self) -> None:
        ray.cancel(self._task, force=True, recursive=True)
        try:
            ray.get(self._task, timeout=STOP_S)
        except (TaskCancelledError, RayError):
            return
        except GetTimeoutError:
            log.warning("the step %s is slow to stop", self._step)


def start_task(step: str, run: Run, came: Came) -> Attempt:
    """Implements ``Start`` on the cluster that this process belongs to."""
    return RayTask(ray.remote(**_apart(f"step:{step}"))(_step).remote(step, run, dict(came)), step)


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


def _step(step: str, run: Run, came: Came) -> Ended:
    return perform(step, run, came)


def _best(catalogue: UseCaseFolder, platform: Platform, use_case: str, by: str, reason: str) -> Outputs:
    from pipelines.promote import promote_best

    return promote_best(catalogue, platform, use_case, by, reason)
