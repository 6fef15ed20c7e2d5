"""What a step of a workflow gets and gives.

    step(run, came) -> outputs        ``came``: the outputs of the steps before it, by name; all JSON

A step may be run again after a crash with the same ``run`` and ``came``, and then comes to the same:
whatever it writes is named by the job. It runs in a process of its own on the cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.jobs import Happened, Kind
from serve_app.core.platform import Platform
from serve_app.core.use_case import UseCase

Outputs = dict[str, Any]
Came = Mapping[str, Outputs]


@dataclass(frozen=True, slots=True)
class Run:
    """One job, as its steps see it. ``until``: labels given later are not looked at, so that a step
    that is repeated sees the same."""

    job_id: str
    kind: Kind
    use_case: str
    params: Mapping[str, Any]
    trigger: str
    until: datetime
    catalogue: UseCaseFolder
    platform: Platform

    def configured(self) -> UseCase:
        """Raises UnknownUseCase."""
        return self.catalogue.get(self.use_case)

    @property
    def folder(self) -> Path:
        return self.catalogue.folder(self.use_case)

    @property
    def state(self) -> Path:
        return Path(self.platform.state)

    def under_way(self) -> set[str]:
        """Ids of all jobs that have not ended, this one among them: what they made so far is still needed."""
        from serve_app.adapters.sql_jobs import open_jobs

        jobs = open_jobs(self.platform.store, self.state)
        try:
            return {self.job_id, *(job.id for job in jobs.unfinished())}
        finally:
            jobs.close()

    def tell(self, progress: int | None, detail: str) -> None:
        """Progress within a step, 0 to 100 of the whole job, and a line for whoever watches."""
        from serve_app.adapters.sql_jobs import open_jobs

        jobs = open_jobs(self.platform.store, self.state)
        try:
            jobs.tell(self.job_id, datetime.now(UTC), Happened("told", progress=progress, detail=detail))
        finally:
            jobs.close()


Step = Callable[[Run, Came], Outputs]


class Refusal(Exception):
    """A step that will not go on, and would not if it were tried again: the job ends as FAILED with
    ``code`` and ``detail``."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, detail

    def __str__(self) -> str:
        return self.detail
