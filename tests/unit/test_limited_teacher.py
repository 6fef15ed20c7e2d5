"""Whoever has asked the LLM too often gets the student's answer, and no error."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from serve_app.adapters.limited_teacher import Allowance, LimitedTeacher
from serve_app.adapters.memory_buckets import MemoryBuckets
from serve_app.core import cascade
from serve_app.core.answers import ClassAnswers, Question, TeacherAnswer, TeacherReply
from serve_app.core.buckets import TOO_OFTEN, Bucket
from serve_app.core.budget import came_to, without_audit

pytestmark = pytest.mark.anyio

CLASSES = ("spray", "head")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Llm:
    name = "openai:m"

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def answer_all(self, questions: Sequence[Question], deadline_s: float) -> list[TeacherReply]:
        self.asked += [question.fields["height"] for question in questions]
        return [TeacherAnswer("openai", "m", label="head") for _ in questions]


def questions(*heights: float) -> list[Question]:
    return [Question("foams", "p", {"height": height}, CLASSES) for height in heights]


async def test_as_many_are_asked_as_there_are_tokens_and_each_caller_has_his_own() -> None:
    llm, allowance = Llm(), Allowance(Bucket(0.001, 3), MemoryBuckets(lambda: 0.0))
    ani, budi = LimitedTeacher(llm, allowance, "user:ani"), LimitedTeacher(llm, allowance, "user:budi")
    assert [type(reply) for reply in await ani.answer_all(questions(1, 2), 5)] == [TeacherAnswer] * 2
    assert (await ani.answer_all(questions(3, 4, 5), 5))[1:] == [TOO_OFTEN] * 2
    assert await ani.answer_all(questions(6), 5) == [TOO_OFTEN]
    assert llm.asked == [1, 2, 3]
    assert isinstance((await budi.answer_all(questions(7), 5))[0], TeacherAnswer)
    assert await allowance.of("user:ani", 1) == 0
    assert await allowance.of("", 9) == 9, "what nobody asked for is not limited"
    assert await Allowance(None, None).of("user:ani", 9) == 9


def test_the_student_answers_and_says_why_and_it_costs_nothing() -> None:
    answers = ClassAnswers(CLASSES, np.array([[0.6, 0.4]]), "1")
    policy = cascade.FixedCascade(kind="fixed")
    (verdict,) = cascade.settle(policy, answers, {0: TOO_OFTEN}, 0.9)
    assert (verdict.source, verdict.label, verdict.degraded) == ("student_fallback", "spray", True)
    assert verdict.reason == "rate_limited"
    assert came_to(TOO_OFTEN, 1.0) == 0.0


def test_an_audit_that_may_not_ask_leaves_the_answer_as_it_is() -> None:
    assert without_audit({0: TOO_OFTEN, 1: TOO_OFTEN}, np.array([True, False])) == {0: TOO_OFTEN}
