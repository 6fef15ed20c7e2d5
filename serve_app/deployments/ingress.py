"""The way in: the HTTP API in a replica of its own, over the graph behind it.

A batch is validated by the API, joined with its features, answered by the cascade and written to
the event log; only then is it sent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from ray import serve
from ulid import ULID

from serve_app.adapters.group_commit import GroupCommit
from serve_app.adapters.parquet_feature_tables import ParquetFeatureTables, table_path
from serve_app.adapters.prompts import Prompts
from serve_app.adapters.sql_event_log import open_event_log
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.api.app import create_app
from serve_app.core.decision import decide_alone
from serve_app.core.errors import UnderstudyError
from serve_app.core.events import Label
from serve_app.core.feedback import checked
from serve_app.core.narrative import facts, fill
from serve_app.core.platform import Platform
from serve_app.core.ports import Answered, Asked, Part
from serve_app.core.rows import Rows
from serve_app.core.serving import Cascaded
from serve_app.core.use_case import UseCase
from serve_app.core.write_down import Written, write_down
from serve_app.deployments.calls import call
from serve_app.deployments.options import thin
from serve_app.deployments.parts import Parts

TOP = 8
"""Contributions told in an explanation."""

INLINE_ROWS = 256

MARGIN_S = 2.0
"""Of a request's time, what is kept for everything but the teacher."""


class IngressDesk:
    """The port ``Graph``. ``cascade``, ``teacher``, ``registry``: handles."""

    async def __init__(
        self, catalogue: UseCaseFolder, platform: Platform, cascade: Any, teacher: Any, registry: Any
    ) -> None:
        self._catalogue, self._platform = catalogue, platform
        self._cascade, self._teacher = cascade, teacher
        self._prompts = Prompts(catalogue)
        self._tables = ParquetFeatureTables(self._where)
        self._log = await asyncio.to_thread(open_event_log, platform.store, Path(platform.state))
        self._commits = GroupCommit(self._log)
        self._parts = Parts(catalogue, platform, self._log, cascade, teacher, registry)

    def __serve_build_asgi_app__(self) -> Any:
        app = create_app(self, self._platform.limits, installed("understudy"), labels_answers=False)

        async def asgi(scope: Any, receive: Any, send: Any) -> None:
            # Bare, because Serve would put a plain-text handler of its own over our problem+json.
            await app(scope, receive, send)

        return asgi

    def use_cases(self) -> Mapping[str, UseCase]:
        return self._catalogue.all()

    def use_case(self, name: str) -> UseCase:
        return self._catalogue.get(name)

    async def predict(self, use_case: str, rows: Rows, asked: Asked) -> Answered:
        return (await self._answer(self._catalogue.get(use_case), rows, asked))[0]

    async def explain(self, use_case: str, rows: Rows, asked: Asked) -> list[dict[str, Any]]:
        answered, _ = await self._answer(self._catalogue.get(use_case), rows, asked)
        explanations = await call(self._cascade.explain, use_case, answered.rows, TOP)
        if explanations is None:
            return [{**answer, "explanation": None, "narrative": None} for answer in answered.answers]
        told = [each.as_dict() for each in explanations]
        narratives = [await self._narrate(use_case, *pair) for pair in zip(answered.answers, told, strict=True)]
        return [
            {**answer, "explanation": explanation, "narrative": narrative}
            for answer, explanation, narrative in zip(answered.answers, told, narratives, strict=True)
        ]

    def decide(self, use_case: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return decide_alone(self._catalogue.get(use_case).decision, values).as_dict()

    def values(self, use_case: str, field: str) -> list[str]:
        return self._tables.values(use_case, field)

    async def feedback(self, prediction_id: str, label: str | float, by: str, note: str | None) -> dict[str, Any]:
        logged = await asyncio.to_thread(self._log.get, prediction_id)
        name, value = checked(self._catalogue.get(logged.use_case), label)
        said = Label(str(ULID()), prediction_id, datetime.now(UTC), by, name, value, note)
        await asyncio.to_thread(self._log.add_label, said)
        return asdict(said)

    async def prediction(self, prediction_id: str) -> dict[str, Any]:
        logged = await asyncio.to_thread(self._log.get, prediction_id)
        labels = await asyncio.to_thread(self._log.labels, prediction_id)
        return {**asdict(logged), "labels": [asdict(each) for each in labels]}

    async def models(self) -> list[dict[str, Any]]:
        return [state.as_dict() for state in await self._parts.model_states()]

    async def parts(self) -> list[Part]:
        return await self._parts.all()

    async def _answer(self, use_case: UseCase, rows: Rows, asked: Asked) -> tuple[Answered, Cascaded]:
        started = time.perf_counter()
        joined = rows
        if use_case.feature_table is not None:  # in a thread, since a table that was replaced is read again
            joined = await asyncio.to_thread(self._tables.join, use_case.name, rows)
        deadline_s = min(self._platform.teacher.deadline_s, self._platform.limits.request_timeout_s - MARGIN_S)
        cascaded: Cascaded = await call(self._cascade.answer, use_case.name, joined, deadline_s)
        written = Written(
            ids=[str(ULID()) for _ in range(len(joined))],
            at=datetime.now(UTC),
            latency_ms=(time.perf_counter() - started) * 1000,
        )
        events = await _aside(len(joined), write_down, use_case, joined, cascaded, asked, written)
        await self._commits.append(events)
        return Answered([event.answer for event in events], joined), cascaded

    async def _narrate(self, name: str, answer: dict[str, Any], explanation: dict[str, Any]) -> dict[str, Any] | None:
        """By the LLM when there is one with a key, else the template, and marked as such."""
        narrative = self._catalogue.get(name).narrative
        if narrative is None:
            return None
        known = facts(answer, explanation["contributions"])
        text = await self._told_by_llm(name, self._prompts.narrative(name), known)
        return {"text": text or fill(narrative.template, known), "source": "llm" if text else "template"}

    async def _told_by_llm(self, name: str, prompt: str | None, known: dict[str, Any]) -> str | None:
        if prompt is None:
            return None
        try:
            return await call(self._teacher.narrate, name, prompt, known)
        except UnderstudyError:
            return None

    def _where(self, name: str) -> Any:
        table = self._catalogue.get(name).feature_table
        return None if table is None else (table, table_path(Path(self._platform.state), name, table))


async def _aside(rows: int, work: Callable[..., Any], *args: Any) -> Any:
    """In a thread when it is much, so that others are answered meanwhile."""
    return await asyncio.to_thread(work, *args) if rows > INLINE_ROWS else work(*args)


# Never full: the door of the API refuses with problem+json, where Serve's proxy would with plain text.
Ingress = serve.deployment(**thin("Ingress", ongoing=4096, queued=-1, drain_s=20))(serve.ingress()(IngressDesk))
