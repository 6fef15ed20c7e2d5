"""The learning half of the desk, put together over its stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.ports import AuditLog, Budget, EventLog, Jobs, Policies, Reports, Reviews
from serve_app.deployments.acts import Acts
from serve_app.deployments.desk_certificates import Certificates
from serve_app.deployments.desk_feedback import Feedback
from serve_app.deployments.desk_jobs import StoredJobs
from serve_app.deployments.desk_ops import Operations
from serve_app.deployments.desk_replays import RepeatedDecisions
from serve_app.deployments.desk_reviews import ReviewQueue
from serve_app.deployments.desk_versions import RegisteredVersions


@dataclass(frozen=True, slots=True)
class Stores:
    """All in the one database, save perhaps the budget."""

    log: EventLog
    jobs: Jobs
    audit: AuditLog
    reports: Reports
    policies: Policies
    reviews: Reviews
    budget: Budget


class Desks:
    """``registry``, ``replays``: handles; ``pipelines``: ``deployments.pipelines.Pipelines``, or one for tests."""

    def __init__(
        self, catalogue: UseCaseFolder, stores: Stores, registry: Any, replays: Any, pipelines: Any, data_root: str
    ) -> None:
        acts = Acts(stores.audit)
        self.jobs = StoredJobs(catalogue, stores.jobs, acts, pipelines, data_root)
        self.versions = RegisteredVersions(catalogue, registry, stores.log, stores.jobs, acts, pipelines)
        self.ops = Operations(catalogue, stores.jobs, stores.audit, stores.reports, stores.budget, acts)
        self.certificates = Certificates(catalogue, registry, stores.reports, acts)
        self.replays = RepeatedDecisions(stores.log, replays)
        self.reviews = ReviewQueue(catalogue, stores.log, stores.reviews, acts)
        self.feedback = Feedback(catalogue, stores.log, acts)
