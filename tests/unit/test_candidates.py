from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow.fs

from pipelines.candidates import Candidate, best_of, families_of, key_of, output_of, tags_of
from pipelines.dataset import Dataset, part_of, write
from pipelines.outcome import TrainFailure
from serve_app.adapters.memory_registry import MemoryRegistry
from serve_app.core.bundle import DataSummary, Golden, seal
from serve_app.core.use_case import UseCase
from tests.fakes import stub_student
from tests.fakes.small_models import AT, USE_CASES, knots

LIGHT = {"kind": "lightgbm", "rounds": 9}


def use_case(*families: Mapping[str, object], **retraining: object) -> UseCase:
    whole = {**USE_CASES["knots"], "name": "knots", "title": "Knots", "student": LIGHT}
    return UseCase.model_validate({**whole, "retraining": {"families": families, **retraining}})


def bundle(loss: float, accuracy: float) -> dict[str, bytes]:
    """``accuracy`` on gold, which must not choose."""
    metrics = {"held_out_loss": loss, "held_out_accuracy": 0.5, "accuracy": accuracy, "recall.yes": 1.0}
    rows = stub_student.rows()
    return seal(
        {"weights.json": json.dumps([loss, 1, 2]).encode()}, family="stub", use_case=stub_student.use_case(),
        metrics=metrics, calibration={}, data=DataSummary(rows=3, digest="sha256:1"), libraries={},
        created_at=AT, golden=Golden.of(rows, stub_student.Stub([loss, 1, 2]).answer(rows)),
    )  # fmt: skip


def dataset(folder: Path, rows: int = 40) -> Dataset:
    return write(pyarrow.fs.LocalFileSystem(), str(folder), use_case(), part_of(knots(rows, 1)), part_of(knots(9, 2)))


def test_each_family_once_the_use_cases_own_first() -> None:
    other = {"kind": "xgboost", "rounds": 9}
    kinds = [(each.student.kind, each.student.rounds) for each in families_of(use_case(other, LIGHT, other))]
    assert kinds == [("lightgbm", 9), ("xgboost", 9)]


def test_the_least_loss_on_held_out_rows_is_chosen_whatever_gold_says() -> None:
    worse, better = Candidate("one", bundle(0.4, 0.99)), Candidate("two", bundle(0.3, 0.01))
    failed = Candidate("three", TrainFailure("knots", "xgboost is not installed"))
    found = best_of([failed, worse, better])
    assert found is not None
    assert found[0].family == "two"
    assert best_of([failed]) is None
    assert best_of([Candidate("a", bundle(0.3, 0.0)), Candidate("b", bundle(0.3, 1.0))])[0].family == "a"  # type: ignore[index]


def test_what_is_kept_with_the_version_is_what_the_step_gives(tmp_path: Path) -> None:
    candidates = [Candidate("one", bundle(0.4, 0.9)), Candidate("two", TrainFailure("knots", "no"))]
    given = {"job": "j", "origin": "drift", "dataset": "there", "parent": "3"}
    tags = tags_of(bundle(0.4, 0.9), "one", candidates, dataset(tmp_path), given)
    assert tags.items() >= given.items()
    assert json.loads(tags["label_mix"]) == {"file": 40}
    assert json.loads(tags["held_out"]) == {"held_out_loss": 0.4, "held_out_accuracy": 0.5}
    version = MemoryRegistry().register("knots", bundle(0.4, 0.9), {}, tags)
    told = output_of(version)
    assert (told["version"], told["digest"], told["family"]) == ("1", version.digest, "one")
    assert told["candidates"][0]["held_out_loss"] == 0.4
    assert "recall.yes" not in told["candidates"][0]["metrics"]
    assert told["candidates"][1] == {"family": "two", "held_out_loss": None, "failure": "no"}


def test_what_was_grown_with_other_settings_or_rows_is_not_gone_on_with(tmp_path: Path) -> None:
    found = dataset(tmp_path / "1")
    names = {
        key_of(0, use_case(), found),
        key_of(1, use_case(), found),
        key_of(0, use_case(rows_in_memory=10), found),
        key_of(
            0, use_case().model_copy(update={"student": families_of(use_case({**LIGHT, "seed": 8}))[1].student}), found
        ),
        key_of(0, use_case(), dataset(tmp_path / "2", rows=41)),
    }
    assert len(names) == 5
    assert key_of(0, use_case(min_rows=3), found) in names
