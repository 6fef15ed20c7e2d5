"""The cascade as a process: asks the student, the teacher and the decision, and lets the rules of
``core/cascade.py`` say who is asked what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from ray import serve

from serve_app.adapters.prompts import Prompts
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core import cascade
from serve_app.core.answers import Explanation, Question, StudentAnswers, TeacherFailure, TeacherReply
from serve_app.core.errors import Unavailable
from serve_app.core.prompt import question
from serve_app.core.rows import Rows
from serve_app.core.serving import Cascaded, ModelState
from serve_app.core.use_case import Classification, UseCase
from serve_app.deployments.calls import call
from serve_app.deployments.models import Models
from serve_app.deployments.options import thin


class CascadeDesk:
    """``teacher`` and ``decision``: handles; ``models``: the handle of each use case's student."""

    def __init__(self, catalogue: UseCaseFolder, models: Mapping[str, Any], teacher: Any, decision: Any) -> None:
        self._catalogue, self._teacher, self._decision = catalogue, teacher, decision
        self._models = Models(models)
        self._prompts = Prompts(catalogue)

    async def answer(self, name: str, rows: Rows, deadline_s: float) -> Cascaded:
        """The whole batch, answered. Raises UnknownUseCase, Unavailable, Overloaded; a teacher that
        fails is part of the answer."""
        use_case = self._catalogue.get(name)
        answers: StudentAnswers = await call(self._models.of(name).answer, rows.select(list(use_case.features())))
        deferred = cascade.should_defer(use_case.cascade, answers)
        replies = await self._ask_teacher(use_case, rows, np.flatnonzero(deferred), deadline_s)
        verdicts = cascade.settle(use_case.cascade, answers, replies, use_case.teacher.reliability, _positive(use_case))
        acts = await call(self._decision.decide, name, verdicts, rows)
        return Cascaded(answers, replies, verdicts, acts, cascade.propensity(deferred))

    async def explain(self, name: str, rows: Rows, top: int) -> list[Explanation] | None:
        features = list(self._catalogue.get(name).features())
        return await call(self._models.of(name).explain, rows.select(features), top)

    async def model_state(self, name: str) -> ModelState:
        return await call(self._models.of(name).state)

    async def _ask_teacher(
        self, use_case: UseCase, rows: Rows, deferred: Any, deadline_s: float
    ) -> dict[int, TeacherReply]:
        if len(deferred) == 0:
            return {}
        replies = await self._replies(use_case.name, self._questions(use_case, rows.take(deferred)), deadline_s)
        return dict(zip((int(row) for row in deferred), replies, strict=True))

    def _questions(self, use_case: UseCase, rows: Rows) -> list[Question]:
        prompt = self._prompts.of(use_case.name)
        return [question(use_case, prompt, record) for record in rows.records()]

    async def _replies(self, name: str, questions: list[Question], deadline_s: float) -> list[TeacherReply]:
        """A teacher whose replica died has not answered, and that is all."""
        try:
            return await call(self._teacher.answer, name, questions, deadline_s)
        except Unavailable:
            return [TeacherFailure("connection_error") for _ in questions]


def _positive(use_case: UseCase) -> str | None:
    return use_case.target.positive if isinstance(use_case.target, Classification) else None


Cascade = serve.deployment(**thin("Cascade", ongoing=256))(CascadeDesk)
