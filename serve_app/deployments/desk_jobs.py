"""The port ``JobDesk`` over a store of jobs. Whoever runs them looks into the same store."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from ulid import ULID

from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.asked import job_params
from serve_app.core.jobs import Accepted, Job, JobEvent, JobFilter, Kind
from serve_app.core.ports import Jobs
from serve_app.deployments.acts import Act, Acts

CLIENTS = "client:"
"""Before the keys that clients give: what starts by itself has keys too, and nobody shall take one of them."""


class StoredJobs:
    """``pipelines`` has ``nudge()``; ``data_root``: what paths given by clients must stay below."""

    def __init__(self, catalogue: UseCaseFolder, jobs: Jobs, acts: Acts, pipelines: Any, data_root: str) -> None:
        self._catalogue, self._jobs, self._acts = catalogue, jobs, acts
        self._pipelines, self._data_root = pipelines, data_root

    async def accept(self, kind: Kind, use_case: str, body: Any, by: str, key: str | None) -> Accepted:
        params = job_params(kind, self._catalogue.get(use_case), body, self._data_root)
        key = None if key is None else CLIENTS + key
        job = Job(str(ULID()), kind, use_case, params, by, "api", datetime.now(UTC), key)
        found = await asyncio.to_thread(self._jobs.accept, job)
        if not found.again:
            self._pipelines.nudge()
        return found

    async def job(self, job_id: str) -> Job:
        return await asyncio.to_thread(self._jobs.get, job_id)

    async def page(self, which: JobFilter, before: str | None, limit: int) -> list[Job]:
        return await asyncio.to_thread(self._jobs.page, which, before, limit)

    async def cancel(self, job_id: str, by: str) -> Job:
        job = await asyncio.to_thread(self._jobs.get, job_id)
        act = Act("cancel", by, job.use_case, {"job_id": job_id}, job_id)
        cancelled: Job = await self._acts.done(act, self._cancelled(job_id, by))
        return cancelled

    async def events(self, job_id: str, after: int) -> list[JobEvent]:
        return await asyncio.to_thread(self._jobs.events, job_id, after)

    async def _cancelled(self, job_id: str, by: str) -> Job:
        job = await asyncio.to_thread(self._jobs.request_cancel, job_id, datetime.now(UTC), by)
        self._pipelines.nudge()
        return job
