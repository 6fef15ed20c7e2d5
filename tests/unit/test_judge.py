"""The step that judges, over a registry in memory, datasets on disk and small students that were really trained."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.fs
import pytest

from pipelines.dataset import Dataset, open_dataset, part_of, write
from pipelines.fit import Fitted, bundle, fit
from pipelines.gold_rows import GoldRows, of_dataset, of_labelled
from pipelines.judge import TAG_MOST, as_json, choose, judge, tags
from pipelines.labelled import LabelledRows
from pipelines.rivals import score
from serve_app.adapters.memory_registry import MemoryRegistry
from serve_app.adapters.students import load_student
from serve_app.core.bundle import schema_version
from serve_app.core.errors import NotFound, RegistryUnavailable
from serve_app.core.manifest import MANIFEST
from serve_app.core.promotion import Reason, Ruling
from serve_app.core.rows import Rows
from serve_app.core.swap import CHAMPION
from serve_app.core.use_case import UseCase
from tests.fakes.small_models import AT, LABELLED, STUDENT, USE_CASES, boats, lying, stones


def use_case(name: str, **gate: Any) -> UseCase:
    raw = {"name": name, "title": name, "student": STUDENT, **USE_CASES[name], "retraining": {"gate": gate}}
    return UseCase.model_validate_json(json.dumps(raw))


STONES, BOATS = use_case("stones"), use_case("boats")
GOLD = of_labelled(STONES, stones(400, 99))
PRICES = of_labelled(BOATS, boats(400, 99))


def student(of: UseCase, rows: int, seed: int, spoilt: float = 0.0) -> dict[str, bytes]:
    """Trained on ``rows``, a share ``spoilt`` of them with a label that is somebody else's."""
    labelled, rng = LABELLED[of.name](rows, seed), np.random.default_rng(seed)
    wrong = rng.random(rows) < spoilt
    target = np.where(wrong, rng.permutation(labelled.target), labelled.target).astype(labelled.target.dtype)
    fitted = fit(of, replace(labelled, target=target))
    assert isinstance(fitted, Fitted)
    return bundle(of, fitted, AT)


@pytest.fixture(scope="module")
def made() -> dict[str, dict[str, bytes]]:
    """Two good students and a spoilt one of each."""
    return {
        "good": student(STONES, 600, 1),
        "better": student(STONES, 900, 2),
        "spoilt": student(STONES, 600, 3, 0.5),
        "price": student(BOATS, 600, 1),
        "spoilt price": student(BOATS, 600, 3, 0.6),
    }


def registry_of(of: UseCase, *bundles: Mapping[str, bytes], champion: str | None = None) -> MemoryRegistry:
    registry = MemoryRegistry()
    for each in bundles:
        metrics = json.loads(each[MANIFEST])["metrics"]
        registry.register(of.name, each, metrics, {"schema_version": schema_version(of)})
    if champion is not None:
        registry.set_alias(of.name, CHAMPION, champion)
    return registry


def test_a_worse_challenger_is_refused_and_the_ruling_is_kept_with_it(made: dict[str, dict[str, bytes]]) -> None:
    registry = registry_of(STONES, made["good"], made["spoilt"], champion="1")
    ruling = judge(registry, STONES, "2", GOLD, "job-1")
    assert ruling.outcome == "refuse"
    assert "worse_than_champion" in ruling.codes()
    kept = registry.version("stones", "2").tags
    assert kept["gate.outcome"] == "refuse"
    assert {each["code"] for each in json.loads(kept["gate.reasons"])} == ruling.codes()
    assert json.loads(kept["gate.figures"])["champion_macro_f1"] == pytest.approx(
        ruling.figures["champion_macro_f1"], 1e-5
    )
    assert json.loads(kept["gate.gold"]) == {"rows": 400, "digest": GOLD.digest}
    assert "gate.outcome" not in registry.version("stones", "1").tags


def test_a_better_one_passes_and_the_same_job_rules_the_same(made: dict[str, dict[str, bytes]]) -> None:
    registry = registry_of(STONES, made["spoilt"], made["good"], champion="1")
    first = judge(registry, STONES, "2", GOLD, "job-1")
    assert first.outcome == "promote"
    assert judge(registry, STONES, "2", GOLD, "job-1") == first
    assert {"held_out_accuracy", "optimism"} <= set(first.figures)


def test_a_first_student_is_judged_without_a_rival(made: dict[str, dict[str, bytes]]) -> None:
    ruling = judge(registry_of(STONES, made["good"]), STONES, "1", GOLD, "job-1")
    assert ruling.outcome == "promote"
    assert "champion_macro_f1" not in ruling.figures


def test_numbers_are_judged_too(made: dict[str, dict[str, bytes]]) -> None:
    registry = registry_of(BOATS, made["price"], made["spoilt price"], champion="1")
    assert judge(registry, BOATS, "1", PRICES, "job").outcome == "promote"
    assert "worse_pinball" in judge(registry, BOATS, "2", PRICES, "job").codes()


def test_a_champion_of_another_schema_is_no_rival_and_that_is_said(made: dict[str, dict[str, bytes]]) -> None:
    registry = registry_of(STONES, made["good"], champion="1")
    raw = {"name": "stones", "title": "Stones", "student": STUDENT, **USE_CASES["stones"]}
    raw["fields"] = {name: field for name, field in raw["fields"].items() if name != "colour"}
    other = UseCase.model_validate_json(json.dumps(raw))
    rows = stones(600, 5)
    fitted = fit(other, replace(rows, rows=rows.rows.select(["weight", "note"])))
    assert isinstance(fitted, Fitted)
    registry.register("stones", bundle(other, fitted, AT), {}, {})
    gold = stones(400, 99)
    judged = of_labelled(other, replace(gold, rows=gold.rows.select(["weight", "note"])))
    ruling = judge(registry, other, "2", judged, "job")
    assert ruling.outcome == "promote"
    assert ruling.reasons[-1].code == "champion_cannot_answer"
    assert "version 1" in ruling.reasons[-1].text


def test_a_bundle_that_lies_is_refused_before_it_answers(made: dict[str, dict[str, bytes]]) -> None:
    registry = registry_of(STONES, made["good"], lying(STONES, made["better"]), champion="1")
    ruling = judge(registry, STONES, "2", GOLD, "job")
    assert (ruling.outcome, ruling.codes()) == ("refuse", {"bad_bundle"})
    assert registry.version("stones", "2").tags["gate.outcome"] == "refuse"


def test_the_best_champion_so_far_is_the_anchor(made: dict[str, dict[str, bytes]]) -> None:
    """The champion of now is a spoilt one, whoever let it in; the one before it was good."""
    registry = registry_of(STONES, made["better"], made["good"], made["spoilt"], champion="2")
    registry.set_tags("stones", "1", {"gate.outcome": "promote"})
    ruling = judge(registry, STONES, "3", GOLD, "job")
    assert ruling.figures["anchor_macro_f1"] > ruling.figures["macro_f1"]
    assert "worse_than_anchor" in ruling.codes()
    registry.set_tags("stones", "1", {"gate.outcome": "refuse"})
    assert "anchor_macro_f1" not in judge(registry, STONES, "3", GOLD, "job").figures


def test_a_student_taught_by_a_teacher_may_be_less_right_on_gold(made: dict[str, dict[str, bytes]]) -> None:
    """It is right on rows with the teacher's mistakes; of a person's labels the same gap would be a leak."""
    bound = use_case("stones", optimism=0.0, macro_f1=0.3)
    registry = registry_of(bound, made["good"])
    harder = stones(400, 7)
    turned = np.where(np.random.default_rng(0).random(400) < 0.08, "pebble", harder.target).astype(object)
    gold = of_labelled(bound, replace(harder, target=turned))
    assert "leak" in judge(registry, bound, "1", gold, "job").codes()
    registry.set_tags("stones", "1", {"label_mix": json.dumps({"teacher": 900, "person": 100})})
    bound = bound.model_copy(update={"teacher": bound.teacher.model_copy(update={"reliability": 0.5})})
    assert "leak" not in judge(registry, bound, "1", gold, "job").codes()


def test_a_registry_that_is_away_is_told(made: dict[str, dict[str, bytes]]) -> None:
    registry = registry_of(STONES, made["good"])
    registry.away = True
    with pytest.raises(RegistryUnavailable):
        judge(registry, STONES, "1", GOLD, "job")


def test_the_best_of_all_versions_is_put_before_the_gate(made: dict[str, dict[str, bytes]]) -> None:
    registry = registry_of(STONES, made["spoilt"], made["better"], made["spoilt"], champion="3")
    found = choose(registry, STONES, registry.versions("stones"), GOLD)
    assert (found["version"], found["champion"], found["outcome"]) == ("2", "3", "promote")
    assert set(found["scores"]) == {"1", "2", "3"}
    assert found["scores"]["2"] == max(found["scores"].values())
    assert registry.version("stones", "2").tags["gate.outcome"] == "promote"
    champion = registry.aliased("stones", CHAMPION)
    assert champion is not None
    assert champion.version == "3"  # it moves nothing


def test_the_champion_may_be_the_best(made: dict[str, dict[str, bytes]]) -> None:
    registry = registry_of(STONES, made["better"], made["spoilt"], champion="1")
    found = choose(registry, STONES, registry.versions("stones"), GOLD)
    assert (found["version"], found["outcome"]) == ("1", "promote")
    assert found["reasons"][0]["code"] == "is_champion"
    with pytest.raises(NotFound):
        choose(registry, STONES, [], GOLD)


def test_the_score_is_the_higher_the_better(made: dict[str, dict[str, bytes]]) -> None:
    def of(case: UseCase, name: str, gold: GoldRows) -> float:
        return score(case, load_student(made[name], "1").answer(gold.rows), gold)

    assert of(STONES, "good", GOLD) > of(STONES, "spoilt", GOLD)
    assert of(BOATS, "price", PRICES) > of(BOATS, "spoilt price", PRICES)


def test_gold_of_a_dataset_knows_who_labelled_it(tmp_path: Path) -> None:
    filesystem = pyarrow.fs.LocalFileSystem()
    file, person = part_of(stones(60, 1)), part_of(stones(40, 2), "person", "2026-02-01")
    both = replace(
        file,
        labelled=joined(file.labelled, person.labelled),
        source=np.concatenate((file.source, person.source)),
        day=np.concatenate((file.day, person.day)),
    )
    written: Dataset = write(filesystem, str(tmp_path / "data"), STONES, part_of(stones(50, 3)), both)
    gold = of_dataset(STONES, open_dataset(written.path, filesystem))
    assert int(gold.gold.served().sum()) == 40
    assert gold.rows.names == ("weight", "colour", "note")
    assert gold.digest == of_labelled(STONES, joined(file.labelled, person.labelled)).digest


def joined(first: LabelledRows, second: LabelledRows) -> LabelledRows:
    columns = {name: np.concatenate((first.rows[name], second.rows[name])) for name in first.rows.names}
    return LabelledRows(Rows(columns), np.concatenate((first.target, second.target)))


def test_rows_that_ask_the_same_are_known() -> None:
    twice = joined(stones(50, 1), stones(50, 1))
    group = of_labelled(STONES, twice).gold.group
    assert group is not None
    assert len(np.unique(group)) == 50
    assert of_labelled(STONES, stones(50, 1)).gold.group is None


def test_a_ruling_fits_into_the_tags_of_a_registry() -> None:
    reasons = tuple(Reason("class_lost", f"{number} " + "x" * 600) for number in range(20))
    figures = {f"recall_loss.{'name' * 10}{number}": number / 3 for number in range(60)}
    kept = tags(Ruling("refuse", reasons, figures), GOLD)
    assert all(len(value) <= TAG_MOST for value in kept.values())
    assert json.loads(kept["gate.reasons"])[0]["code"] == "class_lost"
    assert as_json(Ruling("refuse", (), {"third": 1 / 3}))["figures"] == {"third": 0.333333}
