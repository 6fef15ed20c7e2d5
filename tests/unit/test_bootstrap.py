from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipelines.first_champions import gold_of, registered, task
from pipelines.fit import Fitted, bundle, fit, part
from pipelines.outcome import TrainFailure
from pipelines.train import TrainTask
from serve_app.adapters.memory_registry import MemoryRegistry
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.bundle import schema_version
from serve_app.core.platform import Platform
from serve_app.core.swap import CHAMPION
from tests.fakes.small_models import AT, USE_CASES, knots, trained, write_use_case

LEAST = {"retraining": {"min_rows": 50}, "labelled": {"file": "knots.csv"}}


def write_rows(folder: Path, count: int, seed: int, told: float = 1.0) -> None:
    """Labelled rows of which a share ``told`` is told by the features; the others are a coin's."""
    labelled, rng = knots(count, seed), np.random.default_rng(seed)
    labels = np.where(rng.random(count) < told, labelled.target, rng.choice(["yes", "no"], count))
    lines = [f"{turns},{rope or ''},{label}" for turns, rope, label in
             zip(labelled.rows["turns"], labelled.rows["rope"], labels, strict=True)]  # fmt: skip
    (folder / "knots.csv").write_text("\n".join(["turns,rope,slips", *lines]) + "\n")


def change(folder: Path, **more: object) -> None:
    raw = yaml.safe_load((folder / "use_case.yaml").read_text())
    (folder / "use_case.yaml").write_text(yaml.safe_dump({**raw, **more}, sort_keys=False))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = write_use_case(tmp_path, "knots", {**USE_CASES["knots"], **LEAST})
    write_rows(made, 120, 1)
    return made


def found(folder: Path, registry: MemoryRegistry) -> TrainTask | str:
    platform = Platform(state=str(folder.parent / "state"))
    return task("knots", UseCaseFolder(folder.parent), platform, registry)


def start(folder: Path, registry: MemoryRegistry) -> str:
    """A start, with the training in this process."""
    made = found(folder, registry)
    if isinstance(made, str):
        return made
    fitted = fit(made.use_case, made.labelled)
    assert isinstance(fitted, Fitted)
    return registered(made, bundle(made.use_case, fitted, AT), registry)


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


def test_a_champion_that_came_while_it_was_trained_is_left_in_peace(folder: Path) -> None:
    registry = with_champion(folder)
    made = found(folder, MemoryRegistry())
    assert isinstance(made, TrainTask)
    fitted = fit(made.use_case, made.labelled)
    assert isinstance(fitted, Fitted)
    told = registered(made, bundle(made.use_case, fitted, AT), registry)
    assert told == "version 1 has become the champion meanwhile, and version 2 waits"
    champion = registry.aliased("knots", CHAMPION)
    assert champion is not None
    assert champion.version == "1"


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


def test_a_first_champion_passes_the_gate_and_the_ruling_is_kept(folder: Path) -> None:
    write_rows(folder, 800, 2)
    registry = MemoryRegistry()
    assert start(folder, registry).startswith("version 1 is the champion (accuracy 0.")
    champion = registry.aliased("knots", CHAMPION)
    assert champion is not None
    assert champion.tags["gate.outcome"] == "promote"
    assert (
        json.loads(champion.tags["gate.figures"])["gold_rows"] == json.loads(champion.tags["gate.gold"])["rows"] > 100
    )
    assert start(folder, registry) == "version 1 is the champion"


def test_labelled_rows_give_a_student_at_once_even_where_gold_is_little(folder: Path) -> None:
    """It has no rival, nothing is certain against it, and its held-out rows show it better than the most
    frequent class."""
    registry = MemoryRegistry()
    told = start(folder, registry)
    champion = registry.aliased("knots", CHAMPION)
    assert champion is not None
    assert champion.tags["gate.outcome"] == "person"
    assert json.loads(champion.tags["gate.reasons"])[0]["code"] == "too_little_gold"
    assert "judged by only" in told


def test_a_student_that_learned_nothing_is_registered_told_and_not_promoted(folder: Path) -> None:
    write_rows(folder, 800, 3, told=0.0)
    registry = MemoryRegistry()
    told = start(folder, registry)
    assert told.startswith("version 1 is not promoted: ")
    assert registry.aliased("knots", CHAMPION) is None
    assert "not_better_than_majority" in registry.version("knots", "1").tags["gate.reasons"]


def test_by_luck_alone_hardly_any_is_promoted_where_gold_is_little(folder: Path) -> None:
    """Two looks at 5 % each, at gold and at the rows held out; and most rows are alike here."""
    told = []
    for seed in range(20):
        write_rows(folder, 120, seed, told=0.0)
        told.append(start(folder, MemoryRegistry()))
    assert sum("is the champion" in how for how in told) <= 4


def test_the_same_rows_are_not_trained_again_at_every_start(folder: Path) -> None:
    write_rows(folder, 800, 3, told=0.0)
    registry = MemoryRegistry()
    told = start(folder, registry)
    assert found(folder, registry) == told
    write_rows(folder, 800, 4, told=0.0)
    assert isinstance(found(folder, registry), TrainTask)


def test_another_gate_is_another_matter(folder: Path) -> None:
    write_rows(folder, 800, 3, told=0.0)
    registry = MemoryRegistry()
    start(folder, registry)
    change(folder, retraining={"min_rows": 50, "gate": {"confidence": 0.6}})
    assert isinstance(found(folder, registry), TrainTask)


def test_a_start_that_ended_before_the_alias_was_set_is_made_good(folder: Path) -> None:
    write_rows(folder, 800, 2)
    registry = MemoryRegistry()
    start(folder, registry)
    registry.remove_alias("knots", CHAMPION)
    assert start(folder, registry).startswith("version 2 is the champion")


def test_gold_is_what_the_student_was_not_trained_on(folder: Path) -> None:
    write_rows(folder, 800, 2)
    made = found(folder, MemoryRegistry())
    assert isinstance(made, TrainTask)
    parts = part(made.use_case, made.labelled)
    assert not isinstance(parts, TrainFailure)
    assert gold_of(made).gold.truth.tolist() == parts.gold.target.tolist()


def test_gold_stays_gold_when_its_share_has_shrunk(folder: Path) -> None:
    """The share is kept beside the data and only shrinks, whatever is configured later."""
    change(folder, retraining={"min_rows": 50, "gold_share": 0.1})
    small = found(folder, MemoryRegistry())
    change(folder, retraining={"min_rows": 50, "gold_share": 0.4})
    again = found(folder, MemoryRegistry())
    assert isinstance(small, TrainTask)
    assert isinstance(again, TrainTask)
    assert again.use_case.retraining.gold_share == small.use_case.retraining.gold_share == 0.1
