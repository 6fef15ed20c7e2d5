"""The teacher asked on the use case's money, where a whole table is scored."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pipelines.paid import PaidTeacher
from serve_app.adapters.memory_budget import MemoryBudget
from serve_app.core.answers import Question, TeacherAnswer, TeacherFailure, TeacherReply
from serve_app.core.tariff import Flat
from serve_app.core.use_case import UseCase

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = "foams:day:2026-03-01"
QUESTIONS = [Question("foams", "p", {"height": float(row)}, ("spray", "head")) for row in range(8)]


def use_case(**money: object) -> UseCase:
    return UseCase.model_validate({
        "name": "foams", "title": "Foams", "fields": {"height": {"kind": "numeric"}},
        "target": {"kind": "classification", "column": "sort", "classes": ["spray", "head"]},
        "student": {"kind": "lightgbm"}, "cascade": {"kind": "fixed"}, "decision": {"kind": "label"}, "budget": money,
    })  # fmt: skip


def paid(store: MemoryBudget, cost_usd: float = 0.1, most: float = 0.1, **money: object) -> PaidTeacher:
    def ask(questions: list[Question]) -> list[TeacherReply]:
        return [TeacherAnswer("memory", "m", label="head", cost_usd=cost_usd) for _ in questions]

    return PaidTeacher(use_case(**money), ask, Flat(most), lambda: store, lambda: NOON)


def reasons(replies: object) -> list[str | None]:
    return [reply.reason if isinstance(reply, TeacherFailure) else None for reply in replies]  # type: ignore[attr-defined]


def test_a_table_is_paid_for_as_far_as_the_money_goes() -> None:
    store = MemoryBudget()
    assert reasons(paid(store, per_day_usd=0.5)(QUESTIONS)) == [None] * 5 + ["budget"] * 3
    assert store.spent([DAY])[DAY] == 0.5


def test_what_is_given_back_pays_for_more() -> None:
    store = MemoryBudget()
    assert reasons(paid(store, 0.01, per_day_usd=0.5)(QUESTIONS)) == [None] * 8
    assert store.spent([DAY])[DAY] == pytest.approx(0.08)


def test_without_a_budget_or_a_price_no_store_is_asked() -> None:
    store = MemoryBudget()
    assert reasons(paid(store)(QUESTIONS)) == reasons(paid(store, 0.0, 0.0, per_day_usd=0.0)(QUESTIONS)) == [None] * 8
    assert store.calls == []


def test_a_store_that_is_away_pays_for_nothing() -> None:
    store = MemoryBudget()
    store.away = True
    replies = paid(store, per_day_usd=0.5, when_short="review")(QUESTIONS)
    assert replies == [TeacherFailure("budget_unavailable", to_person=True)] * 8
