"""The certificate of a challenger and of a first champion: what it rests on, and that it lies in the bundle."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines import held_out
from pipelines.audit import Audit
from pipelines.candidates import Candidate
from pipelines.certify import NUMBER, Material, grounded, next_number, of_labelled
from pipelines.fit import Fitted, bundle, fit
from pipelines.train import _registered
from serve_app.adapters.memory_registry import MemoryRegistry
from serve_app.adapters.students import load_student
from serve_app.core.answers import ClassAnswers
from serve_app.core.arbitration import FILE as ARBITRATION
from serve_app.core.arbitration import Arbiter
from serve_app.core.bundle import check, check_answers, digest_of, read_manifest
from serve_app.core.certificate import FILE, Certificate
from serve_app.core.certify import spent
from serve_app.core.ports import Version
from serve_app.core.rows import text_column
from serve_app.core.use_case import UseCase
from tests.fakes.small_models import AT, STUDENT, USE_CASES, stones, write_use_case
from tests.unit.test_collect import SHELLS, a_run
from tests.unit.test_prepare import logged, prepared, remember

CERTIFIED = {"kind": "certified", "target": 0.85, "delta": 0.2, "audit_rate": 0.5}


def use_case(**cascade: Any) -> UseCase:
    raw = {"name": "stones", "title": "Stones", "student": STUDENT, **USE_CASES["stones"]}
    return UseCase.model_validate_json(json.dumps({**raw, "cascade": {**CERTIFIED, **cascade}}))


@pytest.fixture(scope="module")
def student() -> dict[str, bytes]:
    fitted = fit(use_case(), stones(600, 1))
    assert isinstance(fitted, Fitted)
    return bundle(use_case(), fitted, AT)


def audit(count: int, rate: float = 0.5, people: bool = False, wrong: float = 0.0, seed: int = 7) -> Audit:
    """Rows that a teacher (or people alone) answered, a share ``wrong`` with somebody else's class."""
    labelled, rng = stones(count, seed), np.random.default_rng(seed + 1000)
    said = np.where(rng.random(count) < wrong, rng.permutation(labelled.target), labelled.target).astype(object)
    nobody = text_column([None] * count)
    ids = text_column([f"{number:026d}" for number in range(count)])
    teacher, person = (nobody, said) if people else (said, nobody)
    days = text_column(["2026-03-03"] * count)
    return Audit(labelled.rows, teacher, person, np.full(count, rate), days, ids)


def material(audit: Audit, gold: int = 0, source: str = "file") -> Material:
    made = of_labelled(use_case(), stones(max(gold, 1), 8))
    made = Material(audit, made.gold, np.full(len(made.gold), source, dtype=object), made.teacher)
    return made if gold else replace(made, source=np.full(1, "person", dtype=object))


def certificate(student: dict[str, bytes], found: Material, number: int = 1, **cascade: Any) -> Certificate:
    made = grounded(use_case(**cascade), student, found, number, "job")
    return Certificate.from_json(made.bundle[FILE])


def test_the_certificate_lies_in_a_bundle_that_is_whole(student: dict[str, bytes]) -> None:
    made = grounded(use_case(), student, material(audit(2000)), 3, "job")
    assert check(made.bundle, use_case()).created_at == AT
    assert digest_of(made.bundle) != digest_of(student)
    assert read_manifest(made.bundle).metrics == read_manifest(student).metrics
    loaded = load_student(made.bundle, "4")
    check_answers(made.bundle, loaded)
    answers = loaded.answer(stones(5, 9).rows)
    assert isinstance(answers, ClassAnswers)
    assert answers.grounds is not None
    assert answers.grounds.certificate == Certificate.from_json(made.bundle[FILE])
    assert made.tags[NUMBER] == "3"
    assert made.tags["certificate.rows"] == "2000"
    assert 0 < float(made.tags["certificate.coverage"]) <= 1


def test_a_fixed_cascade_leaves_the_bundle_as_it_is(student: dict[str, bytes]) -> None:
    raw = {"name": "stones", "title": "Stones", "student": STUDENT, **USE_CASES["stones"]}
    made = grounded(UseCase.model_validate_json(json.dumps(raw)), student, material(audit(50)), 1, "job")
    assert (made.bundle, made.tags) == (student, {})


def test_enough_audited_rows_certify_and_what_they_say_is_true(student: dict[str, bytes]) -> None:
    found = certificate(student, material(audit(3000)))
    assert (found.rows, found.number, found.level) == (3000, 1, pytest.approx(spent(0.2, 1)))
    sure = {name: each.threshold for name, each in found.classes.items() if each.threshold is not None}
    assert len(sure) == 3
    fresh = stones(4000, 99)
    answers = load_student(student, "1").answer(fresh.rows)
    assert isinstance(answers, ClassAnswers)
    for place, name in enumerate(answers.classes):
        mine = (answers.best() == place) & (answers.probabilities.max(axis=1) >= sure[name])
        assert mine.sum() > 500
        assert (fresh.target[mine] == name).mean() > 0.85


def test_a_teacher_that_the_student_does_not_agree_with_certifies_nothing(student: dict[str, bytes]) -> None:
    found = certificate(student, material(audit(3000, wrong=0.6)))
    assert all(each.threshold is None for each in found.classes.values())
    assert all(each.rows > 100 for each in found.classes.values())


def test_without_audited_rows_nothing_is_certified_and_nothing_spent(student: dict[str, bytes]) -> None:
    made = grounded(use_case(), student, material(audit(0), gold=500), 1, "job")
    found = Certificate.from_json(made.bundle[FILE])
    assert found.rows == 0, "gold is no evidence of agreement with the teacher"
    assert all(each.threshold is None for each in found.classes.values())
    assert all(each.needed is None or each.needed > 10 for each in found.classes.values())
    assert NUMBER not in made.tags
    assert made.tags["certificate.classes"] == "0 of 3"


def test_of_gold_the_rows_of_the_file_and_audited_rows_that_people_labelled(student: dict[str, bytes]) -> None:
    assert certificate(student, material(audit(300), gold=400), reference="gold").rows == 400
    assert certificate(student, material(audit(300, people=True), gold=400), reference="gold").rows == 700
    assert certificate(student, material(audit(300, people=True)), reference="gold").rows == 300
    picked = material(audit(0), gold=400, source="person")
    assert certificate(student, picked, reference="gold").rows == 0, "people picked these themselves"


def test_rows_of_a_higher_rate_are_thinned_and_the_same_job_thins_the_same(student: dict[str, bytes]) -> None:
    both = audit(4000)
    both.rate[:2000] = 0.1
    found = certificate(student, material(both))
    assert 2250 < found.rows < 2550
    assert certificate(student, material(both)) == found


def test_the_first_certificate_of_a_labelled_file_rests_on_its_gold(student: dict[str, bytes]) -> None:
    found = certificate(student, of_labelled(use_case(), stones(1500, 8)), reference="gold")
    assert found.rows == 1500
    assert any(each.threshold is not None for each in found.classes.values())


def test_the_thresholds_tried_come_from_live_rows_where_there_are_enough(student: dict[str, bytes]) -> None:
    kept = held_out.confidences(student)
    assert set(kept) == {"pebble", "cobble", "boulder"}
    assert sum(map(len, kept.values())) == read_manifest(student).data.rows
    seen = replace(material(audit(3000)), live=stones(3000, 11).rows)
    few = replace(material(audit(3000)), live=stones(50, 11).rows)
    assert certificate(student, seen).classes != certificate(student, material(audit(3000))).classes
    assert certificate(student, few).classes == certificate(student, material(audit(3000))).classes


def disputed(count: int, teacher_right: float, seed: int = 21) -> Material:
    """Gold of which the teacher is right on a share, and says "pebble" of the rest."""
    gold, rng = stones(count, seed), np.random.default_rng(seed + 1000)
    said = np.where(rng.random(count) < teacher_right, gold.target, "pebble").astype(object)
    return replace(of_labelled(use_case(), gold), teacher=said)


@pytest.mark.parametrize("cascade", [{}, {"kind": "fixed", "threshold": 0.9}], ids=["certified", "fixed"])
def test_who_is_right_is_learned_from_gold_that_the_teacher_was_asked_about(
    student: dict[str, bytes], cascade: dict[str, Any]
) -> None:
    raw = {"name": "stones", "title": "Stones", "student": STUDENT, **USE_CASES["stones"]}
    policy = {**(cascade or CERTIFIED), "arbitration": "learned"}
    case = UseCase.model_validate_json(json.dumps({**raw, "cascade": policy}))
    poor = grounded(case, student, disputed(1500, 0.3), 1, "job")
    arbiter = Arbiter.from_json(poor.bundle[ARBITRATION])
    assert arbiter.winner("boulder", "pebble") == "student"
    assert int(poor.tags["arbitration.rows"]) > 100
    answers = load_student(poor.bundle, "1").answer(stones(5, 9).rows)
    assert isinstance(answers, ClassAnswers)
    assert answers.grounds is not None
    assert answers.grounds.arbiter == arbiter
    good = grounded(case, student, disputed(1500, 1.0), 1, "job")
    assert Arbiter.from_json(good.bundle[ARBITRATION]).winner("pebble", "cobble") == "teacher"
    assert ARBITRATION not in grounded(case, student, disputed(25, 0.9), 1, "job").bundle, "too few"
    assert ARBITRATION not in grounded(case, student, of_labelled(case, stones(900, 8)), 1, "job").bundle


def test_audited_rows_that_people_labelled_are_gold_for_arbitration_too(student: dict[str, bytes]) -> None:
    said = audit(1500, wrong=0.7)
    truth = stones(1500, 7).target
    both = replace(said, person=truth)
    made = grounded(use_case(arbitration="learned"), student, material(both), 1, "job")
    assert Arbiter.from_json(made.bundle[ARBITRATION]).winner("boulder", "pebble") == "student"
    assert ARBITRATION not in grounded(use_case(arbitration="learned"), student, material(said), 1, "job").bundle
    assert ARBITRATION not in grounded(use_case(), student, material(both), 1, "job").bundle, "not asked for"


def test_the_step_registers_a_student_with_its_certificate(tmp_path: Path) -> None:
    """From the log to the registry, with the training in this process."""
    raw = {**SHELLS, "student": STUDENT, "cascade": {**CERTIFIED, "target": 0.8, "delta": 0.4}}
    write_use_case(tmp_path, "shells", {**raw, "retraining": {"min_rows": 1}})
    run, rng = a_run(tmp_path, tmp_path, "shells"), np.random.default_rng(5)
    sizes = rng.uniform(0, 10, 1200)
    rows = [
        logged(run, n, float(size), None, "clam" if size > 5 else "snail", audit_rate=0.5 if n % 2 else None)
        for n, size in enumerate(sizes)
    ]
    remember(run, rows)
    came, dataset = prepared(run)
    case, registry = run.configured(), MemoryRegistry()
    learned = fit(case, dataset.read("learn"), gold=np.arange(20))
    assert isinstance(learned, Fitted)
    candidate = Candidate("lightgbm", bundle(case, learned, AT))
    told = _registered(run, case, registry, dataset, came["dataset"], [candidate])
    kept = registry.version("shells", told["version"])
    found = Certificate.from_json(registry.fetch("shells", told["version"])[FILE])
    assert (found.rows, kept.tags["certificate.rows"], came["audit_rows"]) == (600, "600", 600)
    assert {name for name, each in found.classes.items() if each.threshold is not None} == {"clam", "snail"}
    assert told["certificate"]["number"] == "1"
    assert float(told["certificate"]["coverage"]) > 0.8
    assert kept.digest == told["digest"] == digest_of(registry.fetch("shells", told["version"]))


def test_every_certificate_that_rests_on_something_is_counted() -> None:
    def version(number: str, **tags: str) -> Version:
        return Version("stones", number, "sha256:x", tags=tags, created_at=datetime(2026, 1, 1, tzinfo=UTC))

    assert next_number([]) == 1
    versions = [version("4"), version("3", **{NUMBER: "2"}), version("2", **{NUMBER: "1", "gate.outcome": "refuse"})]
    assert next_number(versions) == 3
    assert next_number([version("9", **{NUMBER: "7"})]) == 8, "versions before it were deleted"
    assert next_number([version("9", **{NUMBER: "what"})]) == 1
