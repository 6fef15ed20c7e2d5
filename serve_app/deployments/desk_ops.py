"""The port ``OpsDesk``: schedules, drift, batch runs with their alerts, and who did what."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.alerts import Place, feed
from serve_app.core.audit import Audited, AuditFilter, Head
from serve_app.core.budget import limits_of, limits_shown
from serve_app.core.certified import WITHDRAWAL
from serve_app.core.jobs import Job, JobFilter, Kind, Report
from serve_app.core.ports import AuditLog, Budget, Jobs, Reports
from serve_app.core.scheduled import SWITCH, kept, newest_scheduled, shown, switch
from serve_app.core.use_case import UseCase
from serve_app.deployments.acts import Act, Acts, Done

RUNS = 20
"""Batch runs of a use case whose alerts are in the feed, and as many withdrawals of certificates."""

RAISING = ("score", WITHDRAWAL)
"""Kinds of the reports that have alerts."""

JOBS = 200
"""Jobs of a kind among which the last that a schedule started is looked for."""


class Operations:
    def __init__(
        self, catalogue: UseCaseFolder, jobs: Jobs, audit: AuditLog, reports: Reports, money: Budget, acts: Acts
    ) -> None:
        self._catalogue, self._jobs, self._audit, self._reports = catalogue, jobs, audit, reports
        self._money, self._acts = money, acts

    async def schedules(self, use_case: str) -> list[dict[str, Any]]:
        switched = await asyncio.to_thread(self._reports.latest, use_case, SWITCH)
        timetables = kept(self._catalogue.get(use_case), switched)
        last = [await asyncio.to_thread(self._last, use_case, each.kind) for each in timetables]
        now = datetime.now(UTC)
        return [shown(use_case, *pair, now) for pair in zip(timetables, last, strict=True)]

    async def switch(self, use_case: str, enabled: bool, by: str, reason: str | None) -> None:
        act = Act("schedule", by, use_case, {"enabled": enabled, **({"reason": reason} if reason else {})}, use_case)
        await self._acts.done(act, asyncio.to_thread(self._switch, use_case, enabled))

    def _switch(self, use_case: str, enabled: bool) -> Done:
        switched = self._reports.latest(use_case, SWITCH)
        self._reports.put(switch(use_case, enabled, datetime.now(UTC)))
        before = None if switched is None else {"enabled": bool(switched.content["enabled"])}
        return Done(None, before, {"enabled": enabled})

    async def budget(self, use_case: str | None, user: str | None) -> list[dict[str, Any]]:
        names = [use_case] if use_case is not None else list(self._catalogue.names())
        return await asyncio.to_thread(self._limits, [self._catalogue.get(name) for name in names], user)

    def _limits(self, use_cases: list[UseCase], user: str | None) -> list[dict[str, Any]]:
        now = datetime.now(UTC)
        keys = [limit.key for each in use_cases for limit in limits_of(each.budget, each.name, user, now)]
        spent = self._money.spent(keys) if keys else {}
        return [limit for each in use_cases for limit in limits_shown(each.name, each.budget, user, now, spent)]

    async def drift(self, use_case: str) -> Report | None:
        return await asyncio.to_thread(self._reports.latest, use_case, "drift")

    async def scores(self, use_case: str, limit: int) -> list[Report]:
        return await asyncio.to_thread(self._reports.newest, use_case, "score", limit)

    async def alerts(self, use_case: str | None, after: Place | None, limit: int) -> list[tuple[Place, dict[str, Any]]]:
        names = [use_case] if use_case is not None else list(self._catalogue.names())
        asked = [(name, kind) for name in names for kind in RAISING]
        runs = await asyncio.gather(*(asyncio.to_thread(self._reports.newest, *each, RUNS) for each in asked))
        return feed([report for each in runs for report in each], after, limit)

    async def audit(self, which: AuditFilter, before: int | None, limit: int) -> list[Audited]:
        return await asyncio.to_thread(self._audit.page, which, before, limit)

    async def audit_head(self) -> Head:
        return await asyncio.to_thread(self._audit.head)

    def _last(self, use_case: str, kind: Kind) -> Job | None:
        return newest_scheduled(self._jobs.page(JobFilter(use_case, (kind,)), None, JOBS))
