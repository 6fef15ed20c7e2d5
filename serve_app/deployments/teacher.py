"""The teachers behind one Serve deployment: one guard a use case, made when it is first asked."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import ray
from ray import serve

from serve_app.adapters.buckets import open_buckets
from serve_app.adapters.circuit import State
from serve_app.adapters.gauges import BreakerGauge
from serve_app.adapters.guarded_teacher import GuardedTeacher
from serve_app.adapters.kept_answers import KeptAnswers
from serve_app.adapters.limited_teacher import Allowance, LimitedTeacher
from serve_app.adapters.llm_narrator import LLMNarrator
from serve_app.adapters.sql_answer_cache import open_answer_cache
from serve_app.adapters.teachers import build_narrator, build_teacher, describe
from serve_app.core import platform
from serve_app.core.answers import Question, TeacherAnswer, TeacherReply
from serve_app.core.ports import AnswerCache
from serve_app.core.tariff import Tariff
from serve_app.core.use_case import UseCase
from serve_app.deployments.logs import log_along
from serve_app.deployments.options import thin

NOBODY = "none"
"""The provider where nobody is there to be asked, which takes nothing from anybody."""


class Catalogue(Protocol):
    def get(self, name: str) -> UseCase: ...

    def folder(self, name: str) -> Path: ...


class TeacherDesk:
    """The deployment's body, free of Ray. ``cache``: opens the store of kept answers; ``told``: hears of a use case,
    its provider and how the breaker between them stands; ``allowance``: how much of the teacher each caller may have.
    It is looked at here, behind what is kept, so that only what is asked counts, and because there is one teacher for
    all placements and replicas of the rest."""

    def __init__(
        self,
        catalogue: Catalogue,
        settings: platform.Teacher,
        cache: Callable[[], AnswerCache],
        told: Callable[[str, str, State], None] = lambda *_: None,
        allowance: Allowance | None = None,
    ) -> None:
        self._told, self._allowance = told, allowance or Allowance(None, None)
        self._catalogue = catalogue
        self._settings = settings
        self._kept = KeptAnswers(cache)
        self._teachers: dict[str, GuardedTeacher] = {}
        self._narrators: dict[str, LLMNarrator | None] = {}
        self._making: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def answer(
        self, use_case: str, questions: Sequence[Question], deadline_s: float, whose: str = ""
    ) -> list[TeacherReply]:
        """One reply a question, in order, at the latest after ``deadline_s``. ``whose``: the bucket that they are taken
        from, first come, first served; empty: nobody's. Raises UnknownUseCase."""
        guarded = await self._teacher(use_case)
        teacher = LimitedTeacher(guarded, self._allowance, "" if guarded.provider == NOBODY else whose)
        replies = await self._kept.answer_all(self._catalogue.get(use_case), teacher, questions, deadline_s)
        self._told(use_case, guarded.provider, guarded.state)
        return replies

    async def kept(self, use_case: str, questions: Sequence[Question]) -> list[TeacherAnswer | None]:
        """One a question, in order: the answer that is kept of it, without anybody being asked. Raises
        UnknownUseCase."""
        return await self._kept.kept(self._catalogue.get(use_case), await self._teacher(use_case), questions)

    async def tariff(self, use_case: str) -> Tariff:
        """Of the teacher that answers. Raises UnknownUseCase."""
        return (await self._teacher(use_case)).tariff

    async def narrate(self, use_case: str, prompt: str, facts: Mapping[str, Any], whose: str = "") -> str | None:
        narrator = await self._narrator(use_case)
        if narrator is None or not await self._allowance.of(whose, 1):
            return None
        return await narrator.narrate(prompt, facts)

    async def describe(self, use_case: str) -> dict[str, Any]:
        """``name``, ``real``, ``detail``, ``breaker`` and ``last_failure``, as ``/readyz`` shows them."""
        found = describe(self._settings, self._catalogue.get(use_case), self._catalogue.folder(use_case))
        teacher, state = self._teachers.get(use_case), "closed"
        if teacher is not None:
            state = teacher.state  # once: it half opens by time alone
            self._told(use_case, teacher.provider, state)
        return {
            **asdict(found),
            "breaker": state,
            "last_failure": teacher.last_failure if teacher else None,
        }

    async def _teacher(self, name: str) -> GuardedTeacher:
        """Made off the loop: it may read a file or import an SDK, and others are being answered."""
        async with self._making[name]:
            if name not in self._teachers:
                use_case, folder = self._catalogue.get(name), self._catalogue.folder(name)
                self._teachers[name] = await asyncio.to_thread(build_teacher, self._settings, use_case, folder)
        return self._teachers[name]

    async def _narrator(self, name: str) -> LLMNarrator | None:
        async with self._making[name]:
            if name not in self._narrators:
                use_case = self._catalogue.get(name)
                self._narrators[name] = await asyncio.to_thread(build_narrator, self._settings, use_case)
        return self._narrators[name]


class TeacherReplica(TeacherDesk):
    """Given the whole platform, which travels without its keys."""

    def __init__(self, catalogue: Catalogue, settings: platform.Platform) -> None:
        log_along()
        cache = partial(open_answer_cache, settings.store, Path(settings.state))
        bucket = settings.zones.get("llm")
        allowance = Allowance(bucket, None if bucket is None else open_buckets(settings.limits))
        told = BreakerGauge().tell if ray.is_initialized() else lambda *_: None  # else it would start a Ray
        super().__init__(catalogue, settings.teacher, cache, told, allowance)


Teacher = serve.deployment(**thin("Teacher", ongoing=256, drain_s=20))(TeacherReplica)
