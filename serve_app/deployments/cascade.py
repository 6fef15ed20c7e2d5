"""The cascade as a process: asks the student, the teacher and the decision, and lets the rules of
``core/cascade.py`` say who is asked what."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from ray import serve

from serve_app.adapters.prompts import PolicyVersions, Prompts
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core import cascade
from serve_app.core.answers import Explanation, Failure, Question, StudentAnswers, TeacherFailure, TeacherReply
from serve_app.core.errors import Unavailable, UnderstudyError
from serve_app.core.prompt import question
from serve_app.core.rows import Rows
from serve_app.core.serving import Cascaded, ModelState
from serve_app.core.use_case import Classification, UseCase
from serve_app.deployments.calls import call, call_again
from serve_app.deployments.models import Models
from serve_app.deployments.options import thin

log = logging.getLogger("understudy.cascade")


class CascadeDesk:
    """``teacher`` and ``decision``: handles; ``models``: the handle of each use case's student."""

    def __init__(self, catalogue: UseCaseFolder, models: Mapping[str, Any], teacher: Any, decision: Any) -> None:
        self._catalogue, self._teacher, self._decision = catalogue, teacher, decision
        self._models = Models(models)
        self._prompts, self._versions = Prompts(catalogue), PolicyVersions()

    async def answer(self, name: str, rows: Rows, deadline_s: float) -> Cascaded:
        """The whole batch, answered. Raises UnknownUseCase, Unavailable, Overloaded; a teacher that
        fails is part of the answer."""
        use_case, prompt = self._catalogue.get(name), self._prompts.of(name)
        model = await self._models.of(name)
        answers: StudentAnswers = await call_again(model.answer, _features(use_case, rows))
        deferred = cascade.should_defer(use_case.cascade, answers)
        replies = await self._ask_teacher(use_case, prompt, rows, np.flatnonzero(deferred), deadline_s)
        verdicts = cascade.settle(use_case.cascade, answers, replies, use_case.teacher.reliability, _positive(use_case))
        acts = await call_again(self._decision.decide, use_case.decision, verdicts, rows)
        policy = self._versions.of(use_case, prompt)
        return Cascaded(answers, replies, verdicts, acts, cascade.propensity(deferred), policy)

    async def explain(self, name: str, rows: Rows, top: int) -> list[Explanation] | None:
        features = _features(self._catalogue.get(name), rows)
        return await call_again((await self._models.of(name)).explain, features, top)

    async def model_state(self, name: str) -> ModelState:
        return await call_again((await self._models.of(name)).state)

    async def _ask_teacher(
        self, use_case: UseCase, prompt: str, rows: Rows, deferred: Any, deadline_s: float
    ) -> dict[int, TeacherReply]:
        if len(deferred) == 0:
            return {}
        questions = [question(use_case, prompt, record) for record in rows.take(deferred).records()]
        replies = await self._replies(use_case.name, questions, deadline_s)
        return dict(zip((int(row) for row in deferred), replies, strict=True))

    async def _replies(self, name: str, questions: list[Question], deadline_s: float) -> list[TeacherReply]:
        """Whatever goes wrong with the teacher, its replica dead or hung, is an answer not given."""
        why: Failure = "connection_error"
        try:
            return await asyncio.wait_for(call(self._teacher.answer, name, questions, deadline_s), deadline_s + 1)
        except TimeoutError:
            why = "deadline"
        except UnderstudyError as error:
            log.warning("the teacher of %s could not be asked: %s", name, error)
        except Exception:
            log.exception("the teacher of %s could not be asked", name)
        return [TeacherFailure(why) for _ in questions]


def _features(use_case: UseCase, rows: Rows) -> Rows:
    """What the student sees. For a moment after an edit of the use case, the ingress may have validated
    by the configuration before it."""
    wanted = list(use_case.features())
    if not set(wanted) <= set(rows.names):
        raise Unavailable(f"the configuration of {use_case.name} is being read again", 2)
    return rows.select(wanted)


def _positive(use_case: UseCase) -> str | None:
    return use_case.target.positive if isinstance(use_case.target, Classification) else None


Cascade = serve.deployment(**thin("Cascade", ongoing=256, drain_s=20))(CascadeDesk)
