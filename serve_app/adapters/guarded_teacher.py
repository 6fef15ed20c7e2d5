"""What stands between the cascade and any teacher: a time-out for each call, one retry, a bound on
calls at a time, a circuit breaker, and a deadline that nothing passes.

    no free slot before the deadline       overloaded
    no answer before the deadline          deadline
    the breaker is open                    breaker_open, at once
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence

from serve_app.adapters.circuit import Circuit, State, healthy
from serve_app.core.answers import Failure, Question, TeacherFailure, TeacherReply
from serve_app.core.platform import Breaker
from serve_app.core.ports import Teacher
from serve_app.core.tariff import Tariff

log = logging.getLogger(__name__)

RETRYABLE: frozenset[Failure] = frozenset({"rate_limited", "server_error", "connection_error", "timeout"})
RETRY_AFTER_S, JITTER_S = 0.1, 0.2
GRACE_S = 0.05


class Deadline:
    """``seconds`` from now on, by the clock of the running loop."""

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self.seconds = seconds
        self.at = self._loop.time() + seconds

    @property
    def left(self) -> float:
        return self.at - self._loop.time()


class GuardedTeacher:
    """``concurrency`` bounds the calls of all requests together. ``jitter`` gives 0..1."""

    def __init__(
        self,
        teacher: Teacher,
        timeout_s: float,
        deadline_s: float,
        concurrency: int,
        breaker: Breaker,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._teacher = teacher
        self._timeout_s = timeout_s
        self._deadline_s = deadline_s
        self._concurrency = concurrency
        self._slots = asyncio.Semaphore(concurrency)
        self._circuit = Circuit(teacher.name, breaker)
        self._jitter = jitter
        self.last_failure: Failure | None = None

    @property
    def name(self) -> str:
        return self._teacher.name

    @property
    def provider(self) -> str:
        return self.name.split(":", 1)[0]

    @property
    def tariff(self) -> Tariff:
        return self._teacher.tariff

    @property
    def state(self) -> State:
        """Of the breaker."""
        return self._circuit.state

    async def answer(self, question: Question) -> TeacherReply:
        return (await self.answer_all([question], self._deadline_s))[0]

    async def answer_all(self, questions: Sequence[Question], deadline_s: float) -> list[TeacherReply]:
        """Replies in the order of ``questions``, at the latest ``deadline_s`` from now.

        A request keeps at most ``concurrency`` questions in the queue for a slot, so that one with
        thousands does not lock out one with a single question."""
        replies: list[TeacherReply] = [self._failure("deadline")] * len(questions)
        deadline, waiting = Deadline(deadline_s), iter(enumerate(questions))

        async def work() -> None:
            for row, question in waiting:
                replies[row] = await self._one(question, deadline)

        workers = [asyncio.create_task(work()) for _ in range(min(self._concurrency, len(questions)))]
        await _finish(workers, deadline)
        return list(replies)  # a worker too slow to be cancelled must not change what was answered

    async def close(self) -> None:
        await self._teacher.close()

    async def _one(self, question: Question, deadline: Deadline) -> TeacherReply:
        if deadline.left <= 0:
            return self._failure("deadline")
        if not await self._slot(deadline):
            return self._failure("overloaded")
        try:
            reply = await self._tried(question, deadline)
        finally:
            self._slots.release()
        reason = reply.reason if isinstance(reply, TeacherFailure) else None
        if reason != "breaker_open":  # it says nothing of why the breaker opened
            self.last_failure = reason
        return reply

    async def _slot(self, deadline: Deadline) -> bool:
        try:
            async with asyncio.timeout_at(deadline.at):
                await self._slots.acquire()
        except TimeoutError:
            return False
        return True

    async def _tried(self, question: Question, deadline: Deadline) -> TeacherReply:
        """Once, and once more where that may help. The slot is kept over the pause between: a provider
        that is in trouble gets fewer calls."""
        first = await self._attempt(question, deadline)
        pause = self._pause(first, deadline)
        if pause is None:
            return first
        await asyncio.sleep(pause)
        second = await self._attempt(question, deadline)
        shut = isinstance(second, TeacherFailure) and second.reason == "breaker_open"
        return first if shut else second

    def _pause(self, reply: TeacherReply, deadline: Deadline) -> float | None:
        """Seconds before the one retry, None for no retry."""
        if not isinstance(reply, TeacherFailure) or reply.reason not in RETRYABLE:
            return None
        wanted = RETRY_AFTER_S if reply.retry_after_s is None else reply.retry_after_s
        pause = wanted + JITTER_S * self._jitter()
        needed = self._timeout_s if reply.reason == "timeout" else 0.0
        return pause if pause + needed < deadline.left else None

    async def _attempt(self, question: Question, deadline: Deadline) -> TeacherReply:
        ticket = self._circuit.admit()
        if ticket is None:
            return self._failure("breaker_open")
        well: bool | None = None
        try:
            reply = await self._call(question, deadline)
            well = healthy(reply.reason if isinstance(reply, TeacherFailure) else None)
            return reply
        finally:
            self._circuit.settle(ticket, well)

    async def _call(self, question: Question, deadline: Deadline) -> TeacherReply:
        budget = min(self._timeout_s, deadline.left)
        try:
            async with asyncio.timeout(budget):
                return await self._teacher.answer(question)
        except TimeoutError:
            return self._failure(self._late(budget, deadline), budget * 1000)
        except Exception:
            # A teacher must not raise. One that does costs a degraded answer, never the request.
            log.exception("teacher %s raised", self.name)
            return self._failure("server_error")

    def _late(self, budget: float, deadline: Deadline) -> Failure:
        """A time-out is the provider's fault when it was given all the time that this request had."""
        return "timeout" if budget >= 0.9 * min(self._timeout_s, deadline.seconds) else "deadline"

    def _failure(self, reason: Failure, latency_ms: float = 0.0) -> TeacherFailure:
        return TeacherFailure(reason, self.provider, latency_ms)


async def _finish(workers: Sequence[asyncio.Task[None]], deadline: Deadline) -> None:
    """Waits for the workers, no longer than the deadline, and leaves none behind (also when the
    request itself is cancelled). Raises what a worker raised."""
    if not workers:
        return
    try:
        done, _ = await asyncio.wait(workers, timeout=max(0.0, deadline.left) + GRACE_S)
    finally:
        for worker in workers:
            worker.cancel()
    for worker in done:
        worker.result()
