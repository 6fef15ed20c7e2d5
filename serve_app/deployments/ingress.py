"""The way in: the HTTP API in a replica of its own, over the graph behind it.

A request's rows are validated by the API, answered together with those of others, and written to the event
log; only then is the answer sent.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from random import Random, random
from typing import Any

from ray import serve

from serve_app.adapters.buckets import open_buckets
from serve_app.adapters.budgets import open_budget
from serve_app.adapters.garbage import collect_rarely
from serve_app.adapters.group_commit import GroupCommit
from serve_app.adapters.parquet_feature_tables import ParquetFeatureTables, table_path
from serve_app.adapters.prompts import Prompts
from serve_app.adapters.sql_audit import open_audit
from serve_app.adapters.sql_event_log import open_event_log
from serve_app.adapters.sql_jobs import open_jobs
from serve_app.adapters.sql_policies import open_policies
from serve_app.adapters.sql_reports import open_reports
from serve_app.adapters.sql_reviews import open_reviews
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.api.app import create_app
from serve_app.api.limits import Limiter
from serve_app.api.request_log import RequestLog
from serve_app.core.budget import seconds_until
from serve_app.core.decision import decide_alone
from serve_app.core.errors import UnderstudyError
from serve_app.core.events import LoggedPrediction
from serve_app.core.ids import CHANCE, ulids
from serve_app.core.narrative import facts, fill
from serve_app.core.platform import Platform
from serve_app.core.ports import Answered, Asked, Part
from serve_app.core.rows import Rows
from serve_app.core.serving import Cascaded
from serve_app.core.use_case import UseCase
from serve_app.core.write_down import Abouts, Written, answers, write_down
from serve_app.deployments.answering import Answering, Own, aside
from serve_app.deployments.buffered import Buffered
from serve_app.deployments.calls import call
from serve_app.deployments.config_in_force import in_force
from serve_app.deployments.config_in_force import write_down as write_down_config
from serve_app.deployments.desk_savings import Ledgers
from serve_app.deployments.desks import Desks, Stores
from serve_app.deployments.identity import open_identity
from serve_app.deployments.logs import log_along
from serve_app.deployments.options import thin
from serve_app.deployments.parts import Parts
from serve_app.deployments.pipelines import Pipelines
from serve_app.deployments.placement import settle_in
from serve_app.deployments.policies import KeptPolicies
from serve_app.deployments.shadows import Shadows
from serve_app.deployments.swap import in_this_process

TOP = 8
"""Contributions told in an explanation."""


class IngressDesk:
    """The port ``Graph``. ``cascade``, ``teacher``, ``registry``, ``replays``: handles; ``cascade`` perhaps one that
    is still to be made in here."""

    async def __init__(
        self, catalogue: UseCaseFolder, platform: Platform, cascade: Any, teacher: Any, registry: Any, replays: Any
    ) -> None:
        log_along()
        collect_rarely()
        self._catalogue, self._platform = catalogue, platform
        cascade = await settle_in(cascade)
        self._teacher = teacher
        self._prompts, self._abouts = Prompts(catalogue), Abouts()
        self._tables = ParquetFeatureTables(self._where)
        self._answering = Answering(cascade, self._tables, platform)
        stores = await asyncio.to_thread(_open, platform)
        self._log = stores.log
        config = in_force(platform, catalogue.all(), self._prompts)
        await asyncio.to_thread(write_down_config, stores.audit, config, datetime.now(UTC))
        self._buffered = await asyncio.to_thread(Buffered, platform, self._log, stores.policies)
        self._buffered.begin()
        self._commits = GroupCommit(self._buffered.log)
        self._policies = KeptPolicies(self._buffered.policies, self._prompts, cascade)
        self._shadows = Shadows(cascade, self._log, Random())  # noqa: S311 - it picks rows, it guards nothing
        money = stores.budget if platform.budget.url.get_secret_value() else None
        self._buckets = open_buckets(platform.limits) if platform.zones else None
        asked = (self._log, cascade, teacher, registry)
        self._parts = Parts(catalogue, platform, *asked, self._buffered.waiting, money, self._buckets)
        desks = Desks(catalogue, stores, registry, replays, Pipelines(), platform.data.root)
        self.jobs, self.versions, self.ops = desks.jobs, desks.versions, desks.ops
        self._feedback = desks.feedback
        self.replays, self.certificates, self.reviews = desks.replays, desks.certificates, desks.reviews
        self.savings = Ledgers(catalogue, self._log, registry, teacher)
        self.identity = await asyncio.to_thread(open_identity, platform, stores.audit, catalogue.all)

    def __serve_build_asgi_app__(self) -> Any:
        platform, buckets = self._platform, self._buckets
        limiter = None if buckets is None else Limiter(platform.zones, buckets)
        version = installed("understudy")
        log = RequestLog(platform.logs.requests, random) if platform.logs.requests else None
        more = {"cors": platform.cors, "limiter": limiter, "log": log, "own_names": platform.auth.mode == "local"}
        app = create_app(self, platform.limits, version, labels_answers=False, **more)
        stack = app.build_middleware_stack()

        async def asgi(scope: Any, receive: Any, send: Any) -> None:
            # Bare, because Serve would put a plain-text handler of its own over our problem+json; and past what
            # FastAPI asks of OpenTelemetry for every request.
            scope["app"] = app
            await (stack if scope["type"] == "http" else app)(scope, receive, send)

        return asgi

    def use_cases(self) -> Mapping[str, UseCase]:
        return self._catalogue.all()

    def use_case(self, name: str) -> UseCase:
        return self._catalogue.get(name)

    async def predict(self, use_case: str, rows: Rows, asked: Asked) -> Answered:
        return (await self._answer(self._catalogue.get(use_case), rows, asked))[0]

    async def explain(self, use_case: str, rows: Rows, asked: Asked) -> Answered:
        end = self._answering.end_of(asked)
        answered, cascaded = await self._answer(self._catalogue.get(use_case), rows, asked, TOP)
        if cascaded.explanations is None:
            nothing = {"explanation": None, "narrative": None}
            return replace(answered, answers=[{**answer, **nothing} for answer in answered.answers])
        told = [each.as_dict() for each in cascaded.explanations]
        pairs = zip(answered.answers, told, strict=True)
        narratives = [await self._narrate(use_case, *pair, asked, end) for pair in pairs]
        explained = [
            {**answer, "explanation": explanation, "narrative": narrative}
            for answer, explanation, narrative in zip(answered.answers, told, narratives, strict=True)
        ]
        return replace(answered, answers=explained)

    def decide(self, use_case: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return decide_alone(self._catalogue.get(use_case).decision, values).as_dict()

    def values(self, use_case: str, field: str) -> list[str]:
        return self._tables.values(use_case, field)

    async def feedback(self, prediction_id: str, label: str | float, by: str, note: str | None) -> dict[str, Any]:
        await asyncio.to_thread(self._buffered.get, prediction_id)  # one that waits to be written is not unknown
        return await self._feedback.say(prediction_id, label, by, note)

    async def prediction(self, prediction_id: str) -> dict[str, Any]:
        logged = await asyncio.to_thread(self._buffered.get, prediction_id)
        labels = await asyncio.to_thread(self._log.labels, prediction_id)
        return {**asdict(logged), "labels": [asdict(each) for each in labels]}

    async def student(self, use_case: str, method: str, *args: Any) -> Any:
        """For a swap, and over a handle only: what the student inside this replica says. None where it is elsewhere."""
        return await in_this_process(self._platform.state, use_case, method, *args)

    async def models(self) -> list[dict[str, Any]]:
        return [state.as_dict() for state in await self._parts.model_states()]

    async def parts(self) -> list[Part]:
        return await self._parts.all()

    async def _answer(
        self, use_case: UseCase, rows: Rows, asked: Asked, top: int | None = None
    ) -> tuple[Answered, Cascaded]:
        started = time.perf_counter()
        own = await self._answering.answer(use_case, rows, asked, top)
        joined = own.rows
        written = Written(
            ids=ulids(time.time_ns() // 1_000_000, os.urandom(CHANCE * len(rows))),
            at=datetime.now(UTC),
            latency_ms=(time.perf_counter() - started) * 1000,
        )
        retry_after_s = seconds_until(own.cascaded.money_again, written.at)
        if self._platform.store.predictions == "keep":
            events = await aside(len(rows), self._events, use_case, own, asked, written)
            await self._keep(use_case, joined, own.cascaded.policy_version, events)
            answered = [event.answer for event in events]
        else:
            about = self._abouts.of(use_case)
            answered = await aside(len(rows), answers, about, own.cascaded, written.ids)
        return Answered(answered, joined, retry_after_s), own.cascaded

    async def _keep(self, use_case: UseCase, rows: Rows, policy: str, events: list[LoggedPrediction]) -> None:
        """Returns once it is durable."""
        await self._policies.keep(use_case, policy)  # first: what is logged can be made again
        await self._commits.append(events)
        self._shadows.consider(use_case, rows, [event.id for event in events])

    def _events(self, use_case: UseCase, own: Own, asked: Asked, written: Written) -> list[LoggedPrediction]:
        return write_down(self._abouts.of(use_case), own.features, own.cascaded, asked, written)

    async def _narrate(
        self, name: str, answer: dict[str, Any], explanation: dict[str, Any], asked: Asked, end: float
    ) -> dict[str, Any] | None:
        """By the LLM when there is one with a key, and time and the caller's allowance are not short; else the
        template, and marked as such."""
        narrative = self._catalogue.get(name).narrative
        if narrative is None:
            return None
        known = facts(answer, explanation["contributions"])
        text = await self._told_by_llm(name, self._prompts.narrative(name), known, asked.whose, end)
        return {"text": text or fill(narrative.template, known), "source": "llm" if text else "template"}

    async def _told_by_llm(
        self, name: str, prompt: str | None, known: dict[str, Any], whose: str, end: float
    ) -> str | None:
        if prompt is None:
            return None
        try:
            async with asyncio.timeout_at(end):
                told: str | None = await call(self._teacher.narrate, name, prompt, known, whose)
                return told
        except (UnderstudyError, TimeoutError):
            return None

    def _where(self, name: str) -> Any:
        table = self._catalogue.get(name).feature_table
        return None if table is None else (table, table_path(Path(self._platform.state), name, table))


def _open(platform: Platform) -> Stores:
    """One after the other: the first brings the schema up to date."""
    where = (platform.store, Path(platform.state))
    log = open_event_log(*where)
    stored = (open_jobs(*where), open_audit(*where), open_reports(*where), open_policies(*where))
    return Stores(log, *stored, open_reviews(*where), open_budget(platform))


# Never full: the door of the API refuses with problem+json, where Serve's proxy would with plain text.
Ingress = serve.deployment(**thin("Ingress", ongoing=4096, queued=-1, drain_s=20))(serve.ingress()(IngressDesk))
