"""The port ``SavingsDesk``: a period of the log, read page by page, one report at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any

from serve_app.adapters.prompts import Prompts
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.cascade import CertifiedCascade
from serve_app.core.errors import BadBundle, FieldError, InvalidInput, NotFound, UnderstudyError
from serve_app.core.evidenced import FOLDS, Evidenced, Forces
from serve_app.core.grounds import Grounds, grounds_of
from serve_app.core.ledger import Entry
from serve_app.core.ports import EventLog
from serve_app.core.savings import Price, Savings, least_usd
from serve_app.core.standing import NEVER
from serve_app.core.tariff import Flat
from serve_app.core.use_case import Classification, UseCase
from serve_app.core.what_if import Policy, WhatIf
from serve_app.core.what_if_asked import Question, cascade_of, question_of
from serve_app.deployments.calls import call

JUDGED_APART = (
    f"thresholds rest on all audited rows of the period; would_be judges each {FOLDS}th part of the rows by thresholds"
    " that rest on the audited rows of the others alone, so that none is judged by itself"
)

PATIENCE_S = 45.0
"""Less than a request may take: who gave up waiting must not leave the reading behind."""


class Ledgers:
    """``registry``, ``teacher``: handles."""

    def __init__(self, catalogue: UseCaseFolder, log: EventLog, registry: Any, teacher: Any) -> None:
        self._catalogue, self._log, self._registry, self._teacher = catalogue, log, registry, teacher
        self._prompts = Prompts(catalogue)
        self._turn = asyncio.Lock()

    async def savings(self, use_case: str | None, since: datetime, until: datetime, by_day: bool) -> dict[str, Any]:
        names = [use_case] if use_case is not None else list(self._catalogue.names())
        estimates = {name: await self._estimate(name) for name in names}
        told = await self._read(partial(self._savings, estimates, since, until, by_day))
        return {"since": since.isoformat(), "until": until.isoformat(), "use_cases": told}

    async def what_if(self, body: Any) -> dict[str, Any]:
        question = question_of(body, datetime.now(UTC))
        use_case = self._catalogue.get(question.use_case)
        cascade = cascade_of(use_case, question.changes)
        estimate = await self._estimate(use_case.name)
        savings, found = await self._read(partial(self._first, use_case, question, cascade))
        learned = cascade.arbitration == "learned"
        grounds = {version: await self._grounds(use_case.name, version) for version in found} if learned else {}
        forces = {version: each for version, each in found.items() if each is not None}
        policy = Policy(cascade, question.defers, question.budget, forces, {v: g for v, g in grounds.items() if g})
        price = savings.whole.price(estimate)
        told = await self._read(partial(self._second, use_case, question, policy, price.usd))
        return {
            "use_case": use_case.name,
            "since": question.since.isoformat(),
            "until": question.until.isoformat(),
            "changed": dict(question.changes),
            "price": asdict(price),
            "was": _was(savings, price),
            "would_be": told,
            "thresholds": _thresholds(use_case, forces) if isinstance(cascade, CertifiedCascade) else None,
            "note": JUDGED_APART if forces else None,
        }

    async def _read(self, work: Callable[[float], Any]) -> Any:
        """In a thread, one at a time. ``work`` is given the moment by which it must be done."""
        end = time.monotonic() + PATIENCE_S
        async with self._turn:
            return await asyncio.to_thread(work, end)

    async def _estimate(self, name: str) -> float | None:
        """Of a call, by the teacher's prices; None where it cannot say."""
        try:
            tariff = await call(self._teacher.tariff, name)
            prompt = "" if isinstance(tariff, Flat) else self._prompts.of(name)
            return least_usd(tariff, self._catalogue.get(name), prompt)
        except UnderstudyError:
            return None

    async def _grounds(self, name: str, version: str) -> Grounds | None:
        """None for a version that is no longer there, or says nothing of who is right."""
        try:
            return grounds_of(await call(self._registry.fetch, name, version)) if version else None
        except (NotFound, BadBundle):
            return None

    def _savings(
        self, estimates: dict[str, float | None], since: datetime, until: datetime, by_day: bool, end: float
    ) -> list[dict[str, Any]]:
        told = []
        for name, estimate in estimates.items():
            savings = Savings(by_day)
            for page in self._pages(name, since, until, end):
                savings.add(page)
            told.append({"use_case": name, **savings.as_dict(estimate)})
        return told

    def _first(
        self, use_case: UseCase, question: Question, cascade: Any, end: float
    ) -> tuple[Savings, dict[str, Forces | None]]:
        """The period as it was, and by version what a certificate would have let through (None without one)."""
        savings, versions = Savings(), set[str]()
        evidenced = _evidenced(use_case, cascade) if question.defers else None
        for page in self._pages(use_case.name, question.since, question.until, end):
            savings.add(page)
            versions |= {entry.model_version or "" for entry in page}
            if evidenced is not None:
                evidenced.add(page)
        forces = evidenced.forces(question.until) if evidenced is not None else {}
        return savings, {version: forces.get(version) for version in sorted(versions)}

    def _second(
        self, use_case: UseCase, question: Question, policy: Policy, price: float | None, end: float
    ) -> dict[str, Any]:
        what_if = WhatIf(use_case, policy, price)
        for page in self._pages(use_case.name, question.since, question.until, end, probabilities=True):
            what_if.add(page)
        return what_if.as_dict()

    def _pages(
        self, name: str, since: datetime, until: datetime, end: float, probabilities: bool = False
    ) -> Iterator[Sequence[Entry]]:
        """Raises InvalidInput for a period too long to be read in time."""
        after: str | None = None
        while page := self._log.scan(name, since, until, after, probabilities=probabilities):
            yield page
            after = page[-1].id
            if time.monotonic() > end:
                expected = f"a shorter period: not all of it can be read within {PATIENCE_S:g} s"
                raise InvalidInput("the period holds too many rows", [FieldError("since", since.isoformat(), expected)])


def _evidenced(use_case: UseCase, cascade: Any) -> Evidenced | None:
    if isinstance(cascade, CertifiedCascade) and isinstance(use_case.target, Classification):
        return Evidenced(cascade, use_case.target.classes)
    return None


def _was(savings: Savings, price: Price) -> dict[str, Any]:
    """In the form of what would be."""
    told = savings.whole.as_dict(price)
    kept = ("calls", "agreement", "accuracy", "unanswered", "classes")
    return {"rows": told["requests"], **{name: told[name] for name in kept}, "cost_usd": told["spent_usd"]}


def _thresholds(use_case: UseCase, forces: dict[str, Forces]) -> dict[str, dict[str, float | None]]:
    assert isinstance(use_case.target, Classification)
    return {
        version: {
            name: None if threshold == NEVER else float(threshold)
            for name, threshold in zip(use_case.target.classes, each.whole.thresholds, strict=True)
        }
        for version, each in forces.items()
    }
