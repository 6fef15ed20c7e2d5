"""Periods in which everything is known: what each student, the teacher and people say of every row.

``answered`` runs the real rules over such a world and writes down only what a log would hold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from serve_app.core.answers import ClassAnswers, TeacherAnswer, TeacherReply
from serve_app.core.cascade import Cascade, chosen, propensity, settle, should_defer
from serve_app.core.ledger import Entry
from serve_app.core.use_case import UseCase

START = datetime(2026, 3, 1, tzinfo=UTC)
CLASSES = ("access", "network", "other")


def use_case_of(**cascade: Any) -> UseCase:
    return UseCase.model_validate(
        {
            "name": "tickets",
            "title": "Tickets",
            "fields": {"text": {"kind": "text"}},
            "target": {"kind": "classification", "column": "category", "classes": CLASSES},
            "student": {"kind": "lightgbm"},
            "cascade": {"kind": "fixed", **cascade},
            "decision": {"kind": "route"},
        }
    )


@dataclass(frozen=True)
class World:
    """All (n,) but ``chances`` (n, classes): ``teacher`` and ``people`` are places of classes, ``draws`` the
    audit's, ``usd`` what a call costs."""

    chances: Any
    teacher: Any
    people: Any
    draws: Any
    usd: Any

    def __len__(self) -> int:
        return len(self.teacher)

    @property
    def student(self) -> Any:
        return self.chances.argmax(axis=1)


def world(seed: int, rows: int = 2000) -> World:
    """The surer the student, the more often it and the teacher say the same; the teacher is right of 9 in 10."""
    rng = np.random.default_rng(seed)
    sure = rng.beta(4, 1.5, rows) * 2 / 3 + 1 / 3
    best, places = rng.integers(3, size=rows), np.arange(rows)
    chances = np.repeat((1 - sure)[:, None] / 2, 3, axis=1)
    chances[places, best] = sure
    agrees = rng.random(rows) < sure**0.5
    teacher = np.where(agrees, best, (best + rng.integers(1, 3, rows)) % 3)
    people = np.where(rng.random(rows) < 0.9, teacher, best)
    return World(chances, teacher, people, rng.random(rows), rng.uniform(0.001, 0.003, rows))


def answered(known: World, policy: Cascade, labelled: float = 0.0, version: str = "1") -> list[Entry]:
    """The log of the period. ``labelled``: the share of all rows that people label, by chance."""
    answers = ClassAnswers(CLASSES, known.chances, version)
    deferred, audited = should_defer(policy, answers), chosen(policy, known.draws)
    replies: dict[int, TeacherReply] = {int(n): _reply(known, n) for n in np.flatnonzero(deferred | audited)}
    verdicts = settle(policy, answers, replies, 0.85)
    chance = propensity(policy, deferred)
    heard = np.random.default_rng(len(known)).random(len(known)) < labelled
    return [
        Entry(
            id=f"01J{row:023d}",
            at=START + timedelta(seconds=40 * row),
            student={
                "label": CLASSES[known.student[row]],
                "confidence": float(known.chances[row].max()),
                "probabilities": known.chances[row].tolist(),
            },
            teacher=reply.as_dict() if isinstance(reply := replies.get(row), TeacherAnswer) else None,
            answer={
                "prediction": verdict.prediction(False), "source": verdict.source, "degraded": verdict.degraded,
                "reason": verdict.reason,
            },
            model_version=version,
            propensity=float(chance[row]),
            audit_rate=policy.audit_rate if audited[row] else None,
            cost_usd=0.0 if reply is None else reply.cost_usd,
            person=CLASSES[known.people[row]] if heard[row] else None,
        )
        for row, verdict in enumerate(verdicts)
    ]  # fmt: skip


def agreement(known: World, entries: list[Entry]) -> float:
    """The truth: of all rows, what was served and what the teacher says, asked or not."""
    return float(np.mean([entry.served == CLASSES[known.teacher[row]] for row, entry in enumerate(entries)]))


def accuracy(known: World, entries: list[Entry]) -> float:
    return float(np.mean([entry.served == CLASSES[known.people[row]] for row, entry in enumerate(entries)]))


def refused(entry: Entry, reason: str = "budget") -> Entry:
    """A deferred row whose call was not made, or failed."""
    assert entry.student is not None
    prediction = {"label": entry.student["label"], "confidence": entry.student["confidence"]}
    answer = {"prediction": prediction, "source": "student_fallback", "degraded": True, "reason": reason}
    return replace(entry, teacher=None, answer=answer, cost_usd=0.0)


def _reply(known: World, row: Any) -> TeacherAnswer:
    return TeacherAnswer("fake", "fake", CLASSES[known.teacher[row]], cost_usd=float(known.usd[row]))
