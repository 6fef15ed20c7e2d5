"""A past period under another policy: what would have been asked, paid, and answered.

The rules are the cascade's own (``should_defer``, ``settle``), over the student's answers and the teacher's
replies as they were logged, and the audit's draws as chance made them. A row that was deferred then and would
not be now is known in full. A row that the student answered alone and that would be deferred now is asked at the
price of the period's calls; what the teacher would have said of it only audited rows can tell. Rows that had no
chance of being audited are named, not guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from serve_app.core.answers import (
    ClassAnswers,
    Failure,
    NoStudent,
    StudentAnswers,
    TeacherAnswer,
    TeacherFailure,
    TeacherReply,
    ValueAnswers,
    Verdict,
)
from serve_app.core.budget import TOLERANCE_USD, first_served, limits_of, unpaid, worth
from serve_app.core.cascade import Cascade, settle, should_defer
from serve_app.core.evidenced import Forces, fold_of
from serve_app.core.grounds import Grounds
from serve_app.core.ledger import Answer, Entry, answer_of, fate
from serve_app.core.measured import Measured
from serve_app.core.use_case import Budget, Classification, Regression, UseCase

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Policy:
    """``cascade``: what the rows are settled by; ``defers``: unset where each row is deferred as it was, so that
    only what follows differs; ``budget``: money that is given out anew, None: what was short then is short;
    ``forces``, ``grounds``: by model version, for a certified cascade and learned arbitration."""

    cascade: Cascade
    defers: bool
    budget: Budget | None = None
    forces: Mapping[str, Forces] = field(default_factory=dict)
    grounds: Mapping[str, Grounds] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Replayed:
    """One row under the policy: whether the teacher is asked, and with what outcome. ``new``: it never was."""

    asked: bool
    deferred: bool
    paid: bool
    new: bool
    reply: TeacherReply | None


class WhatIf:
    """Takes a period's entries, with their probabilities, in order; holds sums only. ``price_usd``: of a call that
    was never made, None where nobody knows."""

    def __init__(self, use_case: UseCase, policy: Policy, price_usd: float | None) -> None:
        self._use_case, self._policy, self._price = use_case, policy, price_usd
        self._spent: dict[str, float] = {}
        self._measured = Measured()
        self._counts = dict.fromkeys(("rows", "made", "new", "cache", "failed", "unpaid", "to_person"), 0)
        self._left_out: dict[str, int] = {}
        self._known_usd = 0.0

    def add(self, entries: Sequence[Entry]) -> None:
        fit = [entry for entry in entries if self._fits(entry)]
        for _, batch in groupby(fit, key=lambda entry: entry.model_version):
            self._batch(list(batch))

    def _fits(self, entry: Entry) -> bool:
        why = misfit(self._use_case, entry)
        if why is not None:
            self._left_out[why] = self._left_out.get(why, 0) + 1
        return why is None

    def _batch(self, entries: list[Entry]) -> None:
        policy, version = self._policy, entries[0].model_version or ""
        answers = answers_of(self._use_case, entries, policy.grounds.get(version))
        deferred = self._deferred(entries, answers, policy.forces.get(version))
        rows = self._replay(entries, answers, deferred)
        served = self._settled(answers, {place: row.reply for place, row in enumerate(rows) if row.reply is not None})
        alone = self._settled(answers, {p: r.reply for p, r in enumerate(rows) if r.deferred and r.reply is not None})
        for each in zip(entries, rows, served, alone, strict=True):
            self._count(*each)

    def _deferred(self, entries: list[Entry], answers: StudentAnswers, forces: Forces | None) -> Bools:
        """Under a certificate each row by the one that does not rest on it."""
        if not self._policy.defers:
            return np.array([entry.deferred for entry in entries])
        if forces is None:
            return should_defer(self._policy.cascade, answers)
        each = np.array([should_defer(self._policy.cascade, answers, force) for force in forces.without])
        return np.asarray(each[[fold_of(entry.id) for entry in entries], np.arange(len(entries))])

    def _replay(self, entries: list[Entry], answers: StudentAnswers, deferred: Bools) -> list[Replayed]:
        audited = np.array([entry.audited for entry in entries])
        asked = deferred | audited
        paid = np.ones(len(entries), dtype=bool)
        if self._policy.budget is not None:
            paid = self._paid(self._policy.budget, entries, asked, audited, worth(self._policy.budget, answers))
        return [self._row(*each) for each in zip(entries, asked, deferred, paid, strict=True)]

    def _paid(self, budget: Budget, entries: list[Entry], asked: Bools, audited: Bools, value: Floats) -> Bools:
        """The rows of a request, which have one moment, by their worth; requests as they came."""
        paid = np.zeros(len(entries), dtype=bool)
        for _, group in groupby(np.flatnonzero(asked), key=lambda place: entries[place].at):
            rows = np.array(list(group))
            for place in rows[first_served(value[rows], audited[rows])]:
                paid[place] = self._pay(budget, entries[place])
        return paid

    def _pay(self, budget: Budget, entry: Entry) -> bool:
        """As the live budget does, at the true cost: what was set aside in the meantime is not known any more."""
        cost = entry.cost_usd if was_asked(entry) else self._price or 0.0
        limits = limits_of(budget, self._use_case.name, entry.user, entry.at)
        if any(self._spent.get(limit.key, 0.0) + cost > limit.usd + TOLERANCE_USD for limit in limits):
            return False
        for limit in limits:
            self._spent[limit.key] = self._spent.get(limit.key, 0.0) + cost
        return True

    def _row(self, entry: Entry, asked: bool, deferred: bool, paid: bool) -> Replayed:
        if not asked:
            return Replayed(False, False, True, False, None)
        if not paid:
            budget = self._policy.budget or Budget()
            reply = unpaid("budget", budget) if deferred else None  # an audit that nobody pays for leaves no trace
            return Replayed(False, deferred, False, False, reply)
        if was_asked(entry):
            return Replayed(True, deferred, True, False, reply_of(entry))
        if not deferred and self._policy.budget is None:  # an audit that was not paid for, or found nobody to ask
            return Replayed(False, False, True, False, None)
        if fate(entry) == "budget" and self._policy.budget is None:
            return Replayed(False, deferred, False, False, reply_of(entry))
        return Replayed(True, deferred, True, True, None)

    def _settled(self, answers: StudentAnswers, replies: dict[int, TeacherReply]) -> list[Verdict]:
        target, teacher = self._use_case.target, self._use_case.teacher
        positive = target.positive if isinstance(target, Classification) else None
        return settle(self._policy.cascade, answers, replies, teacher.reliability, positive)

    def _count(self, entry: Entry, row: Replayed, served: Verdict, alone: Verdict) -> None:
        self._counts["rows"] += 1
        if row.new:
            self._counts["made"] += 1
            self._counts["new"] += 1
        elif row.asked:
            became = fate(entry)
            self._counts["made"] += became == "called"
            self._counts["cache"] += became == "cache"
            self._counts["failed"] += became == "failed"
            self._known_usd += entry.cost_usd
        elif not row.paid:
            self._counts["unpaid"] += 1
        self._measure(entry, row, self._said(served), self._said(alone))

    def _measure(self, entry: Entry, row: Replayed, served: Answer | None, alone: Answer | None) -> None:
        if served is None and not row.new:
            self._counts["to_person"] += 1
            return
        if row.new:  # a row that was due then, when money was short, is nothing that an audit could stand for
            self._measured.add(entry, None, None, replied=not (entry.deferred or entry.audited))
            return
        self._measured.add(entry, served, alone)
        if row.deferred and row.paid and not entry.deferred and entry.audited and entry.teacher is not None:
            self._measured.expect(entry, alone)

    def _said(self, verdict: Verdict) -> Answer | None:
        return answer_of(verdict.prediction(isinstance(self._use_case.target, Regression)))

    def as_dict(self) -> dict[str, Any]:
        counts, new = self._counts, self._counts["new"]
        extra = None if new and self._price is None else new * (self._price or 0.0)
        return {
            "rows": counts["rows"],
            "left_out": [{"reason": why, "rows": rows} for why, rows in sorted(self._left_out.items())],
            "calls": {name: counts[name] for name in ("made", "new", "failed")},
            "cached": counts["cache"],
            "budget_short": counts["unpaid"],
            "to_person": counts["to_person"],
            "cost_usd": None if extra is None else self._known_usd + extra,
            "known_usd": self._known_usd,
            **self._measured.as_dict(),
        }


def was_asked(entry: Entry) -> bool:
    """Whether the teacher was asked then, also where the answer was kept or the call failed."""
    return fate(entry) in ("called", "cache", "failed")


def misfit(use_case: UseCase, entry: Entry) -> str | None:
    """Why a row cannot be replayed by the use case as it is now."""
    if entry.student is None or isinstance(use_case.target, Regression):
        return None
    chances = entry.student.get("probabilities")
    if not isinstance(chances, list) or len(chances) != len(use_case.target.classes):
        return "the classes were others then"
    best = use_case.target.classes[int(np.argmax(chances))]
    return None if best == entry.student.get("label") else "the classes were others then"


def answers_of(use_case: UseCase, entries: Sequence[Entry], grounds: Grounds | None) -> StudentAnswers:
    """As the student gave them; all of one version."""
    students, version = [entry.student for entry in entries], entries[0].model_version or ""
    told = [student for student in students if student is not None]
    if not told:
        reason = str(entries[0].answer.get("reason") or "cold_start").split(", ")[0]
        return NoStudent(len(entries), reason)
    if isinstance(use_case.target, Classification):
        chances = np.array([student["probabilities"] for student in told], dtype=np.float64)
        return ClassAnswers(use_case.target.classes, chances, version, grounds)
    value = np.array([student["value"] for student in told], dtype=np.float64)
    low, high = np.array([student["interval"] for student in told], dtype=np.float64).T
    return ValueAnswers(value, low, high, version)


def reply_of(entry: Entry) -> TeacherReply | None:
    """As it was recorded; None where the teacher was not asked and no failure is known."""
    if entry.teacher is not None:
        told = entry.teacher
        provider, model = str(told.get("provider")), str(told.get("model"))
        return TeacherAnswer(provider, model, told.get("label"), told.get("value"), told.get("confidence"))
    if fate(entry) == "student":
        return None
    reason = str(entry.answer.get("reason") or "no_teacher").split(", ")[-1]
    nobody = entry.student is not None and entry.served is None
    return TeacherFailure(cast(Failure, reason), to_person=nobody)
