"""How each certificate stands, as this replica last heard it: withdrawals and overrides are written by others,
and read here every few seconds, beside the answers and never in their way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from serve_app.core.answers import ClassAnswers, StudentAnswers
from serve_app.core.cascade import Cascade, CertifiedCascade
from serve_app.core.ports import Reports
from serve_app.core.standing import KIND, InForce, Standing, in_force

log = logging.getLogger("understudy.standings")


class Standings:
    """``open_reports``: opens the store; blocks. Use cases are read from when they are first asked about."""

    def __init__(self, open_reports: Callable[[], Reports], poll_s: float) -> None:
        self._open, self._poll_s = open_reports, poll_s
        self._reports: Reports | None = None
        self._known: dict[str, Standing] = {}
        self._watches: dict[str, asyncio.Task[None]] = {}

    async def of(self, name: str, policy: Cascade, answers: StudentAnswers) -> InForce | None:
        """What holds for these answers now; None for a cascade that is not certified, and while nobody can
        say whether something was withdrawn: then nothing is certified."""
        if not isinstance(policy, CertifiedCascade) or not isinstance(answers, ClassAnswers):
            return None
        if name not in self._known:
            await self._first(name)
        standing = self._known.get(name)
        if standing is None:
            return None
        certificate = None if answers.grounds is None else answers.grounds.certificate
        return in_force(certificate, standing.of(answers.model_version), answers.classes, datetime.now(UTC))

    async def _first(self, name: str) -> None:
        with suppress(Exception):
            await self._read(name)
        if name not in self._watches:
            self._watches[name] = asyncio.create_task(self._watch(name))

    async def _watch(self, name: str) -> None:
        while True:
            await asyncio.sleep(self._poll_s)
            try:
                await self._read(name)
            except Exception as error:  # what was heard last holds on
                log.warning("how the certificate of %s stands could not be read: %s", name, error)

    async def _read(self, name: str) -> None:
        self._known[name] = await asyncio.to_thread(self._latest, name)

    def _latest(self, name: str) -> Standing:
        if self._reports is None:
            self._reports = self._open()
        report = self._reports.latest(name, KIND)
        return Standing() if report is None else Standing.from_dict(report.content)
