"""The students that a replica holds: the one that serves, one that is prepared, one that shadows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from serve_app.adapters.bundle_cache import BundleCache
from serve_app.adapters.tried_students import TriedStudents
from serve_app.core.answers import Explanation, NoStudent, StudentAnswers
from serve_app.core.bundle import read_manifest
from serve_app.core.manifest import Manifest
from serve_app.core.ports import Bundle, Student
from serve_app.core.rows import Rows
from serve_app.core.serving import ModelState
from serve_app.core.use_case import UseCase
from serve_app.deployments.calls import call

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Served:
    """A student with the name it is served under. ``version`` goes before the one that the student was
    loaded under: the same bundle may have been registered again since, which is no reason to load it again."""

    student: Student
    manifest: Manifest
    version: str
    digest: str

    @property
    def predictor(self) -> str:
        """Who walks the student's trees, which may change while it serves."""
        return str(getattr(self.student, "predictor", self.manifest.family))

    def is_of(self, version: str, digest: str) -> bool:
        return (self.version, self.digest) == (version, digest)

    def answer(self, rows: Rows) -> StudentAnswers:
        answers = self.student.answer(rows)
        if isinstance(answers, NoStudent) or answers.model_version == self.version:
            return answers
        return replace(answers, model_version=self.version)

    def explain(self, rows: Rows, top: int) -> list[Explanation]:
        return [replace(each, model_version=self.version) for each in self.student.explain(rows, top)]

    def state(self, use_case: str) -> ModelState:
        made, metrics = self.manifest.created_at.isoformat(), self.manifest.metrics
        return ModelState(use_case, "ready", f"version {self.version}", self.version, self.digest, metrics, made)


class Held:
    """``serving`` is flipped by one assignment. ``flips`` counts how often: whoever heard of a champion
    before the last one may have heard of an older one.

    ``configured``: the use case, None while its configuration is broken; ``registry``: a handle."""

    def __init__(self, name: str, configured: Callable[[], UseCase | None], registry: Any, cache: BundleCache) -> None:
        self._name, self._configured, self._registry, self._cache = name, configured, registry, cache
        self._students = TriedStudents(cache)
        self._loading = asyncio.Lock()
        self._loader = ThreadPoolExecutor(1, "students")
        """One thread for all: what a student takes comes from its arena, and is there again for the next. With several
        threads each of their arenas kept what lay between, and a replica grew by some MB before it stood."""
        self.serving: Served | None = None
        self.prepared: Served | None = None
        self.challenger: Served | None = None
        self.flips = 0

    async def ready(self, version: str, digest: str) -> Served:
        """Loaded, and as it was registered. One that is held already, perhaps under another name, is not
        loaded again. Raises BadBundle, RegistryUnavailable, NotFound."""
        for held in (self.serving, self.prepared, self.challenger):
            if held is not None and held.digest == digest:
                return replace(held, version=version)
        kept = await self._aside(self._cache.get, digest)
        bundle = kept if kept is not None else await call(self._registry.fetch, self._name, version)
        return await self._loaded(bundle, version, digest)

    async def last(self) -> Served | None:
        """What this machine served last, from its disk. Raises BadBundle."""
        last = await asyncio.to_thread(self._cache.last, self._name)
        bundle = None if last is None else await self._aside(self._cache.get, last.digest)
        return None if last is None or bundle is None else await self._loaded(bundle, last.version, last.digest)

    def serve(self, served: Served) -> None:
        self.serving, self.prepared = served, None
        self.flips += 1

    def is_serving(self, version: str, digest: str) -> bool:
        return self.serving is not None and self.serving.is_of(version, digest)

    async def remember(self, served: Served) -> None:
        """For the next start, on this machine."""
        await asyncio.to_thread(self._cache.remember, self._name, served.version, served.digest)

    async def _loaded(self, bundle: Bundle, version: str, digest: str) -> Served:
        async with self._loading:
            student = await self._aside(self._students.load, bundle, version, digest, self._configured())
        return Served(student, read_manifest(bundle), version, digest)

    async def _aside(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._loader, work, *args)
