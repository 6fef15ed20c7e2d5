"""One run of Ray Train for a list of students: a worker group takes seconds to come up whatever it then
does, so that it comes up once for all of them.

Rows that are in memory travel as objects. A dataset is read by every worker, all of it: file by file where a worker may
hold it, else by Ray Data, in batches of which each worker keeps what its bags need. Ray Data's own processes take six
seconds to come up.
"""

from __future__ import annotations

import logging
import posixpath
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.fs
import ray
from ray.exceptions import RayError

from pipelines.at_hand import bring_up
from pipelines.data_root import read_table
from pipelines.dataset import Dataset
from pipelines.labelled import LabelledRows
from pipelines.run_folder import RunFolder
from serve_app.core.use_case import UseCase

log = logging.getLogger(__name__)

QUICK = {
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",  # the controller notices the end of training this often
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_WARN_BLOCKING_GET_INSIDE_ASYNC": "0",
    "OMP_WAIT_POLICY": "PASSIVE",
}
"""Ray Train's settings for short runs, in the environment of the run's own processes. They are also
told which Ray they belong to: parts of Ray Train look for one, and a machine may have several. The last but one is
what Ray Train adds by itself: so all of a run's processes have the same environment, and one that is there already
is as good as another."""

OWN = 3
"""Processes that Ray Train starts one after the other, besides its controller: two of its actors and a worker."""

LOSSES = 3
"""How often a worker may be lost before the run is."""

BATCH = 8_192
READS = 64
"""Tasks into which the reading of a dataset is cut at most: each starts anew, and is repeated when lost."""

LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class TrainTask:
    """One student to be trained. ``labelled``: None to learn from the run's dataset."""

    use_case: UseCase
    labelled: LabelledRows | None


@dataclass(frozen=True, slots=True)
class Plan:
    """``path``: a folder of ``filesystem`` that every worker reaches, and that is this run's alone. What is
    in it already is not done again. ``threads`` are those of one worker. ``streamed``: no worker may hold the
    dataset."""

    filesystem: pyarrow.fs.FileSystem
    path: str
    keys: tuple[str, ...]
    num_workers: int
    threads: int
    cpus_per_worker: float
    dataset: Dataset | None = None
    streamed: bool = False

    def folder(self) -> RunFolder:
        return RunFolder(self.filesystem, self.path)


class Over(Exception):
    """The run was ended at its deadline."""


class Lost(Exception):
    """The run was lost to something outside of it."""


class Runner:
    """An actor, for one run: a process of its own, so that at the deadline all that it started can be ended with it.
    It comes up with Ray Train imported, which takes two seconds."""

    def __init__(self) -> None:
        import ray.train  # noqa: F401
        from ray.train.v2.api import data_parallel_trainer  # noqa: F401

    def run(self, plan: Plan, tasks: list[ray.ObjectRef[TrainTask]]) -> None:
        _run(plan, tasks)


_ready: list[Any] = []
"""Of this process: a ``Runner`` that came up before there was a plan."""


def come_up() -> None:
    """Brings up, aside, what the next ``carry_out`` of this process will need."""
    _ready.append(_runner())
    _come_up_coordinator()


def _runner() -> Any:
    env = {**QUICK, "RAY_ADDRESS": ray.get_runtime_context().gcs_address}
    return ray.remote(num_cpus=0, max_restarts=0, runtime_env={"env_vars": env})(Runner).remote()


def _come_up_coordinator() -> None:
    """Ray Train's own, which its controller would start and wait for."""
    try:
        from ray.data._internal.cluster_autoscaler.default_autoscaling_coordinator import (
            get_or_create_autoscaling_coordinator,
        )
    except ImportError:  # another Ray has it elsewhere, and Ray Train starts it by itself
        return
    get_or_create_autoscaling_coordinator()


def carry_out(plan: Plan, tasks: Sequence[TrainTask], deadline_s: float, look: Callable[[], None]) -> None:
    """Runs the plan to its end; ``look`` is called every now and then. Raises Over or Lost; what was finished
    by then is in the plan's folder."""
    runner = _ready.pop() if _ready else _runner()
    until = time.monotonic() + deadline_s
    run = runner.run.remote(plan, [ray.put(task) for task in tasks])
    try:
        while not ray.wait([run], timeout=max(0.0, min(LOOK_S, until - time.monotonic())))[0]:
            look()
            if time.monotonic() >= until:
                raise Over(f"training took longer than {deadline_s:g} s")
        ray.get(run)
    except RayError as error:
        log.warning("a training run was lost: %s", error)
        raise Lost(f"training was lost: {_last_line(error)}") from None
    finally:
        ray.kill(runner)


def _run(plan: Plan, tasks: list[ray.ObjectRef[TrainTask]]) -> None:
    from ray.train import CheckpointConfig, DataConfig, FailureConfig, RunConfig, ScalingConfig
    from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

    bring_up(OWN, "ray.train", "ray.train.v2._internal.execution.worker_group.worker")
    DataParallelTrainer(
        _loop,
        train_loop_config={"plan": plan, "tasks": tasks},
        datasets={"learn": _read(plan.dataset)} if plan.dataset is not None and plan.streamed else {},
        dataset_config=DataConfig(datasets_to_split=[]),
        scaling_config=ScalingConfig(num_workers=plan.num_workers, resources_per_worker={"CPU": plan.cpus_per_worker}),
        run_config=RunConfig(
            name=f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}",
            storage_path=posixpath.join(plan.path, "ray"),
            storage_filesystem=plan.filesystem,
            failure_config=FailureConfig(max_failures=LOSSES),
            checkpoint_config=CheckpointConfig(num_to_keep=1),
        ),
    ).fit()


def _read(dataset: Dataset) -> Any:
    """Lazily, file by file. ``num_cpus=0``: every core may be taken by the workers that wait for these rows
    (``read_parquet`` lists its files on a core of its own, and would wait for ever); ``size=1``: one
    reader keeps a worker busy, and each more is a process that has to start."""
    import ray.data

    ray.data.DataContext.get_current().enable_progress_bars = False
    files = dataset.files("learn")
    items = ray.data.from_items([{"file": file} for file in files], override_num_blocks=min(len(files), READS) or 1)
    reader, one = partial(_tables, dataset.filesystem), ray.data.TaskPoolStrategy(size=1)
    return items.map_batches(reader, batch_size=None, batch_format="numpy", num_cpus=0, compute=one)


def _tables(filesystem: pyarrow.fs.FileSystem, batch: Mapping[str, Any]) -> Iterator[pa.Table]:
    for file in batch["file"]:
        yield read_table(filesystem, str(file))


def _loop(config: dict[str, Any]) -> None:
    """What every worker runs."""
    import ray.train
    from ray.train.collective import barrier, broadcast_from_rank_zero

    from pipelines.train_worker import Worker

    plan: Plan = config["plan"]
    context = ray.train.get_context()
    worker = Worker(
        context.get_world_rank(), context.get_world_size(), plan.folder(),
        barrier, broadcast_from_rank_zero, plan.threads,
    )  # fmt: skip
    worker.train(plan.keys, _lots(plan, config["tasks"]))
    ray.train.report({"students": len(plan.keys)})


def _lots(plan: Plan, tasks: Sequence[ray.ObjectRef[TrainTask]]) -> Iterator[Any]:
    from pipelines.teaching import AtHand, Streamed, tables
    from pipelines.train_worker import Lot

    streamed: Streamed | None = None
    for key, ref in zip(plan.keys, tasks, strict=True):
        task: TrainTask = ray.get(ref)
        if task.labelled is not None:
            yield Lot(key, task.use_case, AtHand(task.use_case, task.labelled))
            continue
        assert plan.dataset is not None
        most = task.use_case.retraining.rows_in_memory
        batches = _batches if plan.streamed else partial(tables, plan.dataset, "learn")
        streamed = streamed or Streamed(task.use_case, plan.dataset, batches, most)
        yield Lot(key, task.use_case, streamed)


def _batches() -> Iterable[pa.Table]:
    import ray.train

    found: Iterable[pa.Table] = ray.train.get_dataset_shard("learn").iter_batches(
        batch_size=BATCH, batch_format="pyarrow", prefetch_batches=1
    )
    return found


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1][:300]
