"""The step ``train``, and first champions. Students are trained on the cluster; what comes of it is a value.

train(tasks)            one outcome a task, for rows that are at hand
challenger(run, came)   every family on the dataset that ``prepare`` left; the best one is registered
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.fs
import ray

from pipelines.candidates import Candidate, best_of, families_of, key_of, output_of, tags_of
from pipelines.certify import grounded, next_number, of_dataset
from pipelines.data_root import DataRoot
from pipelines.dataset import Dataset, open_dataset
from pipelines.outcome import Outcome, TrainFailure
from pipelines.registry import reach
from pipelines.run import Came, Outputs, Refusal, Run
from pipelines.same_shape import unchanged
from pipelines.train_run import Lost, Over, Plan, TrainTask, carry_out, come_up
from serve_app.core.errors import UnderstudyError
from serve_app.core.jobs import STEPS
from serve_app.core.platform import Platform
from serve_app.core.ports import Registry
from serve_app.core.use_case import UseCase

__all__ = ["TrainTask", "challenger", "come_up", "room", "train"]

log = logging.getLogger(__name__)

CHAMPION = "champion"
FOLDER = "training"
"""Below the use case in the data root: what a run keeps for its next attempt, by job."""

THREADS = 2
"""Of a worker: LightGBM and XGBoost let go of the interpreter's lock."""


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
    ``storage_path``: a folder or a URI that every worker reaches; ``threads`` are those of one worker."""
    filesystem, root = pyarrow.fs.FileSystem.from_uri(_absolute(storage_path))
    path = f"{root.rstrip('/')}/train-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    keys = tuple(map(str, range(len(tasks))))
    plan = Plan(filesystem, path, keys, num_workers, threads, cpus_per_worker)
    try:
        lost = None
        try:
            carry_out(plan, tasks, deadline_s, lambda: None)
        except (Over, Lost) as error:
            lost = str(error)
        return _outcomes(plan, [task.use_case for task in tasks], lost or "training ended early")
    finally:
        plan.folder().delete()


def challenger(run: Run, came: Came, reach: Callable[[Platform], Registry] = reach) -> Outputs:
    """Registers the family that does best on rows it has not learned from. Raises Refusal when none can be
    trained, or not by the deadline; Lost when the run was, and then goes on where it stood when it is
    tried again."""
    use_case = run.configured()
    registry = reach(run.platform)
    for version in registry.versions(use_case.name):
        if version.tags.get("job") == run.job_id:
            return output_of(version)
    root = DataRoot(run.platform)
    dataset = open_dataset(came["prepare"]["dataset"], run.platform)
    unchanged(use_case, dataset)
    for job in set(root.folders(use_case.name, FOLDER)) - {run.job_id}:  # one retrain at a time: it is over
        root.delete_folder(use_case.name, FOLDER, job)
    candidates = _trained(run, root, use_case, dataset)
    output = _registered(run, use_case, registry, dataset, came["prepare"]["dataset"], candidates)
    root.delete_folder(use_case.name, FOLDER, run.job_id)
    return output


def _trained(run: Run, root: DataRoot, use_case: UseCase, dataset: Dataset) -> list[Candidate]:
    families = families_of(use_case)
    keys = tuple(key_of(place, each, dataset) for place, each in enumerate(families))
    workers, cpus = room(use_case.retraining.num_workers)
    path = root.path(use_case.name, FOLDER, run.job_id)
    streamed = dataset.manifest.rows["learn"] > use_case.retraining.rows_in_memory
    plan = Plan(root.filesystem, path, keys, workers, THREADS, cpus, dataset, streamed)
    tasks = [TrainTask(each, None) for each in families]
    why = "training ended early"
    try:
        carry_out(plan, tasks, use_case.retraining.deadline_s, Watch(run, plan, families))
    except Over as over:
        why = str(over)
    outcomes = _outcomes(plan, families, why)
    return [Candidate(each.student.kind, outcome) for each, outcome in zip(families, outcomes, strict=True)]


def _registered(
    run: Run, use_case: UseCase, registry: Registry, dataset: Dataset, path: str, candidates: Sequence[Candidate]
) -> Outputs:
    found = best_of(candidates)
    if found is None:
        DataRoot(run.platform).delete_folder(use_case.name, FOLDER, run.job_id)
        told = "; ".join(f"{each.family}: {each.told()['failure']}" for each in candidates)
        raise Refusal("no_challenger", f"no student came of it: {told}")
    best, bundle = found
    number = next_number(registry.versions(use_case.name))
    made = grounded(use_case, bundle, of_dataset(run, use_case, dataset), number, run.job_id)
    champion = registry.aliased(use_case.name, CHAMPION)
    parent = champion.version if champion else ""
    given = {"job": run.job_id, "origin": run.trigger, "dataset": path, "parent": parent}
    tags = {**tags_of(made.bundle, best.family, candidates, dataset, given), **made.tags}
    return output_of(registry.register(use_case.name, made.bundle, best.metrics or {}, tags))


class Watch:
    """Tells how many bags are grown, as progress within the step."""

    def __init__(self, run: Run, plan: Plan, families: Sequence[UseCase]) -> None:
        self._run, self._folder, self._seen = run, plan.folder(), -1
        models = 1 if run.configured().target.kind == "classification" else 3
        self._bags = sum(each.student.bags * models for each in families)

    def __call__(self) -> None:
        try:
            grown = self._folder.count()
            if grown != self._seen:
                self._run.tell(self._progress(grown), f"{grown} of {self._bags} bags grown")
                self._seen = grown
        except (UnderstudyError, OSError) as error:  # nobody's training ends because nobody can be told
            log.warning("progress could not be told: %s", error)

    def _progress(self, grown: int) -> int:
        steps = STEPS["train"]
        share = 100 // len(steps)
        return share * steps.index("train") + share * min(grown, self._bags) // max(self._bags, 1)


def _outcomes(plan: Plan, use_cases: Sequence[UseCase], why: str) -> list[Outcome]:
    folder = plan.folder()
    return [
        folder.outcome(key, each.name) or TrainFailure(each.name, why)
        for key, each in zip(plan.keys, use_cases, strict=True)
    ]


def room(wanted: int) -> tuple[int, float]:
    """Workers, and what each asks for: no more than there is room for, since a group that does not fit would
    wait until its deadline. Where serving leaves less than a core, one worker takes what is left."""
    free = ray.available_resources().get("CPU", 0.0)
    if free >= 1:
        return max(1, min(int(free), wanted)), 1.0
    return 1, max(int(free * 100) / 100, 0.01)


def _absolute(storage_path: str) -> str:
    return storage_path if "://" in storage_path else str(Path(storage_path).resolve())
