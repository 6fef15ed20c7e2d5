"""The laws of the port ``Student``, for every one there is."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from pipelines.fit import Fitted, bundle, fit
from pipelines.labelled import LabelledRows
from pipelines.outcome import TrainFailure
from serve_app.adapters.boosted_student import OTHER, BoostedStudent
from serve_app.adapters.memory_student import MemoryStudent, MemoryValueStudent
from serve_app.adapters.students import load_student
from serve_app.adapters.verify_bundle import verify
from serve_app.core.answers import ClassAnswers, StudentAnswers, ValueAnswers
from serve_app.core.bundle import check, read_manifest, same, seal
from serve_app.core.drift import Scores, psi
from serve_app.core.errors import BadBundle
from serve_app.core.golden import Golden
from serve_app.core.ports import Bundle, Student
from serve_app.core.rows import Rows, numeric_column, text_column
from serve_app.core.use_case import UseCase

WORDS = {
    "network": "wifi vpn router lambat sinyal",
    "printer": "printer kertas tinta cetak macet",
    "account": "password akun login kunci reset",
}
COUNT = 320


def rows(count: int = COUNT, seed: int = 4) -> tuple[Rows, np.ndarray]:
    rng = np.random.default_rng(seed)
    label = text_column([str(rng.choice(list(WORDS))) for _ in range(count)])
    note = [" ".join(rng.choice(WORDS[str(of)].split(), 3)) + f" mohon bantuan no {i}" for i, of in enumerate(label)]
    age = rng.gamma(2, 20, count)
    columns = {
        "note": text_column([None if i % 17 == 3 else text for i, text in enumerate(note)]),
        "site": text_column([None if i % 11 == 0 else f"site {i % 4}" for i in range(count)]),
        "age": numeric_column([None if i % 13 == 0 else float(value) for i, value in enumerate(age)]),
        "day": text_column([f"2025-0{1 + i % 9}-11" for i in range(count)]),
    }
    return Rows(columns), label


def use_case(target: dict[str, object], family: str, **student: object) -> UseCase:
    small = {"rounds": 25, "bags": 2, "early_stopping_rounds": 5, "text": {"components": 4, "folds": 3}}
    return UseCase.model_validate(
        {
            "name": "desk",
            "title": "Desk",
            "fields": {
                "note": {"kind": "text", "required": False},
                "site": {"kind": "categorical", "required": False},
                "age": {"kind": "numeric", "required": False},
                "day": {"kind": "date"},
            },
            "target": target,
            "student": {"kind": family, **small, **student},
            "cascade": {"kind": "fixed"},
            "decision": {"kind": "label"},
        }
    )


def many_classes(family: str = "lightgbm") -> tuple[UseCase, LabelledRows]:
    """Three classes with rows, and one that has none."""
    data, label = rows()
    target = {"kind": "classification", "column": "y", "classes": ["other", *WORDS]}
    return use_case(target, family), LabelledRows(data, label)


def two_classes(family: str = "lightgbm") -> tuple[UseCase, LabelledRows]:
    data, label = rows()
    two = text_column(["yes" if of == "network" else "no" for of in label])
    target = {"kind": "classification", "column": "y", "classes": ["yes", "no"], "positive": "yes"}
    return use_case(target, family), LabelledRows(data, two)


def numbers(family: str = "lightgbm") -> tuple[UseCase, LabelledRows]:
    data, label = rows()
    noise = np.random.default_rng(0).normal(0, 0.1, len(data))
    value = np.nan_to_num(data["age"], nan=50.0) * np.where(label == "network", 2.0, 1.2) * np.exp(noise)
    target = {"kind": "regression", "column": "y", "scale": "log", "relative_to": "age"}
    return use_case(target, family), LabelledRows(data, value)


@dataclass(frozen=True)
class Trained:
    use_case: UseCase
    fitted: Fitted
    bundle: Bundle

    def student(self, num_threads: int = 1) -> Student:
        return load_student(self.bundle, "9", num_threads)


Make = Callable[[str], tuple[UseCase, LabelledRows]]
MAKES: list[Make] = [many_classes, two_classes, numbers]
EVERY = [(make, family) for family in ("lightgbm", "xgboost") for make in MAKES]
IDS = [f"{make.__name__}-{family}" for make, family in EVERY]


def trained(make: Make, family: str = "lightgbm") -> Trained:
    made, labelled = make(family)
    fitted = fit(made, labelled, threads=2)
    assert isinstance(fitted, Fitted)
    return Trained(made, fitted, bundle(made, fitted, datetime(2026, 1, 2, tzinfo=UTC)))


@pytest.fixture(scope="module", params=EVERY, ids=IDS)
def model(request: pytest.FixtureRequest) -> Trained:
    return trained(*request.param)


@pytest.fixture(scope="module", params=[*EVERY, "memory", "memory_value"], ids=[*IDS, "memory", "memory_value"])
def student(request: pytest.FixtureRequest) -> Student:
    if request.param == "memory":
        return MemoryStudent({name: words.split() for name, words in WORDS.items()})
    if request.param == "memory_value":
        return MemoryValueStudent(12.0)
    return trained(*request.param).student()


def bits(answers: StudentAnswers) -> np.ndarray:
    if isinstance(answers, ClassAnswers):
        return answers.probabilities.view(np.int64)
    assert isinstance(answers, ValueAnswers)
    return np.stack((answers.low, answers.value, answers.high), axis=1).view(np.int64)


def test_answers_are_well_formed(student: Student) -> None:
    data, _ = rows(50, seed=8)
    answers = student.answer(data)
    assert len(answers) == 50
    if isinstance(answers, ClassAnswers):
        np.testing.assert_allclose(answers.probabilities.sum(axis=1), 1)
        assert (answers.probabilities >= 0).all()
        assert answers.model_version == student.version
    else:
        assert isinstance(answers, ValueAnswers)
        assert (answers.low <= answers.value).all()
        assert (answers.value <= answers.high).all()


def test_a_row_is_answered_alike_alone_and_in_any_batch(student: Student) -> None:
    data, _ = rows(600, seed=9)
    whole = bits(student.answer(data))
    for row in range(0, 600, 37):
        assert (bits(student.answer(data.take([row]))) == whole[row]).all()
    order = np.random.default_rng(2).permutation(600)
    assert (bits(student.answer(data.take(order))) == whole[order]).all()


def test_contributions_sum_to_the_output(student: Student) -> None:
    data, _ = rows(12, seed=10)
    for top in (1, 2, 10):
        for explanation in student.explain(data, top):
            total = explanation.base + sum(part.contribution for part in explanation.contributions)
            assert total == pytest.approx(explanation.output, abs=1e-9)
            named = [part for part in explanation.contributions if part.feature != OTHER]
            assert len(named) <= top
            sizes = [abs(part.contribution) for part in named]
            assert sizes == sorted(sizes, reverse=True)


def test_it_has_learned(model: Trained) -> None:
    metrics = model.fitted.metrics
    if "accuracy" in metrics:
        assert metrics["accuracy"] > 0.9
        assert metrics["ece"] < 0.15
    else:
        assert metrics["mae"] < 0.6 * metrics["mae_baseline"]
        assert 0.6 < metrics["coverage"] < 0.97


def test_the_output_explained_is_the_raw_score(model: Trained) -> None:
    """Log-odds of the class explained, or the value in the unit that the trees learn."""
    student = model.student()
    assert isinstance(student, BoostedStudent)
    data, _ = rows(9, seed=11)
    answers = student.answer(data)
    for row, explanation in enumerate(student.explain(data, 4)):
        if isinstance(answers, ValueAnswers):
            base = data["age"][row]
            if not math.isnan(base):
                assert math.exp(explanation.output) * base == pytest.approx(answers.value[row])
            continue
        scores = student.scores(data)[1][row]
        at = student.labels.index(str(explanation.label))
        expected = scores[at] - (scores[1 - at] if len(student.labels) == 2 else 0.0)
        assert explanation.output == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("family", ["lightgbm", "xgboost"])
def test_a_positive_class_is_the_one_explained(family: str) -> None:
    model = trained(two_classes, family)
    data, _ = rows(20, seed=12)
    assert {explanation.label for explanation in model.student().explain(data, 2)} == {"yes"}


def test_the_words_behind_a_text(model: Trained) -> None:
    data, _ = rows(1, seed=13)
    asked = data.with_columns({"note": text_column(["vpn wifi vpn lambat"])})
    (explanation,) = model.student().explain(asked, 4)
    terms = next(part.terms for part in explanation.contributions if part.feature == "note")
    if isinstance(model.student().answer(asked), ClassAnswers):
        assert {"vpn", "wifi", "lambat"} & set(" ".join(terms).split())


def test_the_bundle_is_whole_and_answers_its_golden_rows_in_another_process(model: Trained, tmp_path: Path) -> None:
    manifest = check(model.bundle, model.use_case)
    golden = Golden.from_json(model.bundle["golden.json"])
    assert same(golden, model.student(num_threads=2).answer(golden.as_rows(manifest.features))) is None
    for name, content in model.bundle.items():
        (tmp_path / name).write_bytes(content)
    code = (
        "import sys, pathlib\n"
        "from serve_app.adapters.students import load_student\n"
        "from serve_app.core.bundle import read_manifest, same\n"
        "from serve_app.core.golden import Golden\n"
        "files = {p.name: p.read_bytes() for p in pathlib.Path(sys.argv[1]).iterdir()}\n"
        "golden = Golden.from_json(files['golden.json'])\n"
        "rows = golden.as_rows(read_manifest(files).features)\n"
        "print(same(golden, load_student(files, '1').answer(rows)))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert ran.stdout == "None\n"


def test_training_again_gives_the_same_bytes(model: Trained) -> None:
    make = numbers if model.use_case.target.kind == "regression" else many_classes
    if "yes" in model.fitted.data.labels:
        make = two_classes
    again = fit(*make(model.use_case.student.kind), threads=1)
    assert isinstance(again, Fitted)
    assert again.files == dict(model.fitted.files)


def test_a_class_without_rows_is_never_answered() -> None:
    model = trained(many_classes)
    answers = model.student().answer(rows(40, seed=3)[0])
    assert isinstance(answers, ClassAnswers)
    assert answers.classes[0] == "other"
    assert (answers.probabilities[:, 0] == 0).all()


def test_the_number_of_threads_changes_no_bit(model: Trained) -> None:
    data, _ = rows(700, seed=14)
    assert (bits(model.student(num_threads=2).answer(data)) == bits(model.student().answer(data))).all()


def test_a_student_is_asked_by_several_threads_at_once(model: Trained) -> None:
    data, _ = rows(300, seed=15)
    student = model.student(num_threads=2)
    alone = bits(student.answer(data))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: bits(student.answer(data)), range(24)))
    assert all((each == alone).all() for each in found)


def test_it_says_what_it_learned_from(model: Trained) -> None:
    """For drift: a reference of the features, and of the answers to rows that it had not seen."""
    drift = json.loads(model.bundle["drift.json"])
    assert drift["rows"] == drift["answers"] == model.fitted.data.rows
    data, _ = rows(COUNT, seed=16)
    answers = model.student().answer(data)
    found = psi(model.use_case, drift, data, Scores.of(answers))
    assert found.features["age"] < 0.2
    shifted = psi(model.use_case, drift, data.with_columns({"age": data["age"] * 3}), Scores.of(answers))
    assert shifted.features["age"] > 0.25


def test_a_damaged_model_is_refused_and_kills_no_parent(model: Trained) -> None:
    """Sealed again, so that every digest holds: the child process is what finds it out."""
    manifest = read_manifest(model.bundle)
    name = next(name for name in sorted(model.bundle) if name.startswith("trees-"))
    whole = model.bundle[name]
    in_the_first_tree = whole.find(b"leaf_value=") + 15  # of LightGBM's text half may be the parameters at its end
    cut = {name: whole[: in_the_first_tree if model.use_case.student.kind == "lightgbm" else len(whole) // 2]}
    kept = {each: text for each, text in model.bundle.items() if each not in ("manifest.json", "golden.json")}
    damaged = seal(
        {**kept, **cut}, family=manifest.family, use_case=model.use_case, metrics=manifest.metrics,
        calibration=manifest.calibration, data=manifest.data, libraries=manifest.libraries,
        created_at=manifest.created_at, golden=Golden.from_json(model.bundle["golden.json"]),
    )  # fmt: skip
    verify(model.bundle, model.use_case)
    with pytest.raises(BadBundle):
        verify(damaged, model.use_case)


def test_a_family_whose_library_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = trained(two_classes, "xgboost")
    monkeypatch.setitem(sys.modules, "xgboost", None)
    monkeypatch.delitem(sys.modules, "serve_app.adapters.xgboost_student")
    monkeypatch.delitem(sys.modules, "pipelines.trees_xgboost")
    with pytest.raises(BadBundle, match="xgboost is not installed: the extra `xgboost` brings it"):
        load_student(model.bundle, "1")
    told = fit(*two_classes("xgboost"))
    assert told == TrainFailure("desk", "xgboost is not installed: the extra `xgboost` brings it")


def test_an_unknown_family_is_refused(model: Trained) -> None:
    family = f'"family": "{model.use_case.student.kind}"'.encode()
    assert family in model.bundle["manifest.json"]
    manifest = model.bundle["manifest.json"].replace(family, b'"family": "oracle"')
    with pytest.raises(BadBundle, match="oracle"):
        load_student({**model.bundle, "manifest.json": manifest}, "1")
