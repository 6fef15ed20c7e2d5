from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
import ray

from pipelines.fit import bundle, fit
from pipelines.labelled import LabelledRows
from pipelines.outcome import TrainFailure
from pipelines.train import TrainTask, train
from serve_app.adapters.students import load_student
from serve_app.core.bundle import check, digest_of, read_manifest, same
from serve_app.core.golden import Golden
from serve_app.core.rows import Rows, numeric_column, text_column
from serve_app.core.use_case import UseCase

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def use_case(name: str, **student: object) -> UseCase:
    return UseCase.model_validate(
        {
            "name": name,
            "title": name,
            "fields": {"note": {"kind": "text"}, "size": {"kind": "numeric", "required": False}},
            "target": {"kind": "classification", "column": "y", "classes": ["fruit", "metal", "cloth"]},
            "student": {"kind": "lightgbm", "rounds": 10, "bags": 3, "text": {"components": 4}, **student},
            "cascade": {"kind": "fixed"},
            "decision": {"kind": "label"},
        }
    )


def labelled(only: str | None = None, count: int = 240) -> LabelledRows:
    words = {"fruit": "apple pear plum fig", "metal": "iron zinc lead tin", "cloth": "wool silk linen felt"}
    rng = np.random.default_rng(11)
    target = [only or str(rng.choice(list(words))) for _ in range(count)]
    notes = [" ".join(rng.choice(words[label].split(), 2)) + f" lot {i}" for i, label in enumerate(target)]
    rows = Rows({"note": text_column(notes), "size": numeric_column(rng.normal(size=count).tolist())})
    return LabelledRows(rows, text_column(target))


def files_but_manifest(found: object) -> dict[str, bytes]:
    assert isinstance(found, dict), found
    return {name: content for name, content in found.items() if name != "manifest.json"}


def test_students_of_one_run(cluster: None, tmp_path: Path) -> None:
    """Good tasks and bad ones; the same bytes as without Ray, and on two workers."""
    good, mixed = TrainTask(use_case("one"), labelled()), TrainTask(use_case("two", seed=3), labelled())
    broken = TrainTask(use_case("broken", params={"num_leaves": -5}), labelled())
    cold = TrainTask(use_case("cold"), labelled(only="fruit"))
    outcomes = train(
        [good, broken, cold, mixed], num_workers=2, storage_path=str(tmp_path), deadline_s=120, cpus_per_worker=0.5
    )
    fitted = fit(good.use_case, good.labelled, threads=1)
    assert not isinstance(fitted, TrainFailure)
    local = bundle(good.use_case, fitted, read_manifest(outcomes[0]).created_at)  # type: ignore[arg-type]
    assert digest_of(local) == digest_of(outcomes[0])  # type: ignore[arg-type]
    assert isinstance(outcomes[1], TrainFailure)
    assert "num_leaves" in outcomes[1].reason
    assert isinstance(outcomes[2], TrainFailure)
    assert "two classes" in outcomes[2].reason
    check(outcomes[3], mixed.use_case)  # type: ignore[arg-type]
    golden = Golden.from_json(outcomes[3]["golden.json"])  # type: ignore[index]
    student = load_student(outcomes[3], "1")  # type: ignore[arg-type]
    assert same(golden, student.answer(golden.as_rows({"note": "text", "size": "numeric"}))) is None
    assert files_but_manifest(outcomes[3]) != files_but_manifest(outcomes[0])
    assert list(tmp_path.iterdir()) == []


def test_a_run_over_its_deadline_is_ended(cluster: None, tmp_path: Path) -> None:
    slow = TrainTask(use_case("slow", rounds=5_000, early_stopping_rounds=5_000, params={"num_leaves": 60}), labelled())
    began = time.monotonic()
    (outcome,) = train([slow], num_workers=1, storage_path=str(tmp_path), deadline_s=3)
    assert outcome == TrainFailure("slow", "training took longer than 3 s")
    assert time.monotonic() - began < 15
    assert _eventually(lambda: not _workers(os.getpid()))


def test_a_killed_worker_is_replaced_and_the_run_goes_on(cluster: None, tmp_path: Path) -> None:
    tasks = [TrainTask(use_case("first"), labelled()), TrainTask(use_case("second", seed=2), labelled())]
    killer = ray.remote(num_cpus=0)(_kill_worker_once_there_is_a_student).remote(str(tmp_path))
    outcomes = train(tasks, num_workers=1, storage_path=str(tmp_path), deadline_s=120)
    assert ray.get(killer) is True
    assert [type(outcome) for outcome in outcomes] == [dict, dict]


def _kill_worker_once_there_is_a_student(folder: str) -> bool:
    for _ in range(600):
        if list(Path(folder).glob("*/students/0/manifest.json")) and (found := _workers(os.getppid())):
            found[0].kill()
            return True
        time.sleep(0.05)
    return False


def _workers(root: int) -> list[psutil.Process]:
    """Training workers among what process ``root`` has started: of this test's Ray and no other."""
    return [p for p in psutil.Process(root).children(recursive=True) if _is_worker(p)]


def _is_worker(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return "TrainWorker" in " ".join(process.cmdline())
    return False


def _eventually(holds: object, seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds():  # type: ignore[operator]
            return True
        time.sleep(0.2)
    return False
