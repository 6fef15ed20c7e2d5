"""One deployment a use case: the student that serves it, and the watch for a new champion.

The registry's alias is the truth. A replica looks for it at start and every ``registry.poll_s``
seconds; a new champion is downloaded, tried in a child process and loaded before one reference is
flipped, so that a batch is answered by one version from end to end.
"""

from __future__ import annotations

import asyncio
import logging
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from ray import serve

from serve_app.adapters.bundle_cache import BundleCache
from serve_app.adapters.lean_import import import_lean
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.answers import Explanation, NoStudent, StudentAnswers
from serve_app.core.bundle import read_manifest
from serve_app.core.errors import BadBundle, RegistryUnavailable, UnderstudyError, UnknownUseCase
from serve_app.core.manifest import Manifest, check_schema
from serve_app.core.platform import Platform
from serve_app.core.ports import Bundle, Student, Version
from serve_app.core.rows import Rows
from serve_app.core.serving import ModelState
from serve_app.core.use_case import UseCase
from serve_app.deployments.calls import call
from serve_app.deployments.options import thin

log = logging.getLogger("understudy.model")

INLINE_ROWS = 32
"""Up to this many rows the trees take less time than a hop to a thread."""

START_WAIT_S = 20.0
"""How long a replica that has nothing on its disk waits for the registry."""

REFUSED_S = 60.0
"""When a bundle that was refused is tried again."""

LIBRARIES = ("lightgbm", "numpy", "scipy")
"""What a student's bits depend on, besides our own code."""

REGISTRY = ("Registry", "understudy")
"""Deployment and application, for a student that runs as an application of its own."""


class ModelDesk:
    """``registry``: a handle with ``aliased`` and ``fetch``; None finds the running application's."""

    async def __init__(self, name: str, catalogue: UseCaseFolder, platform: Platform, registry: Any) -> None:
        self._name, self._catalogue, self._platform = name, catalogue, platform
        self._registry = registry if registry is not None else serve.get_deployment_handle(*REGISTRY)
        self._cache = BundleCache(Path(platform.state) / "cache")
        self._student: Student | None = None
        self._refused: dict[str, float] = {}
        self._manifest: Manifest | None = None
        self._looked_at: UseCase | None = None
        self._misfit: str | None = None
        self._state = ModelState(name, "starting", "looking for a champion")
        await self._start()
        self._watch = asyncio.create_task(self._keep_watching())

    async def answer(self, rows: Rows) -> StudentAnswers:
        """Answers in the order of ``rows``, by one version; NoStudent while there is no champion."""
        student = self._student
        if student is None:
            return NoStudent(len(rows))
        if not self._fits():
            return NoStudent(len(rows), "schema_changed")
        if len(rows) <= INLINE_ROWS:
            return student.answer(rows)
        return await asyncio.to_thread(student.answer, rows)

    async def explain(self, rows: Rows, top: int) -> list[Explanation] | None:
        student = self._student
        if student is None or not self._fits():
            return None
        return await asyncio.to_thread(student.explain, rows, top)

    def state(self) -> ModelState:
        return self._state

    def _configured(self) -> UseCase | None:
        """None while its configuration cannot be used at all, such as after a bad edit and a restart: what
        was good before then serves on."""
        try:
            return self._catalogue.get(self._name)
        except UnknownUseCase:
            return None

    def _fits(self) -> bool:
        """Whether the student that serves was made for the use case as it is configured now. Looked at
        again only when the configuration was read anew."""
        use_case = self._configured()
        if use_case is not None and use_case is not self._looked_at and self._manifest is not None:
            self._looked_at, self._misfit = use_case, None
            try:
                check_schema(self._manifest, use_case)
            except BadBundle as error:
                self._misfit = str(error)
                self._cannot(error)
        return self._misfit is None

    async def _start(self) -> None:
        """What this machine served last is loaded from its disk at once, whether or not the registry is
        there; the watch then follows the registry. A machine that never served waits for the registry,
        since without a student every row would be the teacher's."""
        try:
            await self._load_last()
        except Exception:  # a full disk, say; the registry may still help
            log.exception("what %s served last could not be loaded", self._name)
        if self._student is not None:
            return
        try:
            await asyncio.wait_for(self._follow(), START_WAIT_S)
        except TimeoutError:
            self._tell("starting", "the registry has not answered yet")

    async def _load_last(self) -> None:
        last = self._cache.last(self._name)
        bundle = None if last is None else await asyncio.to_thread(self._cache.get, last.digest)
        if last is not None and bundle is not None:
            await self._swap_if_good(bundle, last.version, last.digest)

    async def _keep_watching(self) -> None:
        while True:
            await self._follow()
            await asyncio.sleep(self._platform.registry.poll_s)

    async def _follow(self) -> None:
        """Swaps to the champion if it is another than the one that serves. Never raises."""
        try:
            champion = await call(self._registry.aliased, self._name, "champion")
            if champion is None:
                self._no_champion()
            elif self._student is not None and champion.digest == self._state.digest:
                if self._fits():
                    self._tell("ready", f"version {self._state.version}")
            elif self._may_try(champion.digest):
                await self._swap_if_good(await self._bundle(champion), champion.version, champion.digest)
        except UnderstudyError as error:
            self._cannot(error)
        except Exception:
            log.exception("looking for a champion of %s failed", self._name)
            self._cannot(RegistryUnavailable("the registry could not be asked"))

    async def _bundle(self, champion: Version) -> Bundle:
        kept = await asyncio.to_thread(self._cache.get, champion.digest)
        return kept if kept is not None else await call(self._registry.fetch, self._name, champion.version)

    async def _swap_if_good(self, bundle: Bundle, version: str, digest: str) -> None:
        try:
            student = await asyncio.to_thread(self._load, bundle, version, digest)
        except BadBundle as error:
            self._refused[digest] = asyncio.get_running_loop().time()
            self._cannot(error)
            return
        manifest = read_manifest(bundle)
        self._student, self._manifest, self._looked_at, self._misfit = student, manifest, None, None
        self._state = ModelState(
            self._name,
            "ready",
            f"version {version}",
            version,
            digest,
            manifest.metrics,
            manifest.created_at.isoformat(),
        )
        await asyncio.to_thread(self._cache.remember, self._name, version, digest)

    def _load(self, bundle: Bundle, version: str, digest: str) -> Student:
        """Blocks. A bundle that this machine has tried before is not tried again."""
        import_lean("lightgbm")
        from serve_app.adapters.students import load_student
        from serve_app.adapters.verify_bundle import verify
        from serve_app.core.bundle import check, check_answers

        use_case = self._configured()
        check(bundle, use_case)
        libraries = " ".join(f"{each} {installed(each)}" for each in LIBRARIES)
        if not self._cache.was_tried(digest, libraries):
            if use_case is None:
                raise BadBundle("it cannot be tried while the use case's configuration is broken")
            verify(bundle, use_case)
            self._cache.put(bundle)
            self._cache.mark_tried(digest, libraries)
        student = load_student(bundle, version)
        check_answers(bundle, student)
        return student

    def _may_try(self, digest: str) -> bool:
        """A bundle that was refused is tried again only after a while: the use case may have been mended."""
        now = asyncio.get_running_loop().time()
        return now - self._refused.get(digest, -REFUSED_S) >= REFUSED_S

    def _no_champion(self) -> None:
        if self._student is None:
            self._tell("cold", "no champion yet: every row goes to the teacher")

    def _cannot(self, error: UnderstudyError) -> None:
        """What serves goes on serving; the reason is told."""
        log.warning("%s: %s: %s", self._name, error.code, error)
        if self._student is None:
            self._tell("cold", f"{error.code}: {error}")
        else:
            self._tell("degraded", f"version {self._state.version} serves on; {error.code}: {error}")

    def _tell(self, state: Any, detail: str) -> None:
        now = self._state
        self._state = ModelState(self._name, state, detail, now.version, now.digest, now.metrics, now.trained_at)


Model = serve.deployment(**thin("Model"))(ModelDesk)


def deployment_name(use_case: str) -> str:
    return f"Model:{use_case}"
