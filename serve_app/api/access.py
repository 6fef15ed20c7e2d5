"""Who may ask what: one table of every route, and whatever is not in it nobody may ask.

A ``user`` asks and judges what they asked for; a ``reviewer`` also sees the review queue and whatever lies in it; an
``admin`` does all. ``public`` is what a probe, a browser before its login and the login itself need.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from serve_app.api.declared import Declared
from serve_app.core.caller import RANK, Role

Least = Literal["public"] | Role

TABLE: Mapping[Least, str] = {
    "public": """
        GET /livez                     GET /readyz                     GET /health
        GET /api/v1/predict/health     GET /api/v1/train/health        GET /api/v1/data/health
        GET /v2/health/live            GET /v2/health/ready
        GET /docs                      GET /docs/oauth2-redirect       GET /redoc
        GET /openapi.json              HEAD /openapi.json
        GET /static-offline-docs/{}    HEAD /static-offline-docs/{}
        POST /api/v1/auth/login        POST /api/v1/auth/refresh
    """,
    "user": """
        POST /api/v1/auth/logout       GET /api/v1/auth/me
        POST /api/v1/predict           POST /api/v1/predict/           POST /api/v1/predict/batch
        POST /api/v1/predict/{use_case}                                POST /api/v1/predict/{use_case}/batch
        POST /api/v1/explain/{use_case}
        GET /api/v1/predict/models     POST /api/v1/predict/models     POST /api/v1/predict/health
        GET /api/v1/use_cases          GET /api/v1/use_cases/{use_case}
        POST /api/v1/feedback/{}       GET /api/v1/predictions/{}      POST /api/v1/predictions/{}/replay
        GET /v2                        GET /v2/models/{use_case}       GET /v2/models/{use_case}/ready
        POST /v2/models/{use_case}/infer
    """,
    "reviewer": """
        GET /api/v1/review/{use_case}  POST /api/v1/review/{}          GET /api/v1/review/{use_case}/agreement
    """,
    "admin": """
        GET /api/v1/auth/users         POST /api/v1/auth/users         PATCH /api/v1/auth/users/{}
        GET /api/v1/auth/keys          POST /api/v1/auth/keys          DELETE /api/v1/auth/keys/{}
        GET /api/v1/train/jobs         GET /api/v1/train/jobs/{}       GET /api/v1/train/status/{}
        POST /api/v1/train/jobs        POST /api/v1/train/jobs/{}/cancel
        GET /api/v1/train/jobs/{}/events
        GET /api/v1/train/models       POST /api/v1/train/models       POST /api/v1/train/health
        GET /api/v1/train/schedules    POST /api/v1/train/schedules
        GET /api/v1/train/metrics/{use_case}                           GET /api/v1/train/drift/{use_case}
        POST /api/v1/train             POST /api/v1/train/             POST /api/v1/train/{use_case}
        GET /api/v1/train/{use_case}/models                            GET /api/v1/train/{use_case}/shadow
        POST /api/v1/train/{use_case}/promote                          POST /api/v1/train/{use_case}/rollback
        POST /api/v1/train/{use_case}/fetch-best-model
        GET /api/v1/train/{use_case}/schedule                          PATCH /api/v1/train/{use_case}/schedule
        GET /api/v1/data/jobs          GET /api/v1/data/jobs/{}        GET /api/v1/data/status/{}
        POST /api/v1/data/jobs/{}/cancel                               GET /api/v1/data/jobs/{}/events
        POST /api/v1/data/{use_case}/preprocess                        POST /api/v1/data/{use_case}/build-features
        POST /api/v1/data/{use_case}/score                             GET /api/v1/data/{use_case}/scores
        GET /alerts                    GET /api/v1/ops/alerts
        GET /audit                     GET /api/v1/ops/audit           GET /api/v1/ops/audit/head
        GET /api/v1/ops/budget         GET /api/v1/ops/sample          POST /reload
        GET /api/v1/ops/savings        POST /api/v1/ops/what-if        GET /api/v1/ops/certificates
        POST /api/v1/ops/certificates/{use_case}/override
        DELETE /api/v1/ops/certificates/{use_case}/override
    """,
}
"""``{use_case}``: what a key may be kept to; ``{}``: any other part of a path."""

DECLARED: Role = "user"
"""Of the paths that use cases declare: they predict, explain, decide, and list values."""

METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST")

KEPT = 1000
"""Paths whose rule is remembered."""

ORDER: Mapping[Least, int] = {"public": -1, **RANK}


@dataclass(frozen=True, slots=True)
class Rule:
    """``use_case``: the one that is asked about, where the path says so."""

    least: Least
    use_case: str | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    parts: tuple[str | None, ...]
    least: Least
    use_case: int | None

    def takes(self, parts: list[str]) -> bool:
        return all(
            mine == theirs if mine is not None else theirs for mine, theirs in zip(self.parts, parts, strict=True)
        )

    def rule(self, parts: list[str]) -> Rule:
        return Rule(self.least, None if self.use_case is None else parts[self.use_case])


class Access:
    """``declared``: the routes of use cases, which come and go."""

    def __init__(self, declared: Declared) -> None:
        self._declared = declared
        self._found: dict[tuple[str, str], Rule] = {}
        self._rows: dict[tuple[str, int], list[_Row]] = defaultdict(list)
        for least, text in TABLE.items():
            for method, path in zip(*[iter(text.split())] * 2, strict=True):
                row = _row(path, least)
                self._rows[method, len(row.parts)].append(row)

    def rule(self, method: str, path: str) -> Rule | None:
        """None: nobody may. Where several rows fit, the strictest holds, whichever the router would take."""
        if (kept := self._found.get((method, path))) is not None:
            return kept
        if "\n" in path:  # the router takes one at the end for none
            return None
        parts = path.split("/")
        fitting = [row for row in self._rows.get((method, len(parts)), ()) if row.takes(parts)]
        if fitting:
            return self._keep(method, path, max(fitting, key=lambda each: ORDER[each.least]).rule(parts))
        found = self._declared.find(method, path)
        return None if found is None else Rule(DECLARED, found[0].name)

    def _keep(self, method: str, path: str, rule: Rule) -> Rule:
        """Of the table only, which never changes: a few paths are most of what is asked."""
        if len(self._found) >= KEPT:
            self._found.clear()
        self._found[method, path] = rule
        return rule

    def others(self, path: str) -> dict[str, Rule]:
        """What may be asked of the path by any method."""
        found = {method: self.rule(method, path) for method in METHODS}
        return {method: rule for method, rule in found.items() if rule is not None}


def _row(path: str, least: Least) -> _Row:
    names = path.split("/")
    parts = tuple(None if name.startswith("{") else name for name in names)
    return _Row(parts, least, names.index("{use_case}") if "{use_case}" in names else None)
