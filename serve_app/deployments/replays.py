"""Decisions made again, in a process of their own: old models are loaded here, and neither the memory that
they take, nor their predictions, nor a model file that ends its process touch anybody who is answered, or
the registry's deployment, which moves the alias."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray import serve

from serve_app.adapters.bundle_cache import BundleCache
from serve_app.adapters.sql_event_log import open_event_log
from serve_app.adapters.sql_policies import open_policies
from serve_app.adapters.tried_students import TriedStudents
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.bundle import read_manifest, schema_version
from serve_app.core.errors import (
    BadBundle,
    BadConfig,
    ModelNotRegistered,
    NotFound,
    PolicyNotKept,
    SchemaChanged,
    UnknownUseCase,
)
from serve_app.core.events import LoggedPrediction
from serve_app.core.manifest import Manifest
from serve_app.core.platform import Platform
from serve_app.core.ports import Bundle, EventLog, Policies, Student, Version
from serve_app.core.replay import Replayed, not_computed, replay, row_of, without_student
from serve_app.core.use_case import UseCase
from serve_app.deployments.calls import call
from serve_app.deployments.logs import log_along
from serve_app.deployments.options import thin

HELD = 6
"""Versions that stay loaded; a sample is replayed over a handful of them."""

KNOWN_S = 30.0
"""How long what the registry said of a version is taken for so: it takes longer to ask than to replay."""


@dataclass(frozen=True, slots=True)
class Loaded:
    student: Student
    manifest: Manifest


class ReplaysDesk:
    """``registry``: a handle. Opens the store at the first call."""

    def __init__(self, catalogue: UseCaseFolder, platform: Platform, registry: Any) -> None:
        log_along()
        self._catalogue, self._platform, self._registry = catalogue, platform, registry
        self._cache = BundleCache(Path(platform.state) / "cache")
        self._students = TriedStudents(self._cache)
        self._loaded: OrderedDict[str, Loaded] = OrderedDict()
        self._known: dict[tuple[str, str], tuple[float, Version]] = {}
        self._opening, self._loading = asyncio.Lock(), asyncio.Lock()
        self._stores: tuple[EventLog, Policies] | None = None

    async def replay(self, prediction_id: str) -> dict[str, Any]:
        """``core.replay.Replayed`` as JSON. Raises UnknownPrediction, PolicyNotKept, ModelNotRegistered,
        SchemaChanged, StoreUnavailable, RegistryUnavailable."""
        logged, content = await asyncio.to_thread(_read, *await self._open(), prediction_id)
        if content is None:
            raise PolicyNotKept("what stood behind its policy version was not kept: it was logged by an older release")
        try:
            return (await self._replayed(logged, content)).as_dict()
        except BadConfig as error:
            raise PolicyNotKept(error.detail) from None

    async def _replayed(self, logged: LoggedPrediction, content: Any) -> Replayed:
        if logged.model_version is None:
            return replay(logged, without_student(logged), content)
        version = await self._registered(logged.use_case, logged.model_version)
        try:
            loaded = await self._load(logged, version)
        except BadBundle as error:
            return not_computed(logged, "model", version.digest, error.detail)
        return await asyncio.to_thread(_made_again, loaded, logged, content)

    async def _registered(self, use_case: str, version: str) -> Version:
        at, known = self._known.get((use_case, version), (-KNOWN_S, None))
        if known is not None and time.monotonic() - at < KNOWN_S:
            return known
        try:
            found: Version = await call(self._registry.version, use_case, version)
        except NotFound as error:
            raise ModelNotRegistered(f"its model is no longer registered: {error.detail}") from None
        self._known[use_case, version] = (time.monotonic(), found)
        return found

    async def _load(self, logged: LoggedPrediction, version: Version) -> Loaded:
        """One at a time: two at once would only take turns on the cores. Raises BadBundle, SchemaChanged."""
        async with self._loading:
            key = f"{logged.use_case}:{version.version}:{version.digest}"
            if key not in self._loaded:
                kept = await asyncio.to_thread(self._cache.get, version.digest)
                bundle = kept or await call(self._registry.fetch, logged.use_case, version.version)
                self._loaded[key] = await asyncio.to_thread(self._tried, bundle, logged, version)
            self._loaded.move_to_end(key)
            while len(self._loaded) > HELD:
                self._loaded.popitem(last=False)
            return self._loaded[key]

    def _tried(self, bundle: Bundle, logged: LoggedPrediction, version: Version) -> Loaded:
        manifest = read_manifest(bundle)
        fitting = self._fitting(logged, manifest)
        try:
            return Loaded(self._students.load(bundle, version.version, version.digest, fitting), manifest)
        except BadBundle as error:
            if fitting is None:
                told = f"the schema of {logged.use_case} has changed since, and version {version.version}"
                raise SchemaChanged(f"{told} cannot be loaded beside it: {error.detail}") from None
            raise

    def _fitting(self, logged: LoggedPrediction, manifest: Manifest) -> UseCase | None:
        """The use case as it is now, while the model still fits it. Another schema does no harm by itself:
        the manifest says what the student sees; but only what has been tried before is then loaded."""
        try:
            now = self._catalogue.get(logged.use_case)
        except UnknownUseCase:
            return None
        return now if schema_version(now) == manifest.schema_version else None

    async def _open(self) -> tuple[EventLog, Policies]:
        async with self._opening:
            if self._stores is None:
                self._stores = await asyncio.to_thread(_opened, self._platform)
        return self._stores


def _opened(platform: Platform) -> tuple[EventLog, Policies]:
    where = (platform.store, Path(platform.state))
    return open_event_log(*where), open_policies(*where)


def _read(log: EventLog, policies: Policies, prediction_id: str) -> tuple[LoggedPrediction, Any]:
    logged = log.get(prediction_id)
    return logged, policies.get(logged.policy_version)


def _made_again(loaded: Loaded, logged: LoggedPrediction, content: Any) -> Replayed:
    try:
        answers = loaded.student.answer(row_of(logged, loaded.manifest.features))
    except (TypeError, ValueError) as error:
        return not_computed(logged, "features", logged.features, f"the student cannot read them: {error}")
    return replay(logged, answers, content)


AT_NEED = {
    "min_replicas": 0,
    "initial_replicas": 0,
    "max_replicas": 1,
    "target_ongoing_requests": 8,
    "upscale_delay_s": 0,
    "downscale_to_zero_delay_s": 600,
}
"""Its process, of 115 MB, comes up with the first replay, which waits some seconds for it, and goes ten minutes after
the last."""

Replays = serve.deployment(**thin("Replays", ongoing=8), autoscaling_config=AT_NEED)(ReplaysDesk)
