"""The step ``train`` on two simulated nodes of one core each: whatever it reads comes over Ray Data."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
import ray
from ray.cluster_utils import Cluster

from pipelines.candidates import families_of, key_of
from pipelines.data_root import DataRoot
from pipelines.dataset import Dataset, open_dataset, part_of, write
from pipelines.run import Came, Outputs, Refusal, Run
from pipelines.run_folder import RunFolder
from pipelines.teaching import Streamed, tables
from pipelines.train import challenger
from pipelines.train_run import Plan, TrainTask, carry_out
from pipelines.train_worker import Lot, Worker
from serve_app.adapters.memory_registry import MemoryRegistry
from serve_app.adapters.sql_jobs import open_jobs
from serve_app.adapters.students import load_student
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.bundle import check, read_manifest
from serve_app.core.jobs import Job
from serve_app.core.platform import Data, Platform
from serve_app.core.ports import Bundle
from tests.fakes.s3_server import S3Server, s3_server
from tests.fakes.small_models import USE_CASES, stones, trained, write_use_case

pytestmark = pytest.mark.cluster

AT = datetime(2026, 3, 1, tzinfo=UTC)
STUDENT = {"kind": "lightgbm", "rounds": 12, "bags": 3, "text": {"components": 2, "char_ngrams": None}}
FAMILIES = [{**STUDENT, "kind": "xgboost"}, {**STUDENT, "params": {"num_leaves": -5}}]


@pytest.fixture(scope="module")
def bucket() -> Iterator[S3Server]:
    with s3_server() as started:
        yield started


@pytest.fixture(scope="module")
def two_nodes(bucket: S3Server) -> Iterator[Cluster]:
    """Started after the bucket, whose credentials the workers find in their environment."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    yield cluster
    ray.shutdown()
    cluster.shutdown()


class Desk:
    """A use case with a dataset, as the steps before have left it."""

    def __init__(
        self, folder: Path, rows: int = 600, student: Any = None, data: Data | None = None, **retraining: Any
    ) -> None:
        self.platform = Platform(state=str(folder / "state"), data=data or Data())
        whole = {**USE_CASES["stones"], "student": student or STUDENT, "retraining": retraining}
        write_use_case(folder / "configs", "stones", {**whole, "name": "stones", "title": "Stones"})
        self.catalogue = UseCaseFolder(folder / "configs" / "use_cases")
        self.registry, self.root, self._rows = MemoryRegistry(), DataRoot(self.platform), rows

    def run(self, job_id: str) -> Run:
        return Run(job_id, "train", "stones", {}, "new_labels", AT, self.catalogue, self.platform)

    def prepared(self, job_id: str) -> Came:
        parts = ("stones", "processed", job_id)
        use_case = self.catalogue.get("stones")
        learn, gold = part_of(stones(self._rows, 1)), part_of(stones(150, 2), source="person")
        write(self.root.filesystem, self.root.path(*parts), use_case, learn, gold)
        return {"prepare": {"dataset": self.root.address(*parts)}}

    def dataset(self, came: Came) -> Dataset:
        return open_dataset(came["prepare"]["dataset"], self.platform)

    def challenge(self, job_id: str) -> Outputs:
        return challenger(self.run(job_id), self.prepared(job_id), lambda platform: self.registry)

    def bundle(self, version: str) -> Bundle:
        return self.registry.fetch("stones", version)


def files(bundle: Bundle) -> dict[str, bytes]:
    return {name: content for name, content in bundle.items() if name != "manifest.json"}


def test_two_workers_on_two_nodes_register_the_student_that_one_makes_of_the_best_family(
    two_nodes: Cluster, tmp_path: Path, bucket: S3Server
) -> None:
    """Three times as many rows as a worker may hold, and one family that cannot be trained. All that is
    read and kept under way lies in a bucket."""
    data = Data(root=f"s3://{bucket.bucket}/challenger", s3_endpoint=bucket.endpoint)
    desk = Desk(tmp_path, data=data, families=FAMILIES, num_workers=2, rows_in_memory=200, deadline_s=400)
    use_case = desk.catalogue.get("stones")
    desk.registry.register("stones", trained(use_case), {}, {})
    desk.registry.set_alias("stones", "champion", "1")
    with_events(desk, "job-1")
    found = desk.challenge("job-1")
    version = desk.registry.version("stones", found["version"])
    told = {each["family"]: each for each in found["candidates"][:2]}
    assert found["family"] == min(told, key=lambda family: told[family]["held_out_loss"])
    assert "num_leaves" in found["candidates"][2]["failure"]
    tags = version.tags
    assert (tags["job"], tags["origin"], tags["parent"], tags["family"]) == (
        "job-1",
        "new_labels",
        "1",
        found["family"],
    )
    assert json.loads(tags["label_mix"]) == {"file": 600}
    assert json.loads(tags["held_out"])["held_out_accuracy"] > 0.6
    bundle = desk.bundle(found["version"])
    assert check(bundle, use_case).data.rows == 600
    assert read_manifest(bundle).metrics["rows_gold"] == 150
    assert load_student(bundle, "2").version == "2"
    assert desk.challenge("job-1") == found
    assert len(desk.registry.versions("stones")) == 2
    assert desk.root.folders("stones", "training") == []
    assert any("bags grown" in detail for detail in events(desk, "job-1"))
    assert files(alone(desk, desk.prepared("job-2"), desk.root.path("alone"))[found["family"]]) == files(bundle)


def alone(desk: Desk, came: Came, folder: str) -> dict[str, Bundle]:
    """By family, what one worker makes of the same dataset in this process, reading file by file."""
    found, run = desk.dataset(came), RunFolder(desk.root.filesystem, folder)
    cases = families_of(desk.catalogue.get("stones"))[:2]
    teaching = Streamed(cases[0], found, lambda: tables(found, "learn"), cases[0].retraining.rows_in_memory)
    lots = [Lot(case.student.kind, case, teaching) for case in cases]
    Worker(0, 1, run, lambda: None, lambda keys: keys).train([lot.key for lot in lots], lots)
    outcomes = {lot.key: run.outcome(lot.key, "stones") for lot in lots}
    return {family: outcome for family, outcome in outcomes.items() if isinstance(outcome, dict)}


def with_events(desk: Desk, job_id: str) -> None:
    jobs = open_jobs(desk.platform.store, Path(desk.platform.state))
    jobs.accept(Job(job_id, "train", "stones", {}, "someone", "api", AT))
    jobs.start(job_id, AT)
    jobs.close()


def events(desk: Desk, job_id: str) -> list[str]:
    jobs = open_jobs(desk.platform.store, Path(desk.platform.state))
    try:
        return [event.detail for event in jobs.events(job_id)]
    finally:
        jobs.close()


def test_a_killed_worker_is_replaced_and_grows_no_bag_again(two_nodes: Cluster, tmp_path: Path) -> None:
    slow = {**STUDENT, "bags": 6, "rounds": 1_500, "early_stopping_rounds": 1_500}
    desk = Desk(tmp_path, rows=3_000, student=slow)
    found = desk.dataset(desk.prepared("job-3"))
    use_case = desk.catalogue.get("stones")
    key = key_of(0, use_case, found)
    plan = Plan(desk.root.filesystem, str(tmp_path / "run"), (key,), 1, 1, 1.0, found)
    killed: list[dict[str, int]] = []

    def kill_once_a_bag_is_grown() -> None:
        until = time.monotonic() + 300
        while not plan.folder().count() and time.monotonic() < until:
            time.sleep(0.02)
        worker = train_workers(two_nodes)[0]
        worker.kill()
        worker.wait(10)
        killed.append(stamps(tmp_path))

    killer = threading.Thread(target=kill_once_a_bag_is_grown)
    killer.start()
    carry_out(plan, [TrainTask(use_case, None)], 400, lambda: None)
    killer.join()
    assert 0 < len(killed[0]) < 6, "the worker was killed between two bags"
    after = stamps(tmp_path)
    assert {name: after[name] for name in killed[0]} == killed[0]
    outcome = plan.folder().outcome(key, "stones")
    assert isinstance(outcome, dict), outcome


def stamps(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (folder / "run" / "bags").rglob("*.npz")}


def test_it_ends_by_its_deadline(two_nodes: Cluster, tmp_path: Path) -> None:
    slow = {**STUDENT, "rounds": 1_000_000, "early_stopping_rounds": 1_000_000, "params": {"num_leaves": 60}}
    desk = Desk(tmp_path, student=slow, deadline_s=8)
    began = time.monotonic()
    with pytest.raises(Refusal, match="training took longer than 8 s") as refusal:
        desk.challenge("job-4")
    assert refusal.value.code == "no_challenger"
    assert time.monotonic() - began < 30
    until = time.monotonic() + 20
    while train_workers(two_nodes) and time.monotonic() < until:
        time.sleep(0.2)
    assert not train_workers(two_nodes)
    assert desk.root.folders("stones", "training") == []


def train_workers(cluster: Cluster) -> list[psutil.Process]:
    """Of this cluster's nodes and no other's."""
    nodes = [info for node in cluster.list_all_nodes() for info in node.all_processes["raylet"]]
    found = []
    for info in nodes:
        for process in psutil.Process(info.process.pid).children(recursive=True):
            with suppress(psutil.Error):
                if "TrainWorker" in " ".join(process.cmdline()):
                    found.append(process)
    return found
