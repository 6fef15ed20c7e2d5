"""HEADLINES: a student of 5,000 rows before a simulated teacher, at published accuracy and price."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from serve_app.core.answers import ClassAnswers
from serve_app.core.cascade import CertifiedCascade, chosen, should_defer
from serve_app.core.grounds import Grounds
from serve_app.core.standing import Standing, in_force
from tests.benchmarks.cascade_rules import (
    DATA,
    NOW,
    RULES,
    Bools,
    Labels,
    Record,
    answers_of,
    arbiter_of,
    certificate_of,
    fixed,
    said_by,
    settled,
    student_of,
    use_case_of,
)

PRICE, RIGHT, SLOPE = 1.729215e-05, 0.848, 0.25
"""Of gemini-1.5-flash on HEADLINES as published: US dollars a query, accuracy; and of the ``hard`` teacher
how much more often it is right on the row that the student is surest of than on the other end."""

FRUGAL_COST = 0.00135881
"""Of FrugalGPT at its best accuracy, 0.8746, as published: US dollars a query."""

GOLD_ROWS = 1000
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)

Teacher = Literal["even", "hard", "one class"]
TEACHERS: tuple[Teacher, ...] = ("even", "hard", "one class")


def simulated(chance: np.random.Generator, truth: Labels, sure: npt.NDArray[np.float64], kind: Teacher) -> Labels:
    """A teacher that is right on ``RIGHT`` of the rows; its errors are drawn from what is frequent."""
    right = chance.random(len(truth)) < _right(truth, sure, kind)
    names, counts = np.unique(truth, return_counts=True)
    wrong = np.array([chance.choice(names, p=_others(names, counts, label)) for label in truth], dtype=object)
    return np.where(right, truth, wrong)


def _right(truth: Labels, sure: npt.NDArray[np.float64], kind: Teacher) -> npt.NDArray[np.float64]:
    """The chance of each row."""
    if kind == "hard":
        rank = np.argsort(np.argsort(sure)) / max(len(sure) - 1, 1)
        return np.asarray(RIGHT + SLOPE * (rank - 0.5))
    if kind == "one class":
        names, counts = np.unique(truth, return_counts=True)
        missed = truth == names[counts.argmax()]
        return np.where(missed, 1 - (1 - RIGHT) / missed.mean(), 1.0)
    return np.full(len(truth), RIGHT)


def _others(names: Labels, counts: npt.NDArray[np.intp], label: str) -> npt.NDArray[np.float64]:
    weights = np.where(names == label, 0, counts).astype(float)
    return weights / weights.sum()


@dataclass(frozen=True)
class Asked:
    """Of one seed: what the student of all training rows answers to the test rows (``whole``), and what the
    one that left ``GOLD_ROWS`` of them aside answers to these and to the test rows."""

    seed: int
    whole: ClassAnswers
    on_gold: ClassAnswers
    on_test: ClassAnswers
    gold: Labels
    truth: Labels

    def told(self, title: str, learned: str, kind: str, said: Labels, asked: Bools) -> Record:
        cost, alone = float(asked.mean()) * PRICE, ~asked
        return {
            "seed": self.seed, "cascade": title, "student of": learned, "teacher": kind, "rows": len(self.truth),
            "accuracy": float((said == self.truth).mean()), "calls": float(asked.mean()), "dollars": cost,
            "of FrugalGPT": cost / FRUGAL_COST,
            "accuracy alone": float((said == self.truth)[alone].mean()) if alone.any() else float("nan"),
        }  # fmt: skip


def headlines(seed: int) -> list[Record]:
    table = pd.read_parquet(DATA / "headlines" / "headlines.parquet")
    train, test = (table[table["split"] == part].reset_index(drop=True) for part in ("train", "test"))
    use_case = use_case_of("headlines", sorted(table["label"].unique()), seed)
    held = np.isin(np.arange(len(train)), np.random.default_rng(seed).permutation(len(train))[:GOLD_ROWS])
    gold = train[held].reset_index(drop=True)
    student = student_of(use_case, train[~held], gold)
    asked = Asked(
        seed,
        whole=answers_of(student_of(use_case, train, test), test["text"]),
        on_gold=answers_of(student, gold["text"]),
        on_test=answers_of(student, test["text"]),
        gold=gold["label"].to_numpy(dtype=object),
        truth=test["label"].to_numpy(dtype=object),
    )
    alone = asked.told("student alone", "5,000 rows", "", said_by(asked.whole), np.zeros(len(test), bool))
    return [alone, *(each for kind in TEACHERS for each in _taught(asked, kind))]


def _taught(asked: Asked, kind: Teacher) -> Iterator[Record]:
    chance = np.random.default_rng([asked.seed, 1])
    teacher = simulated(chance, asked.truth, asked.whole.probabilities.max(axis=1), kind)
    of_gold = simulated(chance, asked.gold, asked.on_gold.probabilities.max(axis=1), kind)
    yield asked.told("teacher alone", "", kind, teacher, np.ones(len(teacher), bool))
    for threshold in THRESHOLDS:
        found = settled(fixed(threshold), asked.whole, teacher, RIGHT)
        yield asked.told(f"fixed {threshold}, teacher wins", "5,000 rows", kind, *found)
    deferred = should_defer(fixed(0.8), asked.on_gold)
    grounds = Grounds(None, arbiter_of(asked.on_gold, of_gold, asked.gold, deferred))
    for rule in RULES:
        found = settled(fixed(0.8, rule), replace(asked.on_test, grounds=grounds), teacher, RIGHT)
        yield asked.told(f"fixed 0.8, {rule}", "4,000 rows", kind, *found)
    for target, per_class in ((0.9, True), (0.9, False), (0.95, True), (0.95, False)):
        policy = CertifiedCascade(kind="certified", target=target, reference="gold", per_class=per_class)
        title = f"certified {target}, {'by class' if per_class else 'one threshold'}"
        yield asked.told(title, "4,000 rows", kind, *_certified(asked, policy, teacher, chance))


def _certified(
    asked: Asked, policy: CertifiedCascade, teacher: Labels, chance: np.random.Generator
) -> tuple[Labels, Bools]:
    made = certificate_of(policy, asked.on_gold, asked.gold, asked.on_test, 1)
    force = in_force(made, Standing("1"), asked.on_test.classes, NOW)
    return settled(policy, asked.on_test, teacher, RIGHT, force, chosen(policy, chance.random(len(teacher))))
