"""The OpenAPI document, made from the use cases as they are now: every use case has its own paths
with its own exact schemas and examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serve_app.api.dependencies import Service
from serve_app.api.limits import zone_of
from serve_app.api.openapi_audit import audit_paths, audit_schemas
from serve_app.api.openapi_auth import guarded
from serve_app.api.openapi_certificates import certificate_paths
from serve_app.api.openapi_errors import PROBLEM_SCHEMAS, RESPONSES, errors_of
from serve_app.api.openapi_fixed import fixed_paths
from serve_app.api.openapi_jobs import job_paths, job_schemas
from serve_app.api.openapi_ops import ops_paths
from serve_app.api.openapi_replay import replay_paths
from serve_app.api.openapi_review import review_paths
from serve_app.api.openapi_savings import savings_paths, savings_schemas
from serve_app.api.openapi_train import train_paths, train_schemas
from serve_app.api.openapi_use_case import paths_of, schemas_of
from serve_app.core.use_case import UseCase

Json = dict[str, Any]

DESCRIPTION = """A cheap model, the student, answers in front of an LLM, the teacher. Where the student is
unsure the teacher is asked, and the answer tells which of them it comes from.

Every error is `application/problem+json` with a stable `code`. Every answer carries `X-Request-ID`.

`X-Request-Timeout` says how many seconds a client waits: the LLM is given less time then, and what is late is
answered 503. Where callers are limited (`limits.zones`), every answer carries `RateLimit-Policy` and `RateLimit`, and
who asks too often gets 429 with `Retry-After`."""


class OpenApi:
    """Stands in for ``FastAPI.openapi``; makes the document anew only when the use cases changed."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._made_of: dict[str, UseCase] | None = None
        self._document: Json = {}

    def __call__(self) -> Json:
        use_cases = dict(self._service.graph.use_cases())
        if use_cases != self._made_of:
            made = document(use_cases, self._service.version, self._service.limits.max_batch)
            self._document = made if self._service.graph.identity is None else guarded(made)
            self._made_of = use_cases
        return self._document


def document(use_cases: Mapping[str, UseCase], version: str, max_batch: int) -> Json:
    paths: Json = {}
    schemas: Json = dict(PROBLEM_SCHEMAS)
    for use_case in use_cases.values():
        paths |= paths_of(use_case, max_batch)
        schemas |= schemas_of(use_case, max_batch)
    fixed, fixed_schemas = fixed_paths(use_cases, max_batch)
    fixed |= {**job_paths(use_cases), **train_paths(use_cases), **ops_paths(use_cases)}
    fixed |= {**replay_paths(use_cases), **review_paths(use_cases)}
    fixed |= {**certificate_paths(use_cases), **savings_paths(use_cases), **audit_paths()}
    fixed_schemas |= {**job_schemas(), **train_schemas(), **savings_schemas(), **audit_schemas()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Understudy", "version": version, "description": DESCRIPTION},
        "paths": _guarded({**paths, **fixed}),
        "components": {"schemas": {**schemas, **fixed_schemas}, "responses": RESPONSES},
    }


def _guarded(paths: Json) -> Json:
    """With what the door says by itself: to whoever asks by a name that is not ours, and too often."""
    for path, operations in paths.items():
        for method, operation in operations.items():
            said = ("421",) if zone_of(method.upper(), path) is None else ("421", "429")
            operation["responses"] = {**operation["responses"], **errors_of(said)}
    return paths
