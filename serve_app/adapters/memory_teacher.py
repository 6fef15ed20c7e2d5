"""A teacher whose answers are given by a function, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from serve_app.core.answers import Question, TeacherAnswer, TeacherFailure, TeacherReply
from serve_app.core.tariff import Flat

Say = Callable[[Question], "str | float | TeacherReply"]


class MemoryTeacher:
    """``say`` gives a label, a value, or a whole reply; ``asked`` holds every question so far and
    ``running`` how many are being answered; ``most`` is the largest ``running`` has been."""

    name, tariff = "memory", Flat()

    def __init__(self, say: Say, latency_s: float = 0.0) -> None:
        self._say = say
        self._latency_s = latency_s
        self.asked: list[Question] = []
        self.running = self.most = 0
        self.closed = False

    async def answer(self, question: Question) -> TeacherReply:
        self.asked.append(question)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self._latency_s)
        finally:
            self.running -= 1
        return self._reply(question)

    async def close(self) -> None:
        self.closed = True

    def _reply(self, question: Question) -> TeacherReply:
        said = self._say(question)
        if isinstance(said, TeacherAnswer | TeacherFailure):
            return said
        if not question.classes:
            return TeacherAnswer("memory", "memory", value=float(said))
        if said not in question.classes:
            return TeacherFailure("off_schema", "memory")
        return TeacherAnswer("memory", "memory", label=str(said))
