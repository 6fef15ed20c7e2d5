"""The cascade as a process: asks the student, the teacher and the decision, and lets the rules of
``core/cascade.py`` say who is asked what.

In two halves, so that what the student keeps never waits for an LLM: ``screen`` for whole batches of many
requests, ``consult`` for what of one request is left.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from ray import serve

from serve_app.adapters.budgets import open_budget
from serve_app.adapters.garbage import collect_rarely
from serve_app.adapters.prompts import PolicyVersions, Prompts
from serve_app.adapters.sql_reports import open_reports
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core import cascade
from serve_app.core.answers import (
    Acts,
    Explanation,
    Failure,
    Question,
    StudentAnswers,
    TeacherFailure,
    TeacherReply,
    Verdicts,
)
from serve_app.core.budget import first_served, is_unpaid, without_audit, worth
from serve_app.core.decision import looked_at
from serve_app.core.errors import Overloaded, Unavailable, UnderstudyError
from serve_app.core.platform import Platform
from serve_app.core.prompt import question
from serve_app.core.rows import Rows
from serve_app.core.serving import Consulted, ModelState, Screened, Settled, Unsure
from serve_app.core.use_case import Classification, UseCase
from serve_app.deployments.budget import Purse
from serve_app.deployments.calls import call, call_again
from serve_app.deployments.logs import log_along
from serve_app.deployments.models import Models
from serve_app.deployments.options import thin
from serve_app.deployments.standings import Standings

log = logging.getLogger("understudy.cascade")


class CascadeDesk:
    """``teacher`` and ``decision``: handles; ``models``: the handle of each use case's student."""

    def __init__(
        self, catalogue: UseCaseFolder, platform: Platform, models: Mapping[str, Any], teacher: Any, decision: Any
    ) -> None:
        log_along()
        collect_rarely()
        self._catalogue, self._teacher, self._decision = catalogue, teacher, decision
        self._models = Models(models)
        self._features = _Features()
        self._prompts, self._versions = Prompts(catalogue), PolicyVersions()
        self._chance = np.random.default_rng()
        reports = partial(open_reports, platform.store, Path(platform.state))
        self._standings = Standings(reports, platform.registry.poll_s)
        self._purse = Purse(
            partial(open_budget, platform),
            lambda name: call(self._teacher.tariff, name),
            lambda name, questions: call(self._teacher.kept, name, questions),
        )

    async def screen(self, name: str, rows: Rows, top: int | None = None) -> Screened:
        """The student's half of the cascade: what it keeps is settled, and never waits for the teacher. ``top``:
        also explained, by so many contributions. May be done twice. Raises UnknownUseCase, Unavailable, Overloaded."""
        use_case, prompt = self._catalogue.get(name), self._prompts.of(name)
        model = await self._models.of(name)
        answers, told = await _student(model, self._features.of(use_case, rows), top)
        policy = use_case.cascade
        force = await self._standings.of(name, policy, answers)
        deferred = cascade.should_defer(policy, answers, force)
        audited = cascade.chosen(policy, self._chance.random(len(rows)))
        kept = ~(deferred | audited)
        mine = (rows, answers) if kept.all() else (rows.take(kept), answers.take(kept))
        settled = await self._settled(use_case, *mine, {})
        return Screened(
            answers, deferred, audited, settled, cascade.propensity(policy, deferred),
            self._versions.of(use_case, prompt), policy.audit_rate, force, told,
        )  # fmt: skip

    async def consult(
        self, name: str, unsure: Unsure, deadline_s: float, user: str | None, whose: str = ""
    ) -> Consulted:
        """The teacher's half, for the rows of one request, on the account of ``user`` and out of the bucket ``whose``.
        Goes by the policy that had them wait. Raises Unavailable, Overloaded; a teacher that fails is part of the
        answer."""
        use_case, prompt = self._as_screened(name, unsure.policy_version)
        order = first_served(worth(use_case.budget, unsure.answers), unsure.audited)
        questions = [question(use_case, prompt, record) for record in unsure.rows.records()]
        ask = partial(self._replies, name, whose)
        paid = await self._purse.ask(use_case, user, questions, order, ask, deadline_s)
        replies = without_audit(dict(enumerate(paid.replies)), unsure.deferred)
        settled = await self._settled(use_case, unsure.rows, unsure.answers, replies)
        short = any(is_unpaid(reply) for reply in replies.values())
        return Consulted(replies, settled, paid.money_again if short else None)

    async def shadow(self, name: str, rows: Rows) -> StudentAnswers | None:
        """What the waiting challenger would answer; None where there is none."""
        return await call((await self._models.of(name)).shadow, self._features.of(self._catalogue.get(name), rows))

    async def policy(self, version: str) -> dict[str, Any] | None:
        """What stands behind a policy version that was answered by lately."""
        return self._versions.content(version)

    async def model_state(self, name: str) -> ModelState:
        return await call_again((await self._models.of(name)).state)

    def _as_screened(self, name: str, version: str) -> tuple[UseCase, str]:
        """The configuration that a policy version was made of, also when it has been edited since."""
        made_of = self._versions.made_of(name, version)
        if made_of is None:  # another replica screened them, or this one has been started since
            now = self._catalogue.get(name), self._prompts.of(name)
            if self._versions.of(*now) != version:
                raise Unavailable(f"the configuration of {name} is being read again", 2)
            made_of = now
        return made_of

    async def _settled(
        self, use_case: UseCase, rows: Rows, answers: StudentAnswers, replies: dict[int, TeacherReply]
    ) -> Settled:
        if len(answers) == 0:
            return Settled(Verdicts(), Acts())
        trust, policy = use_case.teacher.reliability, use_case.decision
        verdicts = Verdicts(cascade.settle(use_case.cascade, answers, replies, trust, _positive(use_case)))
        return Settled(verdicts, await call_again(self._decision.decide, policy, verdicts, looked_at(policy, rows)))

    async def _replies(self, name: str, whose: str, questions: list[Question], deadline_s: float) -> list[TeacherReply]:
        """Whatever goes wrong with the teacher, its replica dead or hung, is an answer not given."""
        why: Failure = "connection_error"
        started = time.perf_counter()
        try:
            return await asyncio.wait_for(
                call(self._teacher.answer, name, questions, deadline_s, whose), deadline_s + 1
            )
        except TimeoutError:
            why = "deadline"
        except UnderstudyError as error:
            why = "overloaded" if isinstance(error, Overloaded) else why
            log.warning("the teacher of %s could not be asked: %s", name, error)
        except Exception:
            log.exception("the teacher of %s could not be asked", name)
        latency_ms = (time.perf_counter() - started) * 1000
        return [TeacherFailure(why, latency_ms=latency_ms) for _ in questions]


async def _student(model: Any, features: Rows, top: int | None) -> tuple[StudentAnswers, list[Explanation] | None]:
    """In one call: with two, a swap between them would have one version explain what another said."""
    if top is None:
        return await call_again(model.answer, features), None
    answers, told = await call_again(model.explain, features, top)
    return answers, told


class _Features:
    """What the student sees of a use case's rows. Its names are worked out once for each configuration."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[UseCase, tuple[str, ...]]] = {}

    def of(self, use_case: UseCase, rows: Rows) -> Rows:
        """For a moment after an edit of the use case, the ingress may have validated by the configuration before
        it: raises Unavailable."""
        known = self._known.get(use_case.name)
        if known is None or known[0] is not use_case:
            known = self._known[use_case.name] = (use_case, tuple(use_case.features()))
        try:
            return rows.select(known[1])
        except KeyError:
            raise Unavailable(f"the configuration of {use_case.name} is being read again", 2) from None


def _positive(use_case: UseCase) -> str | None:
    return use_case.target.positive if isinstance(use_case.target, Classification) else None


# Never full of rows that wait for an LLM: the door of each ingress lets in fewer.
Cascade = serve.deployment(**thin("Cascade", ongoing=4096, queued=-1, drain_s=20))(CascadeDesk)
