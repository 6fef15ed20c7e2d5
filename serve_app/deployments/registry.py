"""The registry behind one deployment: MLflow is imported once on the cluster, not by every model; and
everything that moves the alias ``champion`` goes through here, one at a time for each use case."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ray import serve
from ulid import ULID

from serve_app.adapters.registries import described, move_champion, nothing_registered, open_registry
from serve_app.core.audit import Audited
from serve_app.core.errors import BadBundle, NotFound, PromotionRefused, Unavailable
from serve_app.core.platform import Platform
from serve_app.core.ports import Bundle, Version
from serve_app.core.swap import CHAMPION, PREVIOUS, Readiness, longest, refusal
from serve_app.deployments.logs import log_along
from serve_app.deployments.options import thin
from serve_app.deployments.swap import PREPARE_S, Replicas, swap, told_by_each
from serve_app.deployments.to_its_end import ToItsEnd

log = logging.getLogger("understudy.registry")

PROBE = "none"
"""A name that is asked for only to see whether the registry answers."""

Promoted = dict[str, Any]
"""``version``; ``previous``; ``replicas`` that serve it; ``prepared_s``, of the slowest; ``committed_at``: when
the alias had moved, from where on nothing undoes it."""


class RegistryDesk:
    """The port ``Registry`` over a handle, and what goes beyond it: ``promote``, ``rollback``, ``reload``.

    Opens the registry at the first call: nobody waits for MLflow's import but who asks it."""

    def __init__(self, platform: Platform) -> None:
        log_along()
        self._platform = platform
        self._opening = asyncio.Lock()
        self._registry: Any = None
        self._replicas = Replicas(platform.state, platform.students_apart)
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._told: set[tuple[str, str, str]] = set()
        self._end = ToItsEnd()

    async def aliased(self, use_case: str, alias: str) -> Version | None:
        """Raises RegistryUnavailable."""
        if self._registry is None and nothing_registered(self._platform):
            return None  # a first start need not wait for MLflow to make its database
        return await self._ask("aliased", use_case, alias)

    async def fetch(self, use_case: str, version: str) -> Bundle:
        """Raises RegistryUnavailable, NotFound, BadBundle."""
        return await self._ask("fetch", use_case, version)

    async def version(self, use_case: str, version: str) -> Version:
        return await self._ask("version", use_case, version)

    async def versions(self, use_case: str) -> list[Version]:
        return await self._ask("versions", use_case)

    async def register(
        self, use_case: str, bundle: Bundle, metrics: Mapping[str, float], tags: Mapping[str, str]
    ) -> Version:
        return await self._ask("register", use_case, bundle, metrics, tags)

    async def set_tags(self, use_case: str, version: str, tags: Mapping[str, str]) -> None:
        await self._ask("set_tags", use_case, version, tags)

    async def set_alias(self, use_case: str, alias: str, version: str) -> None:
        """Moves an alias and nothing else: replicas follow ``champion`` when they next look. What is to
        be served goes through ``promote``."""
        await self._ask("set_alias", use_case, alias, version)

    async def remove_alias(self, use_case: str, alias: str) -> None:
        await self._ask("remove_alias", use_case, alias)

    async def promote(self, use_case: str, version: str, by: str, reason: str, job_id: str | None = None) -> Promoted:
        """Prepares ``version`` on every replica of its student, moves the alias, and commits; where the
        student runs nowhere the alias moves alone. ``previous`` is then the champion of before. Again is
        harmless; and once begun it goes on, whether or not anybody waits for it.

        Raises PromotionRefused when a replica cannot serve it: nothing has changed anywhere, and the
        refusal stands in the audit log already (``swap_refused``; a promotion is the caller's to write
        down). Raises NotFound, RegistryUnavailable, Unavailable."""
        done: Promoted = await self._end.of(self._promoted(use_case, version, by, reason, job_id))
        return done

    async def rollback(self, use_case: str, by: str, reason: str) -> Promoted:
        """``promote`` for the champion before this one. Raises NotFound where none is known."""
        before = await self.aliased(use_case, PREVIOUS)
        if before is None:
            raise NotFound(f"{use_case} has had no champion before this one")
        return await self.promote(use_case, before.version, by, reason)

    async def reload(self, use_case: str) -> dict[str, Any]:
        """Every replica reads the alias again, now: ``version`` and ``replicas``. Where one cannot serve the
        champion its present model stays, and it tries again by itself. Raises NotFound without a champion,
        BadBundle for one that cannot be served, RegistryUnavailable, Unavailable."""
        champion = await self.aliased(use_case, CHAMPION)
        if champion is None:
            raise NotFound(f"{use_case} has no champion yet")
        handle = await self._replicas.of(use_case)
        if handle is None:
            raise Unavailable(f"no student of {use_case} is running", 5)
        told = await told_by_each(handle, "reload", patience_s=PREPARE_S)
        if why := refusal(champion.version, told):
            bad = all(each.ready or each.code == BadBundle.code for each in told)
            raise BadBundle(why) if bad else Unavailable(why, 5)
        return {"version": champion.version, "replicas": len(told)}

    async def refused(self, use_case: str, version: str, digest: str, reason: str) -> None:
        """A replica that follows the alias tells of a champion it will not serve: audited once."""
        if (use_case, version, digest) not in self._told:
            self._told.add((use_case, version, digest))
            await self._audit(use_case, "watch", Version(use_case, version, digest), reason, {})

    async def describe(self) -> str:
        """What it is, once it has answered just now. Raises RegistryUnavailable."""
        if not nothing_registered(self._platform):
            await self._ask("aliased", PROBE, CHAMPION)
        return described(self._platform)

    async def _promoted(self, use_case: str, version: str, by: str, reason: str, job_id: str | None) -> Promoted:
        async with self._turns[use_case]:
            wanted = await self.version(use_case, version)
            try:
                return await self._swapped(use_case, wanted)
            except PromotionRefused as error:
                await self._audit(use_case, by, wanted, str(error), {"asked_for": reason, "job_id": job_id})
                raise

    async def _swapped(self, use_case: str, wanted: Version) -> Promoted:
        handle = await self._replicas.of(use_case)
        previous: str | None = None
        moved_at = datetime.now(UTC)
        told: list[Readiness] = []

        async def move() -> None:
            nonlocal previous, moved_at
            previous = await asyncio.to_thread(move_champion, self._registry, use_case, wanted.version)
            moved_at = datetime.now(UTC)

        if handle is None:
            await move()
        else:
            told = await swap(handle, wanted.version, wanted.digest, move)
        return {
            "version": wanted.version,
            "previous": previous,
            "replicas": len(told),
            "prepared_s": longest(told),
            "committed_at": moved_at.isoformat(),
        }

    async def _ask(self, method: str, *args: Any) -> Any:
        return await asyncio.to_thread(getattr(await self._open(), method), *args)

    async def _open(self) -> Any:
        async with self._opening:
            if self._registry is None:
                self._registry = await asyncio.to_thread(open_registry, self._platform)
        return self._registry

    async def _audit(self, use_case: str, by: str, wanted: Version, reason: str, more: Mapping[str, Any]) -> None:
        detail = {"version": wanted.version, "digest": wanted.digest, "reason": reason, **more}
        entry = Audited(str(ULID()), datetime.now(UTC), by, "swap_refused", use_case, detail, wanted.version)
        try:
            await asyncio.to_thread(self._write_down, entry)
        except Exception:  # the refusal stands, whether or not it can be written down
            log.exception("%s: a refusal could not be written down: %s", use_case, reason)

    def _write_down(self, entry: Audited) -> None:
        from serve_app.adapters.sql_audit import open_audit  # nobody waits for SQL who is not refused

        audit = open_audit(self._platform.store, Path(self._platform.state))
        try:
            audit.append(entry)
        finally:
            audit.close()


Registry = serve.deployment(**thin("Registry"))(RegistryDesk)
