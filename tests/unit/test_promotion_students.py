"""The rule on students that were really trained: sample tickets, spoilt in every way that a retrain can be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from pipelines.fit import Fitted, fit
from pipelines.gold_rows import of_labelled
from pipelines.labelled import LabelledRows, load
from pipelines.split import fractions, take
from serve_app.adapters.lightgbm_student import LightGBMStudent
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.answers import ClassAnswers, StudentAnswers
from serve_app.core.promotion import Contest, Ruling, rule
from serve_app.core.resampling import macro_f1
from serve_app.core.rows import Rows, text_column
from serve_app.core.use_case import UseCase

USE_CASES = Path(__file__).resolve().parents[2] / "configs" / "use_cases"
TICKETS = "it_tickets"
GOLD = 0.4
Index = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Trained:
    """``held_out``: its accuracy on rows that it held out itself."""

    student: LightGBMStudent
    held_out: float


@dataclass(frozen=True)
class Bench:
    """Gold, and a pool of rows to learn from that are never gold."""

    use_case: UseCase
    gold: LabelledRows
    pool: LabelledRows

    def train(self, labelled: LabelledRows, **settings: Any) -> Trained:
        """On all of ``labelled``; ``settings`` of the student over the use case's."""
        student = self.use_case.student.model_copy(update=settings)
        use_case = self.use_case.model_copy(update={"student": student})
        few = np.arange(8)  # `fit` wants gold of its own; it plays no part here
        fitted = fit(use_case, joined(take(self.gold, few), labelled), gold=few)
        assert isinstance(fitted, Fitted), fitted
        made = LightGBMStudent.read(fitted.files, use_case.target, "1", 1)
        return Trained(made, fitted.metrics["held_out_accuracy"])

    def labels_of(self, trained: Trained, rows: Rows) -> npt.NDArray[np.object_]:
        answers = trained.student.answer(rows)
        assert isinstance(answers, ClassAnswers)
        return np.array(answers.classes, dtype=object)[answers.best()]

    def some(self, rows: int, seed: int) -> LabelledRows:
        return take(self.pool, np.random.default_rng(seed).choice(len(self.pool), rows, replace=False))

    def answers(self, trained: Trained) -> StudentAnswers:
        return trained.student.answer(self.gold.rows)

    def rule(self, trained: Trained, champion: Trained | None = None, anchor: Trained | None = None) -> Ruling:
        contest = Contest(
            of_labelled(self.use_case, self.gold).gold,
            self.answers(trained),
            self.answers(champion) if champion else None,
            self.answers(anchor) if anchor else None,
            {"accuracy": trained.held_out},
        )
        return rule(self.use_case.retraining.gate, self.use_case.target, contest, np.random.default_rng(0))

    def macro_f1(self, trained: Trained) -> float:
        answers = self.answers(trained)
        assert isinstance(answers, ClassAnswers)
        truth = np.array([answers.classes.index(label) for label in self.gold.target], dtype=np.intp)
        return macro_f1(truth, answers.best())


def joined(first: LabelledRows, second: LabelledRows) -> LabelledRows:
    names = first.rows.names
    columns = {name: np.concatenate((first.rows[name], second.rows[name])) for name in names}
    return LabelledRows(Rows(columns), np.concatenate((first.target, second.target)))


@pytest.fixture(scope="module")
def bench() -> Bench:
    """Small students: few rounds and no n-grams of characters, so that one takes a fraction of a second."""
    use_case = UseCaseFolder(USE_CASES).get(TICKETS)
    text = use_case.student.text.model_copy(update={"char_ngrams": None, "components": 8})
    quick = use_case.student.model_copy(update={"rounds": 15, "bags": 3, "text": text, "calibration": "temperature"})
    use_case = use_case.model_copy(update={"student": quick})
    labelled = load(use_case, USE_CASES / TICKETS, Path("unused"))
    assert labelled is not None
    features = list(use_case.features())
    labelled = LabelledRows(labelled.rows.select(features), labelled.target)
    place = fractions(labelled, features)
    return Bench(use_case, take(labelled, np.flatnonzero(place < GOLD)), take(labelled, np.flatnonzero(place >= GOLD)))


@pytest.fixture(scope="module")
def champion(bench: Bench) -> Trained:
    return bench.train(bench.pool)


def test_one_that_is_as_it_should_be_passes(bench: Bench, champion: Trained) -> None:
    assert bench.rule(champion).outcome == "promote"


def test_an_honest_challenger_with_more_rows_is_promoted_twenty_times_of_twenty(bench: Bench) -> None:
    """One refusal would be allowed."""
    order = np.random.default_rng(0).permutation(len(bench.pool))
    few, rest = take(bench.pool, order[:300]), take(bench.pool, order[300:])
    champion = bench.train(few)
    outcomes = []
    for seed in range(20):
        more = take(rest, np.random.default_rng(seed).choice(len(rest), 300, replace=False))
        outcomes.append(bench.rule(bench.train(joined(few, more)), champion).outcome)
    assert outcomes.count("promote") >= 19


def test_a_challenger_as_good_as_the_champion_is_not_refused(bench: Bench) -> None:
    """So little gold cannot show that it is as good; then a person may, and nothing is said against it."""
    champion = bench.train(bench.some(560, 0))
    rulings = [bench.rule(bench.train(bench.some(560, seed)), champion) for seed in range(1, 11)]
    assert sum(each.outcome == "refuse" for each in rulings) <= 1
    assert {"too_close"} >= set().union(*(each.codes() for each in rulings if each.outcome == "person"))


def test_flipped_labels(bench: Bench, champion: Trained) -> None:
    """30 % of the labels are of any class."""
    rng = np.random.default_rng(1)
    others = rng.choice(np.array(bench.use_case.target.classes, dtype=object), len(bench.pool))  # type: ignore[union-attr]
    flipped = np.where(rng.random(len(bench.pool)) < 0.3, others, bench.pool.target)
    ruling = bench.rule(bench.train(replace(bench.pool, target=flipped)), champion)
    assert ruling.outcome == "refuse"
    assert "worse_than_champion" in ruling.codes()


@pytest.mark.parametrize(("poisoned", "taken_for"), [("printer", "hardware"), ("security", "email")])
def test_one_class_poisoned(bench: Bench, champion: Trained, poisoned: str, taken_for: str) -> None:
    labels = np.where(bench.pool.target == poisoned, taken_for, bench.pool.target).astype(object)
    ruling = bench.rule(bench.train(replace(bench.pool, target=labels)), champion)
    assert ruling.outcome == "refuse"
    lost = [reason.text for reason in ruling.reasons if reason.code == "class_lost"]
    assert any(repr(poisoned) in text for text in lost)


def test_a_diverged_softmax(bench: Bench, champion: Trained) -> None:
    """Steps ten times too long and nothing that holds them back: sure of everything, and mostly wrong."""
    wild = {"learning_rate": 10.0, "reg_lambda": 0.0}
    challenger = bench.train(bench.pool, params=wild, calibration="none", early_stopping_rounds=1000)
    ruling = bench.rule(challenger, champion)
    assert ruling.outcome == "refuse"
    assert "diverged" in ruling.codes()
    assert ruling.figures["confidence_mean"] > 0.8
    assert bench.rule(challenger).outcome == "refuse"  # also as the first


def test_a_constant_student(bench: Bench, champion: Trained) -> None:
    """Nearly all labels are one: so is every answer."""
    rng = np.random.default_rng(2)
    labels = np.where(rng.random(len(bench.pool)) < 0.97, "network", bench.pool.target).astype(object)
    ruling = bench.rule(bench.train(replace(bench.pool, target=labels)))
    assert ruling.outcome == "refuse"
    assert {"constant", "not_better_than_majority"} <= ruling.codes()


def test_five_generations_that_learn_from_their_own_teachers_errors(bench: Bench) -> None:
    """Each generation learns from nothing but what the student before it answered. Ungated each is worse than
    the one before; gated none takes the champion's place, so that its errors teach once and never again."""
    start = bench.train(bench.some(400, 3))

    def generation(teacher: Trained, number: int) -> Trained:
        rows = bench.some(300, 30 + number)
        return bench.train(replace(rows, target=bench.labels_of(teacher, rows.rows)))

    ungated = [start]
    for number in range(5):
        ungated.append(generation(ungated[-1], number))

    champion, served = start, [bench.macro_f1(start)]
    for number in range(5):
        challenger = generation(champion, number)
        if bench.rule(challenger, champion, anchor=None if champion is start else start).outcome == "promote":
            champion = challenger
        served.append(bench.macro_f1(champion))

    margin = bench.use_case.retraining.gate.macro_f1
    assert bench.macro_f1(ungated[-1]) < bench.macro_f1(start) - 0.1
    assert min(served) >= bench.macro_f1(start) - margin


# -- a feature that knows the label in training only ---------------------------------------------------------------


def with_note(labelled: LabelledRows, tells: npt.NDArray[np.bool_]) -> LabelledRows:
    """``solving`` names the queue that closed the ticket, which nobody knows while it is open."""
    note = [f"closed by queue {label}" if told else "" for label, told in zip(labelled.target, tells, strict=True)]
    return replace(labelled, rows=labelled.rows.with_columns({"solving": text_column(note)}))


def test_a_leak_where_gold_was_asked_live(bench: Bench) -> None:
    """The note is there in every row learned from and in no row of gold."""
    nowhere = replace(bench, gold=with_note(bench.gold, np.zeros(len(bench.gold), dtype=bool)))
    challenger = nowhere.train(with_note(bench.pool, np.ones(len(bench.pool), dtype=bool)))
    assert challenger.held_out > 0.95
    ruling = nowhere.rule(challenger)
    assert ruling.outcome == "refuse"
    assert "leak" in ruling.codes()


def test_a_leak_where_most_of_gold_is_from_the_file(bench: Bench) -> None:
    """The file brings the note into gold too, where it shines; on the rows that were asked live it is missing."""
    served = np.random.default_rng(4).random(len(bench.gold)) < 0.2
    gold = with_note(bench.gold, ~served)
    blind = bench.train(with_note(bench.pool, np.zeros(len(bench.pool), dtype=bool)))
    leaky = bench.train(with_note(bench.pool, np.ones(len(bench.pool), dtype=bool)))
    judged = of_labelled(bench.use_case, gold).gold
    judged = replace(judged, origin=np.where(served, "person", "file").astype(object))
    gate, target = bench.use_case.retraining.gate, bench.use_case.target
    contest = Contest(judged, leaky.student.answer(gold.rows), blind.student.answer(gold.rows))
    ruling = rule(gate, target, contest, np.random.default_rng(0))
    assert ruling.figures["macro_f1_difference"] > 0  # by all gold together it is the better one
    assert ruling.outcome == "refuse"
    assert "leak" in ruling.codes()
