"""The port ``VersionDesk``: the registry, and everything that moves the alias, over its deployment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any

from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.errors import NotFound, Unavailable, UnderstudyError
from serve_app.core.ports import EventLog, Jobs, Version
from serve_app.core.registered import last_ruling, named
from serve_app.core.shadow import comparison
from serve_app.core.swap import CHALLENGER, CHAMPION
from serve_app.deployments.acts import Act, Acts, Done
from serve_app.deployments.calls import call

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class RegisteredVersions:
    """``registry``: a handle. ``pipelines`` has ``best``."""

    def __init__(
        self, catalogue: UseCaseFolder, registry: Any, log: EventLog, jobs: Jobs, acts: Acts, pipelines: Any
    ) -> None:
        self._catalogue, self._registry, self._log, self._jobs = catalogue, registry, log, jobs
        self._acts, self._pipelines = acts, pipelines

    async def all(self, use_case: str) -> list[Version]:
        found: list[Version] = await call(self._registry.versions, use_case)
        return found

    async def metrics(self, use_case: str) -> dict[str, Any]:
        versions = await self.all(use_case)
        champion = named(versions, CHAMPION)
        return {
            "use_case": use_case,
            "champion": champion.version if champion else None,
            "metrics": dict(champion.metrics) if champion else {},
            "gate": last_ruling(versions),
            "counts": {"versions": len(versions), **await self._counts(use_case)},
        }

    async def promote(self, use_case: str, version: str, by: str, reason: str) -> dict[str, Any]:
        act = Act("promote", by, use_case, {"version": version, "reason": reason}, version)
        return await self._done(act, call(self._registry.promote, use_case, version, by, reason))

    async def rollback(self, use_case: str, by: str, reason: str) -> dict[str, Any]:
        act = Act("rollback", by, use_case, {"reason": reason})
        return await self._done(act, call(self._registry.rollback, use_case, by, reason))

    async def best(self, use_case: str, by: str, reason: str) -> dict[str, Any]:
        act = Act("fetch_best_model", by, use_case, {"reason": reason})
        return await self._done(act, self._pipelines.best(use_case, by, reason))

    async def shadow(self, use_case: str) -> dict[str, Any]:
        versions = await self.all(use_case)
        champion, challenger = named(versions, CHAMPION), named(versions, CHALLENGER)
        rows = await asyncio.to_thread(self._log.shadows, use_case, challenger.version) if challenger else []
        return {
            "use_case": use_case,
            "champion_version": champion.version if champion else None,
            "challenger_version": challenger.version if challenger else None,
            **comparison(self._catalogue.get(use_case), rows),
        }

    async def reload(self, use_case: str | None) -> dict[str, dict[str, Any]]:
        names = [use_case] if use_case is not None else list(self._catalogue.names())
        came = dict(zip(names, await asyncio.gather(*map(self._reloaded, names)), strict=True))
        failed = [f"{name}: {how}" for name, how in came.items() if isinstance(how, str)]
        if failed:
            kept = "the present model stays and the next attempt follows by itself"
            raise Unavailable(f"{'; '.join(failed)}; {kept}", 10)
        return {name: how for name, how in came.items() if isinstance(how, dict)}

    async def _reloaded(self, use_case: str) -> dict[str, Any] | str:
        try:
            found: dict[str, Any] = await call(self._registry.reload, use_case)
        except NotFound:  # no champion yet, and so nothing that could be stale
            return {"version": None, "replicas": 0}
        except UnderstudyError as error:
            return error.detail
        return {"version": found["version"], "replicas": found["replicas"]}

    async def _counts(self, use_case: str) -> dict[str, Any]:
        last = await asyncio.to_thread(self._jobs.last_finished, use_case, "train")
        since = last.created_at if last else BEGINNING
        labels = await asyncio.to_thread(self._log.new_labels, use_case, since)
        return {
            "predictions": await asyncio.to_thread(self._log.count, use_case),
            "new_labels": {"people": labels.people, "teacher": labels.teacher},
            "last_retrain": last.id if last else None,
        }

    async def _done(self, act: Act, doing: Any) -> dict[str, Any]:
        came: dict[str, Any] = await self._acts.done(act, _moved(doing))
        return {"use_case": act.use_case, **came}


async def _moved(doing: Awaitable[dict[str, Any]]) -> Done:
    """Which version was the champion, and which is; nothing of it where none was moved."""
    came = await doing
    if came.get("promoted") is False or "previous" not in came:
        return Done(came, detail=came)
    version = came["version"]
    return Done(came, {"version": came["previous"]}, {"version": version}, came, version)
