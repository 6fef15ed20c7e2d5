"""A narrator on any LLM: plain text from given facts, or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from serve_app.adapters.circuit import Circuit, healthy
from serve_app.adapters.llm import LLM, CallFailed, Completion
from serve_app.core.platform import Breaker
from serve_app.core.prompt import as_data, instructions

MAX_WORDS = 120
FORM = f"Answer in plain text of at most {MAX_WORDS} words, without headings or markup. Use only the facts given."


class LLMNarrator:
    """Not retried: the template stands in at once. Behind a breaker of its own, so that a provider
    that is away does not slow every explanation down by ``timeout_s``."""

    def __init__(self, llm: LLM, timeout_s: float, breaker: Breaker) -> None:
        self._llm = llm
        self._timeout_s = timeout_s
        self._circuit = Circuit(f"{llm.provider} narrator", breaker)

    @property
    def name(self) -> str:
        return f"{self._llm.provider}:{self._llm.model}"

    async def narrate(self, prompt: str, facts: Mapping[str, Any]) -> str | None:
        ticket = self._circuit.admit()
        if ticket is None:
            return None
        well: bool | None = None
        try:
            outcome = await self._ask(prompt, facts)
            well = healthy(outcome.reason if isinstance(outcome, CallFailed) else None)
        finally:
            self._circuit.settle(ticket, well)
        return _text(outcome)

    async def close(self) -> None:
        await self._llm.close()

    async def _ask(self, prompt: str, facts: Mapping[str, Any]) -> Completion | CallFailed:
        system = instructions(f"{prompt.rstrip()}\n\n{FORM}")
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._llm.complete(system, as_data(facts), None)
        except TimeoutError:
            return CallFailed("timeout")


def _text(outcome: Completion | CallFailed) -> str | None:
    return None if isinstance(outcome, CallFailed) or outcome.refused else _shortened(outcome.text)


def _shortened(text: str) -> str | None:
    """At most ``MAX_WORDS`` words, cut at a word; None when there is nothing to show."""
    words = text.split()
    if not words:
        return None
    return " ".join(words) if len(words) <= MAX_WORDS else " ".join(words[:MAX_WORDS]) + " …"
