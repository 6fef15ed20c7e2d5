"""The serving application's teacher, for the rows of a table that the student defers."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pipelines.paid import PaidTeacher
from pipelines.run import Refusal
from pipelines.score_rows import Ask
from serve_app.adapters.budgets import open_budget
from serve_app.core.answers import Question, TeacherFailure, TeacherReply
from serve_app.core.budget import limits_of
from serve_app.core.platform import Platform
from serve_app.core.tariff import Flat
from serve_app.core.use_case import UseCase

QUESTIONS = 64
"""Deferred rows that the teacher is asked about at once, within one deadline."""

MARGIN_S = 5.0

TEACHER = ("Teacher", "understudy")
"""Deployment and application of the serving side: the name crosses, no import."""

log = logging.getLogger(__name__)


def teacher() -> Any:
    from ray.serve.exceptions import RayServeException

    from pipelines.handles import blocking_handle

    try:
        return blocking_handle(*TEACHER)
    except (KeyError, RayServeException):
        raise Refusal("teacher_away", "the serving application, which asks the teacher, does not run") from None


def asking(platform: Platform, use_case: UseCase, deadline_s: float, at: datetime) -> Ask:
    """``at``: when the run began. Whatever goes wrong with the teacher is an answer not given, as over the API; and
    what cannot be paid."""
    from ray.exceptions import RayError
    from ray.serve.exceptions import RayServeException

    handle, name = teacher(), use_case.name
    limited = limits_of(use_case.budget, name, None, at)
    tariff = handle.tariff.remote(name).result(timeout_s=deadline_s + MARGIN_S) if limited else Flat()

    def at_once(questions: list[Question]) -> list[TeacherReply]:
        try:
            came = handle.answer.remote(name, questions, deadline_s)
            return list(came.result(timeout_s=deadline_s + MARGIN_S))
        except (RayError, RayServeException, TimeoutError) as error:
            log.warning("the teacher of %s could not be asked: %s", name, type(error).__name__)
            return [TeacherFailure("connection_error")] * len(questions)

    opened, now = partial(open_budget, platform), partial(datetime.now, UTC)
    paid = PaidTeacher(use_case, at_once, tariff, opened, now)

    def ask(questions: list[Question]) -> list[TeacherReply]:
        blocks = (questions[begin : begin + QUESTIONS] for begin in range(0, len(questions), QUESTIONS))
        return [reply for block in blocks for reply in paid(block)]

    return ask
