"""The learning half in memory: the real desks over stores, a registry and pipelines of this process."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from serve_app.adapters.memory_audit import MemoryAudit
from serve_app.adapters.memory_budget import MemoryBudget
from serve_app.adapters.memory_event_log import MemoryEventLog
from serve_app.adapters.memory_jobs import MemoryJobs
from serve_app.adapters.memory_policies import MemoryPolicies
from serve_app.adapters.memory_reports import MemoryReports
from serve_app.adapters.memory_reviews import MemoryReviews
from serve_app.core.errors import NotFound, PromotionRefused, Unavailable
from serve_app.core.jobs import Report
from serve_app.core.ports import Version
from serve_app.deployments.desks import Desks, Stores
from tests.fakes.local_handle import LocalHandle

WHEN = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
DIGEST = "sha256:" + "9f86d081" * 8


class ToyRegistry:
    """Like the deployment: versions 1 to 3 of every use case, 2 is the champion and 3 waits. ``trouble``:
    raised by whatever moves something, per use case or for all (""). ``bundles``: by use case and version."""

    def __init__(self, names: list[str]) -> None:
        self.trouble: dict[str, Exception] = {}
        self.kept = {name: [_version(name, number) for number in (3, 2, 1)] for name in names}
        self.bundles: dict[tuple[str, str], dict[str, bytes]] = {}
        self.fetched = 0

    def versions(self, use_case: str) -> list[Version]:
        return self.kept.get(use_case, [])

    def aliased(self, use_case: str, alias: str) -> Version | None:
        return next((each for each in self.versions(use_case) if alias in each.aliases), None)

    def fetch(self, use_case: str, version: str) -> dict[str, bytes]:
        self.fetched += 1
        return self.bundles.get((use_case, version), {})

    def promote(self, use_case: str, version: str, by: str, reason: str) -> dict[str, Any]:
        self._may_fail(use_case)
        if version not in {each.version for each in self.versions(use_case)}:
            raise NotFound(f"{use_case} has no model version {version!r}")
        return self._moved(use_case, version)

    def rollback(self, use_case: str, by: str, reason: str) -> dict[str, Any]:
        self._may_fail(use_case)
        before = [each.version for each in self.versions(use_case) if "previous" in each.aliases]
        if not before:
            raise NotFound(f"{use_case} has no version before")
        return self._moved(use_case, before[0])

    def reload(self, use_case: str) -> dict[str, Any]:
        self._may_fail(use_case)
        return {"version": self._champion(use_case), "replicas": 1}

    def _moved(self, use_case: str, version: str) -> dict[str, Any]:
        before = self._champion(use_case)
        moved = {version: ("champion",), **({before: ("previous",)} if before != version else {})}
        kept = self.kept[use_case]
        self.kept[use_case] = [replace(each, aliases=moved.get(each.version, ())) for each in kept]
        at = datetime.now(UTC).isoformat()
        return {"version": version, "previous": before, "replicas": 1, "prepared_s": 0.1, "committed_at": at}

    def _champion(self, use_case: str) -> str:
        return next(each.version for each in self.versions(use_case) if "champion" in each.aliases)

    def _may_fail(self, use_case: str) -> None:
        for name in ("", use_case):
            if name in self.trouble:
                raise self.trouble[name]


class ToyPipelines:
    """``away``: they do not run."""

    def __init__(self, registry: ToyRegistry) -> None:
        self.nudged, self.away = 0, False
        self._registry = registry

    def nudge(self) -> None:
        self.nudged += 1

    async def best(self, use_case: str, by: str, reason: str) -> dict[str, Any]:
        if self.away:
            raise Unavailable("the pipelines do not run, and only they compare versions", 30)
        return {"promoted": True, **self._registry.promote(use_case, "3", by, reason)}


class ToyReplays:
    """Like the deployment: whatever ``graph`` has answered comes out as it was."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph

    async def replay(self, prediction_id: str) -> dict[str, Any]:
        answer = (await self._graph.prediction(prediction_id))["answer"]
        side = {"answer": answer, "model_version": answer["model_version"]}
        return {"match": True, "recorded": side, "replayed": side, "given": {}, "first_difference": None}


class SmallDesks:
    """``catalogue`` has ``get`` and ``names``."""

    def __init__(self, catalogue: Any, data_root: str = "{state}/data") -> None:
        audit = MemoryAudit()
        self.stores = Stores(
            MemoryEventLog(audit),
            MemoryJobs(),
            audit,
            MemoryReports(),
            MemoryPolicies(),
            MemoryReviews(),
            MemoryBudget(),
        )
        self.registry = ToyRegistry(list(catalogue.names()))
        self.pipelines = ToyPipelines(self.registry)
        handle, replays = LocalHandle(self.registry), LocalHandle(ToyReplays(catalogue))
        self.desks = Desks(catalogue, self.stores, handle, replays, self.pipelines, data_root)

    def scored(self, use_case: str, alerts: int, week: int = 0) -> Report:
        """A batch run that raised so many alerts."""
        rows = [{"row": row, "action": "ALERT", "score": 0.9} for row in range(alerts)]
        content = {"path": "scores", "rows": 100, "alerts": alerts, "actions": {"ALERT": alerts}, "alert_rows": rows}
        report = Report(f"{use_case}-{week}", use_case, "score", WHEN + timedelta(weeks=week), content)
        self.stores.reports.put(report)
        return report


def _version(use_case: str, number: int) -> Version:
    aliases = {1: ("previous",), 2: ("champion",), 3: ("challenger",)}[number]
    tags = {"origin": "first champion"} if number == 1 else _retrained(number)
    metrics = {"macro_f1": 0.80 + number / 100, "ece": 0.03}
    return Version(use_case, str(number), DIGEST, aliases, metrics, tags, WHEN + timedelta(days=number))


def _retrained(number: int) -> dict[str, str]:
    reasons = [{"code": "better", "text": "macro-F1 is not worse"}]
    return {
        "origin": "retrain",
        "job": f"01JZ8Q4T6V3M5N7P9R1S2T4V6{number}",
        "family": "lightgbm",
        "dataset": DIGEST,
        "until": WHEN.isoformat(),
        "parent": str(number - 1),
        "label_mix": json.dumps({"file": 900, "person": 40, "teacher": 60, "panel": 0}),
        "candidates": json.dumps([{"family": "lightgbm", "held_out_loss": 0.41}]),
        "gate.outcome": "promote",
        "gate.gold": json.dumps({"rows": 400, "digest": DIGEST}),
        "gate.reasons": json.dumps(reasons),
        "gate.figures": json.dumps({"macro_f1": {"difference": 0.01}}),
    }


def refused(detail: str = "1 of 2 replicas cannot serve version 3: golden rows differ") -> PromotionRefused:
    return PromotionRefused(detail)
