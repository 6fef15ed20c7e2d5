"""The answer cache around a teacher: what was asked before is not asked again while it is kept.

An audited row may be answered from it. A certificate speaks of how often the student says what the teacher says, and
what the teacher said to this very text is known: to ask again would measure how steady the teacher is, not how good
the student. So a repeat counts as evidence as often as it comes, which is how often it is served; and where a
teacher wavers, the certificate is about the answer that it gave first, for as long as that is kept.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from serve_app.core.answer_key import answer_key
from serve_app.core.answers import Question, TeacherAnswer, TeacherReply
from serve_app.core.errors import UnderstudyError
from serve_app.core.ports import AnswerCache, KeptAnswer
from serve_app.core.use_case import UseCase

log = logging.getLogger("understudy.cache")

PURGE_S = 3600.0
PAUSE_S = 5.0
"""So long a store that was away is not asked: each try may keep somebody waiting."""

PATIENCE_S = 3.0


class Asked(Protocol):
    """A teacher that is asked many questions at a time."""

    @property
    def name(self) -> str: ...

    async def answer_all(self, questions: Sequence[Question], deadline_s: float) -> list[TeacherReply]: ...


def _now() -> datetime:
    return datetime.now(UTC)


class KeptAnswers:
    """``opened``: opens the store, when it is first needed. ``patience_s``: the longest that a request waits for
    it. A store that is away costs the saving, never the answer."""

    def __init__(
        self, opened: Callable[[], AnswerCache], now: Callable[[], datetime] = _now, patience_s: float = PATIENCE_S
    ) -> None:
        self._opened, self._now, self._patience_s = opened, now, patience_s
        self._cache: AnswerCache | None = None
        self._opening = asyncio.Lock()
        self._away_until = 0.0
        self._purged: datetime | None = None

    async def answer_all(
        self, use_case: UseCase, teacher: Asked, questions: Sequence[Question], deadline_s: float
    ) -> list[TeacherReply]:
        """One reply a question, in order. Only what is not kept is asked, and what stands twice in a batch once;
        only answers are kept, no failures."""
        if use_case.cache.keep_s == 0 or not questions:
            return await teacher.answer_all(questions, deadline_s)
        started = time.perf_counter()
        keys = [answer_key(use_case, question, teacher.name) for question in questions]
        replies: dict[str, TeacherReply] = {**await self._known(keys)}
        took_s = time.perf_counter() - started
        missing = {key: question for key, question in zip(keys, questions, strict=True) if key not in replies}
        asked = await teacher.answer_all(list(missing.values()), deadline_s - took_s) if missing else []
        fresh = dict(zip(missing, asked, strict=True))
        await self._keep(use_case, fresh)
        return _in_order(keys, replies, fresh)

    async def kept(
        self, use_case: UseCase, teacher: Asked, questions: Sequence[Question]
    ) -> list[TeacherAnswer | None]:
        """One a question, in order: what is kept, which nobody has to pay for, and None for the others."""
        if use_case.cache.keep_s == 0 or not questions:
            return [None] * len(questions)
        keys = [answer_key(use_case, question, teacher.name) for question in questions]
        known = await self._known(keys)
        return [known.get(key) for key in keys]

    async def close(self) -> None:
        if self._cache is not None:
            await asyncio.to_thread(self._cache.close)

    async def _known(self, keys: Sequence[str]) -> dict[str, TeacherAnswer]:
        """What is kept under these keys, each as it is given now."""
        started = time.perf_counter()
        known: dict[str, TeacherAnswer] = await self._store(lambda cache: cache.get(keys, self._now())) or {}
        took_s = time.perf_counter() - started
        return {key: _kept(answer, took_s) for key, answer in known.items()}

    async def _keep(self, use_case: UseCase, fresh: Mapping[str, TeacherReply]) -> None:
        at = self._now()
        until = at + timedelta(seconds=use_case.cache.keep_s)
        answers = [KeptAnswer(key, said, at, until) for key, said in fresh.items() if isinstance(said, TeacherAnswer)]
        if answers:
            await self._store(lambda cache: cache.put(answers))
        if self._purged is None or at - self._purged >= timedelta(seconds=PURGE_S):
            self._purged = at
            await self._store(lambda cache: cache.purge(at))

    async def _store(self, act: Callable[[AnswerCache], Any]) -> Any:
        """In a thread, and None when the store is away or slow."""
        if time.monotonic() < self._away_until:
            return None
        try:
            async with asyncio.timeout(self._patience_s):
                cache = await self._reached()
                return await asyncio.to_thread(act, cache)
        except (UnderstudyError, TimeoutError) as error:
            self._away_until = time.monotonic() + PAUSE_S
            log.warning("kept answers are not to be had for the next %g s: %s", PAUSE_S, error or "too slow")
            return None

    async def _reached(self) -> AnswerCache:
        async with self._opening:
            if self._cache is None:
                self._cache = await asyncio.to_thread(self._opened)
        return self._cache


def _kept(answer: TeacherAnswer, took_s: float) -> TeacherAnswer:
    """The same answer, at no cost: what it cost when it was given is what is saved."""
    free = replace(answer, cost_usd=0.0, tokens_in=0, tokens_out=0, latency_ms=took_s * 1000)
    return replace(free, cached=True, saved_usd=answer.cost_usd)


def _in_order(
    keys: Sequence[str], kept: Mapping[str, TeacherReply], fresh: Mapping[str, TeacherReply]
) -> list[TeacherReply]:
    """A question that stands twice was asked once: its second reply cost nothing more."""
    replies: list[TeacherReply] = []
    paid: set[str] = set()
    for key in keys:
        reply = kept[key] if key in kept else fresh[key]
        if key in paid:
            reply = _kept(reply, 0.0) if isinstance(reply, TeacherAnswer) else replace(reply, cost_usd=0.0)
        if key in fresh:
            paid.add(key)
        replies.append(reply)
    return replies
