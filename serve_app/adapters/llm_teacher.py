"""A teacher on any LLM: asks, reads the reply, counts tokens and money."""

from __future__ import annotations

import asyncio
import time

from serve_app.adapters.llm import LLM, CallFailed, Completion
from serve_app.core.answers import Question, TeacherAnswer, TeacherFailure, TeacherReply
from serve_app.core.prompt import as_data, instructions
from serve_app.core.tariff import Metered
from serve_app.core.teacher_reply import cost_usd, read_reply, reply_schema


class LLMTeacher:
    """``timeout_s`` bounds the whole call: the HTTP client's own bounds each read, and a server that
    drips its answer byte by byte never exceeds that. ``max_output_tokens``: as ``llm`` was given them."""

    def __init__(self, llm: LLM, timeout_s: float, max_output_tokens: int) -> None:
        self._llm = llm
        self.tariff = Metered(llm.prices, max_output_tokens)
        self._timeout_s = timeout_s

    @property
    def name(self) -> str:
        return f"{self._llm.provider}:{self._llm.model}"

    async def answer(self, question: Question) -> TeacherReply:
        began = time.perf_counter()
        outcome = await self._ask(question)
        latency_ms = (time.perf_counter() - began) * 1000
        if isinstance(outcome, CallFailed):
            return TeacherFailure(outcome.reason, self._llm.provider, latency_ms, retry_after_s=outcome.retry_after_s)
        return self._settle(question, outcome, latency_ms)

    async def close(self) -> None:
        await self._llm.close()

    async def _ask(self, question: Question) -> Completion | CallFailed:
        system, user = instructions(question.prompt), as_data(question.fields)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._llm.complete(system, user, reply_schema(question.classes))
        except TimeoutError:
            return CallFailed("timeout")

    def _settle(self, question: Question, reply: Completion, latency_ms: float) -> TeacherReply:
        provider, cost = self._llm.provider, cost_usd(self._llm.prices, reply.tokens_in, reply.tokens_out)
        if reply.refused:
            return TeacherFailure("refused", provider, latency_ms, cost)
        if not reply.text.strip():
            return TeacherFailure("empty", provider, latency_ms, cost)
        opinion = read_reply(reply.text, question.classes)
        if opinion is None:
            return TeacherFailure("off_schema", provider, latency_ms, cost)
        return TeacherAnswer(
            provider,
            self._llm.model,
            opinion.label,
            opinion.value,
            opinion.confidence,
            latency_ms,
            cost,
            reply.tokens_in,
            reply.tokens_out,
        )
