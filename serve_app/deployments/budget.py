"""Money around the calls to a teacher: set aside before, settled after; who is not paid for is not asked.

What is kept of an answer given before costs nothing, and is looked for before any money is: it is given where
there is none left.

Once money was set aside it is settled, whoever waits: a client that leaves ends the calls that are made for it, and
what those were to cost at most stays spent, since nobody knows whether the provider charges for a call that broke off.
Where no budget is configured nothing here costs a call.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
from ulid import ULID

from serve_app.core.answers import Failure, Question, TeacherAnswer, TeacherFailure, TeacherReply
from serve_app.core.budget import affordable, came_to, left_over, limits_of, money_again, unpaid
from serve_app.core.errors import StoreUnavailable, UnderstudyError
from serve_app.core.ports import Budget, Limit, Reservation
from serve_app.core.tariff import Tariff, most_usd
from serve_app.core.use_case import UseCase
from serve_app.deployments.asking import Ask, Calls, in_turn
from serve_app.deployments.to_its_end import ToItsEnd

log = logging.getLogger("understudy.budget")

TRIES = 4
"""How often it is looked again at what is left, when others took it meanwhile."""

ROUNDS = 8
"""The true cost is mostly far below the worst case: what is given back pays for more rows of the same batch."""

Kept = Callable[[str, list[Question]], Awaitable[list[TeacherAnswer | None]]]
"""A use case's name and questions, to the answers that are kept of them: one a question."""


@dataclass(frozen=True, slots=True)
class Paid:
    """``replies``: one a question, in order; ``money_again``: when there is money for what was not asked for
    want of it, None where everything was paid for or nobody knows."""

    replies: list[TeacherReply]
    money_again: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Purchase:
    """``order``: the rows in the order in which they are paid; ``most``: (n,) what each may come to; ``end``:
    by the loop's clock."""

    use_case: UseCase
    limits: list[Limit]
    at: datetime
    questions: Sequence[Question]
    order: npt.NDArray[np.intp]
    most: npt.NDArray[np.float64]
    end: float


@dataclass(frozen=True, slots=True)
class _Held:
    """``rows``: those that are paid for; ``again``: when there is money for the others."""

    rows: list[int]
    reservation: Reservation | None
    again: datetime | None


class Purse:
    """``open_budget``: opens the store; blocks. ``tariff``: of a use case's teacher, by its name; ``kept``: what it
    need not be asked again."""

    def __init__(
        self,
        open_budget: Callable[[], Budget],
        tariff: Callable[[str], Awaitable[Tariff]],
        kept: Kept,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._open, self._tariff, self._kept, self._now = open_budget, tariff, kept, now
        self._budget: Budget | None = None
        self._opening = threading.Lock()
        self._tariffs: dict[str, tuple[UseCase, Tariff]] = {}
        self._to_its_end = ToItsEnd()

    async def ask(
        self,
        use_case: UseCase,
        user: str | None,
        questions: Sequence[Question],
        order: npt.NDArray[np.intp],
        ask: Ask,
        deadline_s: float,
    ) -> Paid:
        """``ask`` is given the questions that there is money for; ``order``: who goes first. Raises what ``ask``
        raises."""
        at, end = self._now(), asyncio.get_running_loop().time() + deadline_s
        limits = limits_of(use_case.budget, use_case.name, user, at)
        if not limits or not questions:
            return Paid(await in_turn(ask, questions, order, deadline_s))
        tariff = await self._tariff_of(use_case, deadline_s)
        if tariff is None:
            return Paid([TeacherFailure("connection_error") for _ in questions])
        most = np.array([most_usd(tariff, question) for question in questions])
        if not most.any():
            return Paid(await in_turn(ask, questions, order, _left(end)))
        purchase = _Purchase(use_case, limits, at, questions, order, most, end)
        free, calls = await self._free(purchase), Calls(ask)
        try:
            return await self._to_its_end.of(self._bought(purchase, calls, free))
        except asyncio.CancelledError:
            calls.end()
            raise

    async def _free(self, purchase: _Purchase) -> dict[int, TeacherReply]:
        """By row, the answers that are kept; a cache that cannot be asked costs what it would have saved."""
        use_case, end = purchase.use_case, purchase.end
        if use_case.cache.keep_s == 0:
            return {}
        try:
            kept = await asyncio.wait_for(self._kept(use_case.name, list(purchase.questions)), _left(end))
        except (UnderstudyError, TimeoutError) as error:
            log.warning("what is kept of the answers for %s could not be looked up: %s", use_case.name, error)
            return {}
        return {row: answer for row, answer in enumerate(kept) if answer is not None}

    async def _bought(self, purchase: _Purchase, calls: Calls, replies: dict[int, TeacherReply]) -> Paid:
        """``replies``: by row, those that are there already."""
        why: Failure = "budget"
        again: datetime | None = None
        for round_ in range(ROUNDS):
            rest = [int(row) for row in purchase.order if int(row) not in replies]
            if not rest or calls.ended or (round_ and _left(purchase.end) == 0):
                break
            try:
                held = await asyncio.to_thread(self._set_aside, purchase, rest)
            except StoreUnavailable as error:
                log.warning("the teacher of %s is not asked: %s", purchase.use_case.name, error)
                why, again = "budget_unavailable", None
                break
            again = held.again
            if held.reservation is None:
                break
            came = await calls.ask([purchase.questions[row] for row in held.rows], _left(purchase.end))
            replies.update(zip(held.rows, came, strict=True))
            await self._settle(held.reservation, purchase, replies, held.rows)
        not_asked = unpaid(why, purchase.use_case.budget)
        return Paid([replies.get(row, not_asked) for row in range(len(purchase.questions))], again)

    def _set_aside(self, purchase: _Purchase, rest: list[int]) -> _Held:
        """For all that is left; else for those who go first, as far as the money goes. Raises StoreUnavailable."""
        budget, reservation_id = self._store(), str(ULID())
        rows, again = rest, None
        for _ in range(TRIES):
            usd = float(purchase.most[rows].sum())
            came = budget.reserve(reservation_id, purchase.limits, usd, purchase.at)
            if isinstance(came, Reservation):
                return _Held(rows, came, again)
            spent = budget.spent([limit.key for limit in purchase.limits])
            again = money_again(purchase.limits, spent, usd)
            rows = affordable(rest, purchase.most, left_over(purchase.limits, spent))
            if not rows:
                break
        return _Held([], None, again)

    async def _settle(
        self, reservation: Reservation, purchase: _Purchase, replies: Mapping[int, TeacherReply], rows: list[int]
    ) -> None:
        """What cannot be settled stays spent."""
        usd = sum(came_to(replies[row], float(purchase.most[row])) for row in rows)
        try:
            await asyncio.to_thread(self._store().settle, reservation, usd, self._now())
        except StoreUnavailable as error:
            log.warning("what the teacher of %s cost could not be settled: %s", purchase.use_case.name, error)

    def _store(self) -> Budget:
        with self._opening:
            if self._budget is None:
                self._budget = self._open()
            return self._budget

    async def _tariff_of(self, use_case: UseCase, patience_s: float) -> Tariff | None:
        """Asked again when the use case is edited; None where the teacher could not be asked either."""
        known = self._tariffs.get(use_case.name)
        if known is not None and known[0] is use_case:
            return known[1]
        try:
            tariff = await asyncio.wait_for(self._tariff(use_case.name), patience_s)
        except (UnderstudyError, TimeoutError) as error:
            log.warning("what the teacher of %s costs could not be learnt: %s", use_case.name, error)
            return None
        self._tariffs[use_case.name] = (use_case, tariff)
        return tariff


def _left(end: float) -> float:
    return max(0.0, end - asyncio.get_running_loop().time())
