"""How every part is, for ``/readyz``: asked all at once, each with a time-out of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import ray
from ray import serve
from ray.serve.exceptions import RayServeException

from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.errors import UnderstudyError
from serve_app.core.platform import Platform
from serve_app.core.ports import Buckets, Budget, EventLog, Part
from serve_app.core.serving import ModelState
from serve_app.deployments.calls import call

log = logging.getLogger("understudy.parts")

PATIENCE_S = 3.0

DROPPED = "predictions are dropped (store.predictions), so none can be labelled, learned from or replayed"

PIPELINES = ("Pipelines", "pipelines")
"""Deployment and application: the name crosses, no import."""


class Parts:
    """``waiting``: predictions in this replica's journal, None where none is kept. ``budget``: of a store of its own,
    None where it shares the event log's. ``buckets``: None where no caller is limited."""

    def __init__(
        self,
        catalogue: UseCaseFolder,
        platform: Platform,
        log: EventLog,
        cascade: Any,
        teacher: Any,
        registry: Any,
        waiting: Callable[[], int | None],
        budget: Budget | None = None,
        buckets: Buckets | None = None,
    ) -> None:
        self._catalogue, self._platform, self._log = catalogue, platform, log
        self._budget, self._buckets = budget, buckets
        self._cascade, self._teacher, self._registry = cascade, teacher, registry
        self._waiting = waiting
        self._pipelines: Any = None

    async def all(self) -> list[Part]:
        training = asyncio.ensure_future(self._training())
        asked: list[Coroutine[Any, Any, Part]] = [self._store(), self._registry_part()]
        asked += [] if self._buckets is None else [self._limits(self._buckets)]
        asked += [self._use_case(name, training) for name in self._catalogue.names()]
        asked += [] if self._budget is None else [self._budget_part(self._budget)]
        asked += [self._data()] if self._platform.data.root.startswith("s3://") else []
        asked += [self._teacher_part(name) for name in self._catalogue.names()]
        return [*await asyncio.gather(*asked), self._auth(), *self._broken()]

    async def model_states(self) -> list[ModelState]:
        return list(await asyncio.gather(*(self._model(name) for name in self._catalogue.names())))

    async def _model(self, name: str) -> ModelState:
        found = await _soon(call(self._cascade.model_state, name))
        return found if isinstance(found, ModelState) else ModelState(name, "failed", str(found))

    async def _use_case(self, name: str, told: asyncio.Future[dict[str, str]]) -> Part:
        state = await self._model(name)
        training = (await told).get(name)
        detail = f"{state.detail}; {training}" if training and state.version is None else state.detail
        return Part(f"use_case:{name}", state.state, detail)

    async def _teacher_part(self, name: str) -> Part:
        found = await _soon(call(self._teacher.describe, name))
        if not isinstance(found, dict):
            return Part(f"teacher:{name}", "failed", str(found))
        shut = found["breaker"] == "open"
        detail = f"{found['detail']}; not asked at present ({found['last_failure']})" if shut else found["detail"]
        return Part(f"teacher:{name}", "degraded" if shut else "ready", detail, found["real"])

    async def _store(self) -> Part:
        kind, keeps = self._log_kind(), self._platform.store.predictions == "keep"
        found = await _soon(asyncio.to_thread(self._log.ping))
        waiting = await asyncio.to_thread(self._waiting)
        told = [f"{kind}: {found}" if found else kind, *([] if keeps else [DROPPED])]
        told += [f"{waiting} predictions wait in this replica's journal"] if waiting or (found and waiting == 0) else []
        away = "failed" if waiting is None else "degraded"
        return Part("store", away if found else "ready", "; ".join(told), real=keeps)

    async def _registry_part(self) -> Part:
        found = await _soon(call(self._registry.describe))
        failed = isinstance(found, Exception)
        return Part("registry", "failed" if failed else "ready", str(found))

    async def _budget_part(self, budget: Budget) -> Part:
        """While it is away nothing may be spent, and the student answers alone."""
        found = await _soon(asyncio.to_thread(budget.spent, ["is it there"]))
        away = isinstance(found, Exception)
        return Part("budget", "failed" if away else "ready", str(found) if away else "a store of its own")

    async def _data(self) -> Part:
        """A bucket, which the pipelines alone reach for: predictions need none."""
        if not await self._pipelines_run():
            return Part("data", "degraded", "the pipelines do not run")
        found = await _soon(call(self._pipelines.tables))
        told = "a bucket" if found == "" else str(found)
        return Part("data", "ready" if found == "" else "degraded", told)

    async def _training(self) -> dict[str, str]:
        """What the pipelines are at, by use case; nothing when they do not run."""
        if not await self._pipelines_run():
            return {}
        found = await _soon(call(self._pipelines.progress), 1.0)
        return found if isinstance(found, dict) else {}

    async def _pipelines_run(self) -> bool:
        if self._pipelines is not None:
            return True
        if not ray.is_initialized():  # in local testing mode asking for a handle would start a cluster
            return False
        try:
            self._pipelines = await asyncio.to_thread(serve.get_deployment_handle, *PIPELINES)
        except (KeyError, RayServeException):
            return False
        return True

    async def _limits(self, buckets: Buckets) -> Part:
        zones = ", ".join(self._platform.zones)
        if not self._platform.limits.url.get_secret_value():
            return Part("limits", "ready", f"{zones}: counted by each process for itself")
        found = await _soon(buckets.ping())
        if found is None:
            return Part("limits", "ready", f"{zones}: counted by all processes together")
        return Part("limits", "degraded", f"{zones}: counted by each process for itself; {found}", real=False)

    def _auth(self) -> Part:
        if self._platform.auth.mode == "local":
            return Part("auth", "ready", "local: no token needed, only this machine may ask", real=False)
        return Part("auth", "ready", "jwt: a token or an API key is asked for")

    def _broken(self) -> list[Part]:
        """Folders that cannot be used at all; one that serves its last good version is told as well."""
        known = set(self._catalogue.names())
        problems = self._catalogue.problems().items()
        return [Part(f"{'config' if name in known else 'use_case'}:{name}", "failed", text) for name, text in problems]

    def _log_kind(self) -> str:
        url = self._platform.store.url.get_secret_value()
        return "SQLite, embedded" if url.startswith("sqlite") else url.split(":", 1)[0].split("+")[0]


async def _soon(asked: Awaitable[Any], patience_s: float = PATIENCE_S) -> Any:
    """What was answered; a refusal or a time-out is given back as the exception it is."""
    try:
        return await asyncio.wait_for(asked, patience_s)
    except UnderstudyError as error:
        return error
    except TimeoutError:
        return TimeoutError(f"no answer within {patience_s:g} s")
    except Exception as error:  # a bug in one part must not hide how the others are
        log.exception("a part could not be asked")
        return RuntimeError(f"cannot be asked ({type(error).__name__}); its log says why")
