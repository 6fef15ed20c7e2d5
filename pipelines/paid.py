"""The teacher asked on the use case's money, where a whole table is scored: the same accounts as over the API,
in the order of the table. Nobody waits for it row by row, so that what is paid for is decided by blocks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from ulid import ULID

from pipelines.score_rows import Ask
from serve_app.core.answers import Question, TeacherReply
from serve_app.core.budget import came_to, limits_of, unpaid
from serve_app.core.errors import StoreUnavailable
from serve_app.core.ports import Budget, Reservation
from serve_app.core.tariff import Tariff, most_usd
from serve_app.core.use_case import UseCase

log = logging.getLogger(__name__)


class PaidTeacher:
    """``ask`` for the questions that there is money for; ``budget`` is opened when the first is to be paid."""

    def __init__(
        self,
        use_case: UseCase,
        ask: Ask,
        tariff: Tariff,
        open_budget: Callable[[], Budget],
        now: Callable[[], datetime],
    ) -> None:
        self._use_case, self._ask, self._tariff, self._now = use_case, ask, tariff, now
        self._open = open_budget
        self._budget: Budget | None = None

    def __call__(self, questions: list[Question]) -> Sequence[TeacherReply]:
        """Halved until a part can be paid."""
        limits = limits_of(self._use_case.budget, self._use_case.name, None, self._now())
        most = [most_usd(self._tariff, question) for question in questions]
        if not limits or not any(most):
            return self._ask(questions)
        try:
            came = self._store().reserve(str(ULID()), limits, sum(most), self._now())
        except StoreUnavailable as error:
            log.warning("the teacher of %s is not asked: %s", self._use_case.name, error)
            return [unpaid("budget_unavailable", self._use_case.budget)] * len(questions)
        if isinstance(came, Reservation):
            return self._settled(came, most, self._ask(questions))
        if len(questions) == 1:
            return [unpaid("budget", self._use_case.budget)]
        half = len(questions) // 2
        return [*self(questions[:half]), *self(questions[half:])]

    def _settled(self, held: Reservation, most: list[float], replies: Sequence[TeacherReply]) -> Sequence[TeacherReply]:
        usd = sum(came_to(reply, each) for reply, each in zip(replies, most, strict=True))
        try:
            self._store().settle(held, usd, self._now())
        except StoreUnavailable as error:  # it stays spent
            log.warning("what the teacher of %s cost could not be settled: %s", self._use_case.name, error)
        return replies

    def _store(self) -> Budget:
        if self._budget is None:
            self._budget = self._open()
        return self._budget
