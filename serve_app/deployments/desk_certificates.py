"""The port ``CertificateDesk``: the champion's certificate out of its bundle, and how it stands by the reports."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.cascade import CertifiedCascade
from serve_app.core.certificate import Certificate
from serve_app.core.certified import LOOK, shown
from serve_app.core.errors import Conflict, NotFound
from serve_app.core.grounds import grounds_of
from serve_app.core.jobs import Report
from serve_app.core.override import override_of
from serve_app.core.ports import Reports, Version
from serve_app.core.standing import KIND, Override, Standing
from serve_app.core.swap import CHAMPION
from serve_app.core.use_case import Classification, UseCase
from serve_app.deployments.acts import Act, Acts, Done
from serve_app.deployments.calls import call


class Certificates:
    """``registry``: a handle."""

    def __init__(self, catalogue: UseCaseFolder, registry: Any, reports: Reports, acts: Acts) -> None:
        self._catalogue, self._registry, self._reports, self._acts = catalogue, registry, reports, acts
        self._known: dict[str, tuple[str, Certificate | None]] = {}

    async def all(self, use_case: str | None) -> list[dict[str, Any]]:
        names = [use_case] if use_case is not None else list(self._catalogue.names())
        certified = [found for name in names if _is_certified(found := self._catalogue.get(name))]
        return list(await asyncio.gather(*map(self._shown, certified)))

    async def override(self, use_case: str, body: Any, by: str) -> dict[str, Any]:
        configured, champion = await self._of_certified(use_case)
        assert isinstance(configured.target, Classification)
        asked = override_of(body, configured.target.classes, by, datetime.now(UTC))
        act = Act(
            "certificate_override", by, use_case, {"version": champion.version, **asdict(asked)}, champion.version
        )
        await self._acts.done(act, asyncio.to_thread(self._put, champion, asked))
        return await self._shown(configured)

    async def end_override(self, use_case: str, by: str) -> dict[str, Any]:
        configured, champion = await self._of_certified(use_case)
        act = Act("certificate_override_ended", by, use_case, {"version": champion.version}, champion.version)
        await self._acts.done(act, asyncio.to_thread(self._put, champion, None))
        return await self._shown(configured)

    def _put(self, champion: Version, override: Override | None) -> Done:
        """What was withdrawn meanwhile stays withdrawn."""
        standing = self._standing(champion.use_case).of(champion.version)
        after, name = replace(standing, override=override), champion.use_case
        self._reports.put(Report(f"{KIND}:{name}", name, KIND, datetime.now(UTC), after.as_dict()))
        before = None if standing.override is None else asdict(standing.override)
        return Done(None, before, None if override is None else asdict(override))

    def _standing(self, use_case: str) -> Standing:
        report = self._reports.latest(use_case, KIND)
        return Standing() if report is None else Standing.from_dict(report.content)

    async def _of_certified(self, use_case: str) -> tuple[UseCase, Version]:
        configured = self._catalogue.get(use_case)
        if not _is_certified(configured):
            raise Conflict(f"the cascade of {use_case} is not certified: its thresholds stand in its configuration")
        champion = await self._champion(use_case)
        if champion is None:
            raise NotFound(f"{use_case} has no champion yet, and the teacher is asked about every row")
        return configured, champion

    async def _shown(self, use_case: UseCase) -> dict[str, Any]:
        champion = await self._champion(use_case.name)
        certificate = None if champion is None else await self._certificate(champion)
        standing = await asyncio.to_thread(self._standing, use_case.name)
        look = await asyncio.to_thread(self._reports.latest, use_case.name, LOOK)
        version = None if champion is None else champion.version
        seen = None if look is None else look.content
        return shown(use_case, version, certificate, standing, seen, datetime.now(UTC))

    async def _champion(self, use_case: str) -> Version | None:
        found: Version | None = await call(self._registry.aliased, use_case, CHAMPION)
        return found

    async def _certificate(self, champion: Version) -> Certificate | None:
        """Downloaded once a version."""
        kept = self._known.get(champion.use_case)
        if kept is None or kept[0] != champion.version:
            grounds = grounds_of(await call(self._registry.fetch, champion.use_case, champion.version))
            kept = champion.version, None if grounds is None else grounds.certificate
            self._known[champion.use_case] = kept
        return kept[1]


def _is_certified(use_case: UseCase) -> bool:
    return isinstance(use_case.cascade, CertifiedCascade) and isinstance(use_case.target, Classification)
