from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipelines.bootstrap import CHAMPION, _task
from pipelines.train import TrainTask
from serve_app.adapters.memory_registry import MemoryRegistry
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.bundle import schema_version
from tests.fakes.small_models import USE_CASES, knots, trained, write_use_case

LEAST = {"retraining": {"min_rows": 50}, "labelled": {"file": "knots.csv"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = write_use_case(tmp_path, "knots", {**USE_CASES["knots"], **LEAST})
    labelled = knots(120, 1)
    lines = [f"{turns},{rope or ''},{label}" for turns, rope, label in
             zip(labelled.rows["turns"], labelled.rows["rope"], labelled.target, strict=True)]  # fmt: skip
    (made / "knots.csv").write_text("\n".join(["turns,rope,slips", *lines]) + "\n")
    return made


def found(folder: Path, registry: MemoryRegistry) -> TrainTask | str:
    return _task("knots", UseCaseFolder(folder.parent), folder.parent / "state", registry)


def with_champion(folder: Path) -> MemoryRegistry:
    registry, use_case = MemoryRegistry(), UseCaseFolder(folder.parent).get("knots")
    tags = {"schema_version": schema_version(use_case)}
    registry.set_alias("knots", CHAMPION, registry.register("knots", trained(use_case), {}, tags).version)
    return registry


def test_labelled_rows_without_a_champion_are_a_task(folder: Path) -> None:
    task = found(folder, MemoryRegistry())
    assert isinstance(task, TrainTask)
    assert len(task.labelled) == 120


def test_a_champion_of_the_same_schema_is_left_in_peace(folder: Path) -> None:
    assert found(folder, with_champion(folder)) == "version 1 is the champion"


def test_a_use_case_that_changed_since_is_trained_again(folder: Path) -> None:
    registry = with_champion(folder)
    raw = yaml.safe_load((folder / "use_case.yaml").read_text())
    del raw["fields"]["rope"]
    (folder / "use_case.yaml").write_text(yaml.safe_dump(raw, sort_keys=False))
    assert isinstance(found(folder, registry), TrainTask)


def test_too_few_rows_are_told_with_the_key_that_says_how_many(folder: Path) -> None:
    raw = yaml.safe_load((folder / "use_case.yaml").read_text())
    raw["retraining"]["min_rows"] = 500
    (folder / "use_case.yaml").write_text(yaml.safe_dump(raw, sort_keys=False))
    told = found(folder, MemoryRegistry())
    assert told == "cannot train: 120 labelled rows, 500 are needed (retraining.min_rows)"
