"""The guard around a teacher: time-out, retry, bound, breaker, deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from serve_app.adapters.guarded_teacher import GuardedTeacher
from serve_app.adapters.llm import retry_after_s
from serve_app.adapters.memory_teacher import MemoryTeacher, Say
from serve_app.core.answers import Question, TeacherAnswer, TeacherFailure, TeacherReply
from serve_app.core.platform import Breaker

pytestmark = pytest.mark.anyio

GOOD = TeacherAnswer("memory", "memory", label="a")
DOWN = TeacherFailure("server_error", "memory")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def asked(text: str = "") -> Question:
    return Question("desk", "p", {"text": text}, ("a", "b"))


def script(*replies: TeacherReply) -> Say:
    """One reply after the other; the last one stays."""
    left = list(replies)
    return lambda question: left.pop(0) if len(left) > 1 else left[0]


def guard(teacher: Any, **changes: Any) -> GuardedTeacher:
    settings = {"timeout_s": 0.2, "deadline_s": 5.0, "concurrency": 4, "breaker": Breaker(failures=100)}
    return GuardedTeacher(teacher, **{**settings, "jitter": lambda: 0.0, **changes})


class Slow:
    """Takes as many seconds as the question's text says."""

    name = "slow"

    def __init__(self) -> None:
        self.asked = self.cancelled = 0

    async def answer(self, question: Question) -> TeacherReply:
        self.asked += 1
        try:
            await asyncio.sleep(float(question.fields["text"]))
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return GOOD

    async def close(self) -> None: ...


async def test_answers_stand_in_the_order_of_the_questions() -> None:
    teacher = guard(MemoryTeacher(lambda q: q.fields["text"]))
    replies = await teacher.answer_all([asked("a"), asked("b"), asked("a")], 1.0)
    assert [r.label for r in replies if isinstance(r, TeacherAnswer)] == ["a", "b", "a"]
    assert await teacher.answer_all([], 1.0) == []


@pytest.mark.parametrize("reason", ["rate_limited", "server_error", "connection_error", "timeout"])
async def test_what_may_pass_is_tried_once_more(reason: Any) -> None:
    inner = MemoryTeacher(script(TeacherFailure(reason), GOOD))
    assert await guard(inner).answer(asked()) == GOOD
    assert len(inner.asked) == 2


async def test_and_only_once() -> None:
    inner = MemoryTeacher(script(DOWN))
    assert await guard(inner).answer(asked()) == DOWN
    assert len(inner.asked) == 2


@pytest.mark.parametrize("reason", ["refused", "off_schema", "empty", "bad_credentials", "bad_request", "not_recorded"])
async def test_what_would_come_again_is_not_tried_again(reason: Any) -> None:
    inner = MemoryTeacher(script(TeacherFailure(reason), GOOD))
    assert (await guard(inner).answer(asked())).reason == reason
    assert len(inner.asked) == 1


async def test_waits_as_long_as_the_provider_asks() -> None:
    inner = MemoryTeacher(script(TeacherFailure("rate_limited", retry_after_s=0.3), GOOD))
    took, reply = await _timed(guard(inner).answer(asked()))
    assert reply == GOOD
    assert 0.3 <= took < 1.0


async def test_does_not_wait_past_the_deadline() -> None:
    inner = MemoryTeacher(script(TeacherFailure("rate_limited", retry_after_s=9.0), GOOD))
    took, replies = await _timed(guard(inner).answer_all([asked()], 0.5))
    assert replies[0].reason == "rate_limited"
    assert took < 0.3


async def test_a_time_out_is_tried_again_only_if_there_is_time() -> None:
    teacher = Slow()
    assert (await guard(teacher).answer_all([asked("9")], 0.35))[0].reason == "timeout"
    assert teacher.asked == 1
    assert (await guard(teacher).answer_all([asked("9")], 2.0))[0].reason == "timeout"
    assert teacher.asked == 3


async def test_one_slow_question_holds_nobody_up() -> None:
    teacher = guard(Slow(), timeout_s=5.0)
    took, replies = await _timed(teacher.answer_all([asked("9"), asked("0"), asked("0.01")], 0.3))
    assert [isinstance(r, TeacherAnswer) for r in replies] == [False, True, True]
    assert took < 0.5


async def test_a_teacher_that_will_not_stop_does_not_delay_the_rest() -> None:
    class Stubborn(Slow):
        async def answer(self, question: Question) -> TeacherReply:
            for _ in range(20):
                try:
                    await asyncio.sleep(0.05)
                except asyncio.CancelledError:
                    continue
            return GOOD

    took, replies = await _timed(guard(Stubborn()).answer_all([asked()], 0.2))
    assert replies == [TeacherFailure("deadline", "slow")]
    assert took < 0.6


async def test_no_more_calls_at_a_time_than_allowed() -> None:
    inner = MemoryTeacher(lambda q: "a", latency_s=0.02)
    teacher = guard(inner, concurrency=3)
    await asyncio.gather(*(teacher.answer_all([asked()] * 8, 5.0) for _ in range(3)))
    assert inner.most == 3
    assert len(inner.asked) == 24


async def test_without_a_free_slot_it_says_overloaded() -> None:
    teacher = guard(Slow(), concurrency=1, timeout_s=5.0)
    busy = asyncio.create_task(teacher.answer_all([asked("1")], 5.0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    took, replies = await _timed(teacher.answer_all([asked("0")], 0.1))
    assert replies[0].reason == "overloaded"
    assert took < 0.4
    busy.cancel()


async def test_many_questions_do_not_lock_out_one() -> None:
    teacher = guard(MemoryTeacher(lambda q: "a", latency_s=0.02), concurrency=2)
    many = asyncio.create_task(teacher.answer_all([asked()] * 200, 10.0))
    await asyncio.sleep(0.03)
    took, _ = await _timed(teacher.answer(asked()))
    many.cancel()
    assert took < 0.5


async def test_what_is_left_at_the_deadline_is_said_so() -> None:
    inner = MemoryTeacher(lambda q: "a", latency_s=0.05)
    took, replies = await _timed(guard(inner, concurrency=2).answer_all([asked()] * 1000, 0.2))
    assert {type(r) for r in replies[:2]} == {TeacherAnswer}
    assert replies[-1].reason == "deadline"
    assert took < 0.5


async def test_a_cancelled_request_cancels_its_calls_and_frees_its_slots() -> None:
    slow = Slow()
    teacher = guard(slow, concurrency=2, timeout_s=5.0)
    task = asyncio.create_task(teacher.answer_all([asked("9")] * 5, 5.0))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await teacher.answer(asked("0")) == GOOD
    assert (slow.asked, slow.cancelled) == (3, 2)


async def test_a_teacher_that_raises_costs_one_answer_only() -> None:
    def say(question: Question) -> str:
        if question.fields["text"] == "bug":
            raise ZeroDivisionError
        return "a"

    replies = await guard(MemoryTeacher(say)).answer_all([asked("bug"), asked()], 1.0)
    assert replies[0] == TeacherFailure("server_error", "memory")
    assert isinstance(replies[1], TeacherAnswer)


async def test_the_breaker_opens_and_then_costs_no_call() -> None:
    inner = MemoryTeacher(script(DOWN))
    teacher = guard(inner, breaker=Breaker(failures=3, reset_s=60))
    replies = [await teacher.answer(asked()) for _ in range(6)]
    assert [r.reason for r in replies] == ["server_error"] * 2 + ["breaker_open"] * 4
    assert len(inner.asked) == 3
    assert (teacher.state, teacher.last_failure) == ("open", "server_error"), "why it opened"


@pytest.mark.parametrize("reason", ["refused", "bad_credentials", "bad_request"])
async def test_a_useless_answer_does_not_open_it(reason: Any) -> None:
    teacher = guard(MemoryTeacher(script(TeacherFailure(reason))), breaker=Breaker(failures=2))
    for _ in range(5):
        await teacher.answer(asked())
    assert teacher.state == "closed"


@pytest.mark.parametrize("reason", ["off_schema", "empty", "rate_limited", "timeout", "connection_error"])
async def test_a_teacher_that_gives_no_answer_opens_it(reason: Any) -> None:
    """Within 20 calls, with the settings of ``platform.yaml``."""
    inner = MemoryTeacher(script(TeacherFailure(reason)))
    teacher = guard(inner, breaker=Breaker())
    for _ in range(20):
        await teacher.answer(asked())
    assert teacher.state == "open"
    assert len(inner.asked) <= 20


async def test_only_failures_in_a_row_open_it() -> None:
    refused = TeacherFailure("refused")
    inner = MemoryTeacher(script(*[DOWN, DOWN, refused] * 5))
    teacher = guard(inner, breaker=Breaker(failures=3))
    for _ in range(9):
        await teacher.answer(asked())
    assert teacher.state == "closed"


async def test_one_call_tries_whether_the_provider_is_back() -> None:
    inner, teacher = await _open(reset_s=0.1)
    await _until(lambda: teacher.state == "half-open")
    before = len(inner.asked)
    replies = await teacher.answer_all([asked()] * 4, 1.0)
    assert len(inner.asked) == before + 1
    assert sorted(r.reason if isinstance(r, TeacherFailure) else "answered" for r in replies) == [
        "answered", "breaker_open", "breaker_open", "breaker_open",
    ]  # fmt: skip
    assert teacher.state == "closed"
    assert isinstance(await teacher.answer(asked()), TeacherAnswer)


async def test_a_failed_try_opens_it_again() -> None:
    inner, teacher = await _open(reset_s=0.5, then=DOWN)
    await _until(lambda: teacher.state == "half-open")
    await teacher.answer(asked())
    assert teacher.state == "open"
    assert len(inner.asked) == 3


async def test_a_cancelled_try_decides_nothing_and_blocks_nobody() -> None:
    inner, teacher = await _open(reset_s=0.1)
    await _until(lambda: teacher.state == "half-open")
    task = asyncio.create_task(teacher.answer(asked()))
    await _until(lambda: inner.running == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)
    assert teacher.state == "half-open"
    assert isinstance(await teacher.answer(asked()), TeacherAnswer)
    assert teacher.state == "closed"


async def test_clients_that_go_away_do_not_open_it() -> None:
    teacher = guard(Slow(), timeout_s=5.0, breaker=Breaker(failures=1))
    for _ in range(3):
        task = asyncio.create_task(teacher.answer(asked("9")))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
    assert teacher.state == "closed"


async def test_a_provider_that_hangs_opens_it_even_under_short_deadlines() -> None:
    teacher = guard(Slow(), timeout_s=5.0, breaker=Breaker(failures=2))
    for _ in range(2):
        await teacher.answer_all([asked("9")], 0.05)
    assert teacher.state == "open"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Fri, 02 Jan 2026 00:00:09 GMT", 9.0),
        ("soon", None),
        ("nan", None),
        (None, None),
    ],
)
def test_reads_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, datetime(2026, 1, 2, tzinfo=UTC)) == seconds


async def _open(reset_s: float, then: TeacherReply = GOOD) -> tuple[MemoryTeacher, GuardedTeacher]:
    """A guard whose breaker has opened after two failures; the teacher then says ``then``, slowly."""
    inner = MemoryTeacher(script(DOWN, DOWN, then), latency_s=0.05)
    teacher = guard(inner, breaker=Breaker(failures=2, reset_s=reset_s))
    await teacher.answer(asked())
    assert teacher.state == "open"
    return inner, teacher


async def _timed(coming: Any) -> tuple[float, Any]:
    began = time.perf_counter()
    result = await coming
    return time.perf_counter() - began, result


async def _until(true: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 (nothing to wait on: the state changes with the clock)
            await asyncio.sleep(0.005)
