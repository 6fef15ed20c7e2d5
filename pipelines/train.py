"""``fit`` on the cluster, through Ray Train: several use cases in one worker group, one after the other.

A worker group takes seconds to come up whatever it then does, so that it comes up once for a list of
tasks. Workers share out the bags of each student: every bag is grown whole on one worker, so that the
student is the same, byte for byte, on any number of them, and there is no network of LightGBM's own
in which one that stops early leaves the others waiting. Finished students are kept in the run's
folder at once: a worker group that is started again after a loss goes on with the next.

``storage_path`` is a folder or a URI that every worker reaches.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError

from pipelines.labelled import LabelledRows
from pipelines.outcome import Outcome, TrainFailure
from pipelines.run_folder import RunFolder
from serve_app.core.use_case import UseCase

log = logging.getLogger(__name__)

QUICK = {
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",  # the controller notices the end of training this often
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "OMP_WAIT_POLICY": "PASSIVE",
}
"""Ray Train's settings for short runs, in the environment of the run's own processes. They are also
told which Ray they belong to: parts of Ray Train look for one, and a machine may have several."""


@dataclass(frozen=True, slots=True)
class TrainTask:
    """One student to be trained."""

    use_case: UseCase
    labelled: LabelledRows


def train(
    tasks: Sequence[TrainTask],
    *,
    num_workers: int,
    storage_path: str,
    deadline_s: float,
    threads: int = 1,
    cpus_per_worker: float = 1,
) -> list[Outcome]:
    """One outcome a task, in order; one that fails does not spoil the others. Never raises for what
    happens in training: a run that is lost, or over ``deadline_s``, fails those not finished by then.
    ``threads`` are those of one worker."""
    storage_path = storage_path if "://" in storage_path else str(Path(storage_path).resolve())
    name = f"train-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    plan = Plan(name, storage_path, num_workers, threads, cpus_per_worker)
    lost = _lost(plan, [ray.put(task) for task in tasks], deadline_s)
    folder = RunFolder(storage_path, name)
    try:
        return [
            folder.outcome(place, task.use_case.name)
            or TrainFailure(task.use_case.name, lost or "training ended early")
            for place, task in enumerate(tasks)
        ]
    finally:
        folder.delete()


@dataclass(frozen=True, slots=True)
class Plan:
    name: str
    storage_path: str
    num_workers: int
    threads: int
    cpus_per_worker: float


def _lost(plan: Plan, tasks: Sequence[ray.ObjectRef[TrainTask]], deadline_s: float) -> str | None:
    """Runs the plan; None when it came to its end. The run is a task of its own, so that at the
    deadline all that it started can be ended with it."""
    env = {**QUICK, "RAY_ADDRESS": ray.get_runtime_context().gcs_address}
    start = ray.remote(num_cpus=0, max_retries=0, max_calls=1, runtime_env={"env_vars": env})(_run)
    run = start.remote(plan, list(tasks))
    try:
        ray.get(run, timeout=deadline_s)
    except GetTimeoutError:
        ray.cancel(run, force=True)
        return f"training took longer than {deadline_s:g} s"
    except RayError as error:
        log.warning("%s was lost: %s", plan.name, error)
        return f"training was lost: {_last_line(error)}"
    return None


def _run(plan: Plan, tasks: list[ray.ObjectRef[TrainTask]]) -> None:
    from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
    from ray.train.lightgbm import LightGBMTrainer

    LightGBMTrainer(
        _loop,
        train_loop_config={"plan": plan, "tasks": tasks},
        scaling_config=ScalingConfig(num_workers=plan.num_workers, resources_per_worker={"CPU": plan.cpus_per_worker}),
        run_config=RunConfig(
            name=plan.name,
            storage_path=plan.storage_path,
            failure_config=FailureConfig(max_failures=1),
            checkpoint_config=CheckpointConfig(num_to_keep=1),
        ),
    ).fit()


def _loop(config: dict[str, Any]) -> None:
    """What every worker runs."""
    import ray.train
    from ray.train.collective import barrier

    plan: Plan = config["plan"]
    context = ray.train.get_context()
    worker = Worker(
        context.get_world_rank(), context.get_world_size(), RunFolder(plan.storage_path, plan.name), barrier
    )
    for place, ref in enumerate(config["tasks"]):
        worker.train(place, ray.get(ref), plan.threads)
    with tempfile.TemporaryDirectory() as local:
        checkpoint = None
        if worker.rank == 0:
            (Path(local) / "finished.txt").write_text(str(len(config["tasks"])))
            checkpoint = ray.train.Checkpoint.from_directory(local)
        ray.train.report({"tasks": len(config["tasks"])}, checkpoint=checkpoint)


@dataclass(frozen=True, slots=True)
class Worker:
    """One of ``size`` workers on the same tasks. ``wait`` returns when all have called it; every
    worker calls it as often as the others, whatever fails."""

    rank: int
    size: int
    folder: RunFolder
    wait: Callable[[], None]

    def train(self, place: int, task: TrainTask, threads: int) -> None:
        if self.folder.outcome(place, task.use_case.name) is not None:
            return
        try:
            finish = self._grow(place, task, threads)
        except Exception as error:
            finish = self._failing(task, error)
        self._meet()
        if self.rank == 0:
            self.folder.put(place, self._outcome(task, finish))
        self._meet()

    def _grow(self, place: int, task: TrainTask, threads: int) -> Callable[[], Outcome]:
        """Grows this worker's bags; what is returned puts all bags together, once everyone has met."""
        from pipelines.fit import bundle, finish, grow_all, jobs, part
        from pipelines.lesson import prepare

        parts = part(task.use_case, task.labelled)
        if isinstance(parts, TrainFailure):
            return lambda: parts
        prepared = prepare(task.use_case, parts.learn)
        every = jobs(prepared)
        grown = grow_all(task.use_case, prepared, every[self.rank :: self.size], threads)
        if self.rank:
            self.folder.put_bags(place, self.rank, grown)

        def together() -> Outcome:
            bags = {**grown, **self.folder.bags(place, range(1, self.size))}
            ordered = {job: bags[job] for job in every}
            fitted = finish(task.use_case, parts, prepared, ordered, threads)
            return bundle(task.use_case, fitted, datetime.now(UTC))

        return together

    def _outcome(self, task: TrainTask, finish: Callable[[], Outcome]) -> Outcome:
        try:
            return finish()
        except Exception as error:
            return self._failing(task, error)()

    def _failing(self, task: TrainTask, error: Exception) -> Callable[[], Outcome]:
        log.exception("%s: training failed", task.use_case.name)
        failure = TrainFailure(task.use_case.name, f"{type(error).__name__}: {error}")
        return lambda: failure

    def _meet(self) -> None:
        if self.size > 1:
            self.wait()


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1][:300]
