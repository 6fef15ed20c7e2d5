"""One deployment a use case: the student that serves it, and the watch for a new champion.

The registry's alias is the truth. A swap comes in two steps from the registry's deployment: ``prepare``
downloads, tries in a child process and loads; ``commit`` flips one reference, so that a batch is
answered by one version from end to end. A replica that missed one finds out by itself: it looks at the
alias at its start and every ``registry.poll_s`` seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

from ray import serve

from serve_app.adapters.bundle_cache import BundleCache
from serve_app.adapters.compiled_students import CompiledStudents
from serve_app.adapters.garbage import collect_rarely
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.answers import Explanation, NoStudent, StudentAnswers
from serve_app.core.errors import BadBundle, RegistryUnavailable, UnderstudyError, UnknownUseCase
from serve_app.core.platform import Platform
from serve_app.core.ports import Version
from serve_app.core.rows import Rows
from serve_app.core.serving import ModelState
from serve_app.core.swap import CHALLENGER, CHAMPION, Readiness
from serve_app.core.use_case import UseCase
from serve_app.deployments.calls import call
from serve_app.deployments.condition import Condition
from serve_app.deployments.held import Held, Served
from serve_app.deployments.logs import log_along
from serve_app.deployments.options import thin
from serve_app.deployments.swap import announce

log = logging.getLogger("understudy.model")

INLINE_ROWS = 32
"""Up to this many rows the trees take less time than a hop to a thread."""

START_WAIT_S = 20.0
"""How long a replica that has nothing on its disk waits for the registry."""

FOLLOW_WAIT_S = 5.0
"""How long one that could serve what it served last waits to hear whether that is still the champion."""

REFUSED_S = 60.0
"""When a bundle that was refused is tried again."""

PREPARED_S = 300.0
"""How long what was prepared is kept for a commit that does not come."""

REGISTRY = ("Registry", "understudy")
"""Deployment and application, for a student that runs as an application of its own."""


Explained = tuple[StudentAnswers, list[Explanation] | None]


class ModelDesk:
    """``registry``: a handle with ``aliased``, ``fetch`` and ``refused``; None finds the running
    application's."""

    async def __init__(self, name: str, catalogue: UseCaseFolder, platform: Platform, registry: Any) -> None:
        log_along()
        collect_rarely()
        self._name, self._catalogue, self._platform = name, catalogue, platform
        self._registry = registry if registry is not None else serve.get_deployment_handle(*REGISTRY)
        bundles = Path(platform.state) / "cache"
        self._held = Held(name, self._configured, self._registry, BundleCache(bundles))
        self._compiled = CompiledStudents(bundles) if platform.students.predictor == "compiled" else None
        self._refused: dict[str, float] = {}
        self._prepares = 0
        self._condition = Condition(name)
        self._look_now, self._looked = asyncio.Event(), asyncio.Event()
        self._besides: set[asyncio.Task[None]] = set()
        self.loop = asyncio.get_running_loop()
        announce(platform.state, name, self)
        await self._start()

    async def answer(self, rows: Rows) -> StudentAnswers:
        """Answers in the order of ``rows``, by one version; NoStudent while there is no champion."""
        able = self._able(len(rows))
        if isinstance(able, NoStudent):
            return able
        if len(rows) <= INLINE_ROWS:
            return able.answer(rows)
        return await asyncio.to_thread(able.answer, rows)

    async def shadow(self, rows: Rows) -> StudentAnswers | None:
        """What the waiting challenger would answer; None where there is none."""
        challenger = self._held.challenger
        return None if challenger is None else await asyncio.to_thread(challenger.answer, rows)

    async def explain(self, rows: Rows, top: int) -> Explained:
        """``answer``, and how the very student that answered came to it."""
        able = self._able(len(rows))
        if isinstance(able, NoStudent):
            return able, None
        return await asyncio.to_thread(lambda: (able.answer(rows), able.explain(rows, top)))

    def state(self) -> ModelState:
        serving = self._held.serving
        return replace(self._condition.state, predictor=None if serving is None else serving.predictor)

    async def prepare(self, version: str, digest: str) -> Readiness:
        """Everything that may fail or take time, so that ``commit`` can do neither. Never raises; what
        serves goes on serving. One version is kept prepared, and not for ever."""
        started, self._held.prepared = time.perf_counter(), None
        try:
            self._held.prepared = await self._held.ready(version, digest)
        except UnderstudyError as error:
            log.warning("%s: version %s is refused: %s", self._name, version, error)
            return _told(error, started)
        except Exception:
            log.exception("%s: version %s could not be prepared", self._name, version)
            return _told(RegistryUnavailable("the replica could not prepare it; its log says why"), started)
        self._prepares += 1
        self.loop.call_later(PREPARED_S, self._drop, self._prepares)
        return _told(None, started)

    async def commit(self, version: str, digest: str) -> Readiness:
        """What was prepared serves from now on. Where it was not prepared, the alias is looked at now."""
        prepared = self._held.prepared
        if prepared is None or not prepared.is_of(version, digest):
            self._look_now.set()
            return _told(RegistryUnavailable(f"version {version} was not prepared here"))
        await self._serve(prepared)
        return _told(None)

    async def abandon(self) -> Readiness:
        self._held.prepared = None
        return _told(None)

    async def reload(self) -> Readiness:
        """Looks at the alias now, also for what was refused before. Where it fails the present student
        stays, and the watch tries again."""
        started = time.perf_counter()
        self._refused.clear()
        error = await self._follow()
        misfit = self._condition.misfit
        return _told(error or (BadBundle(misfit) if misfit else None), started)

    async def _start(self) -> None:
        """What this machine served last is loaded from its disk at once, whether or not the registry is
        there; but where the registry answers soon, nobody is served by the champion of before. A machine
        that never served waits longer, since without a student every row would be the teacher's."""
        try:
            if last := await self._held.last():
                await self._serve(last)
        except Exception:  # a full disk, a spoilt bundle; the registry may still help
            log.exception("what %s served last could not be loaded", self._name)
        self._watch = asyncio.create_task(self._keep_watching())
        patience_s = START_WAIT_S if self._held.serving is None else FOLLOW_WAIT_S
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._looked.wait(), patience_s)

    async def _keep_watching(self) -> None:
        while True:
            await self._follow()
            self._looked.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._platform.registry.poll_s):
                    await self._look_now.wait()
            self._look_now.clear()

    async def _follow(self) -> UnderstudyError | None:
        """Swaps to the champion if it is another than the one that serves. What stood in the way; never
        raises."""
        try:
            await self._look()
            await self._look_for_challenger()
        except UnderstudyError as error:
            return self._condition.cannot(error)
        except Exception:
            log.exception("looking for a champion of %s failed", self._name)
            return self._condition.cannot(RegistryUnavailable("the registry could not be asked"))
        return None

    async def _look(self) -> None:
        flips = self._held.flips
        champion = await call(self._registry.aliased, self._name, CHAMPION)
        if flips != self._held.flips:
            return  # what was just heard may be older than what was committed meanwhile
        if champion is None:
            if self._held.serving is None:
                self._condition.tell("cold", "no champion yet: every row goes to the teacher")
        elif self._held.is_serving(champion.version, champion.digest):
            if self._fits():
                self._condition.tell("ready", f"version {champion.version}")
        elif self._may_try(champion.digest):
            ready = await self._wanted(champion)
            if flips == self._held.flips:
                await self._serve(ready)

    async def _look_for_challenger(self) -> None:
        """It is held only where it is to answer a share of the live rows."""
        use_case = self._configured()
        shadowed = use_case is not None and use_case.retraining.shadow > 0
        found = await call(self._registry.aliased, self._name, CHALLENGER) if shadowed else None
        held = self._held.challenger
        if found is None or self._held.is_serving(found.version, found.digest):
            self._held.challenger = None
        elif (held is None or not held.is_of(found.version, found.digest)) and self._may_try(found.digest):
            self._held.challenger = None
            with contextlib.suppress(BadBundle):  # it serves nobody, and so degrades nothing
                self._held.challenger = await self._wanted(found)

    async def _wanted(self, found: Version) -> Served:
        """Raises BadBundle, which the registry's deployment writes down."""
        try:
            return await self._held.ready(found.version, found.digest)
        except BadBundle as error:
            self._refused[found.digest] = self.loop.time()
            self._beside(call(self._registry.refused, self._name, found.version, found.digest, str(error)))
            raise

    async def _serve(self, served: Served) -> None:
        """The flip; then a note of it for the next start, and, behind it, quicker trees."""
        self._held.serve(served)
        self._condition.serves(served)
        if self._compiled is not None:
            self._compiled.behind(served.student, served.digest)
        await self._held.remember(served)

    def _drop(self, prepares: int) -> None:
        """Told by number: a timer that held the student would keep it in memory long after its successors."""
        if (prepared := self._held.prepared) is not None and prepares == self._prepares:
            log.warning("%s: version %s was prepared and never committed", self._name, prepared.version)
            self._held.prepared = None

    def _configured(self) -> UseCase | None:
        """None while its configuration cannot be used at all, such as after a bad edit and a restart: what
        was good before then serves on."""
        try:
            return self._catalogue.get(self._name)
        except UnknownUseCase:
            return None

    def _able(self, rows: int) -> Served | NoStudent:
        """Who answers: for a whole call the same."""
        serving = self._held.serving
        if serving is None:
            return NoStudent(rows)
        return serving if self._fits() else NoStudent(rows, "schema_changed")

    def _fits(self) -> bool:
        return self._condition.fits(self._held.serving, self._configured())

    def _may_try(self, digest: str) -> bool:
        """A bundle that was refused is tried again only after a while: the use case may have been mended."""
        return self.loop.time() - self._refused.get(digest, -REFUSED_S) >= REFUSED_S

    def _beside(self, work: Coroutine[Any, Any, Any]) -> None:
        """What nobody waits for."""
        task = asyncio.create_task(_harmless(work))
        self._besides.add(task)
        task.add_done_callback(self._besides.discard)


async def _harmless(work: Coroutine[Any, Any, Any]) -> None:
    try:
        await work
    except Exception as error:
        log.warning("%s", error)


def _told(error: UnderstudyError | None, started: float | None = None) -> Readiness:
    seconds = 0.0 if started is None else time.perf_counter() - started
    who = str(os.getpid())
    return (
        Readiness(who, True, None, None, seconds)
        if error is None
        else Readiness(who, False, error.code, str(error), seconds)
    )


Model = serve.deployment(**thin("Model"))(ModelDesk)
