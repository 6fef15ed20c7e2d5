"""Money around the calls to a teacher: what is set aside, asked, settled, and what is left without."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np
import pytest

from serve_app.adapters.memory_budget import MemoryBudget
from serve_app.core.answers import Question, TeacherAnswer, TeacherFailure, TeacherReply
from serve_app.core.errors import Unavailable
from serve_app.core.platform import Prices
from serve_app.core.tariff import Flat, Metered, Tariff, most_usd
from serve_app.core.use_case import UseCase
from serve_app.deployments.budget import Paid, Purse

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOMORROW, NEXT_MONTH = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
DAY = "foams:day:2026-03-01"
METERED = Metered(Prices(input=1.0, output=10.0), 100)

Say = Callable[[Question], TeacherReply]


def answer(cost_usd: float) -> Say:
    return lambda question: TeacherAnswer("memory", "m", label="head", cost_usd=cost_usd)


def use_case(keep_s: int = 0, **money: object) -> UseCase:
    return UseCase.model_validate({
        "name": "foams", "title": "Foams", "fields": {"height": {"kind": "numeric"}},
        "target": {"kind": "classification", "column": "sort", "classes": ["spray", "head"]},
        "student": {"kind": "lightgbm"}, "cascade": {"kind": "fixed"}, "decision": {"kind": "label"}, "budget": money,
        "cache": {"keep_s": keep_s},
    })  # fmt: skip


class Shop:
    """A purse over a store in memory, with a clock and a teacher that do as they are told."""

    def __init__(self, say: Say = answer(0.1), tariff: Tariff | Exception = Flat(0.1), **money: object) -> None:  # noqa: B008
        self.store, self.now, self.opened = MemoryBudget(), NOON, 0
        self.say, self.tariff, self.use_case = say, tariff, use_case(**money)
        self.rounds: list[list[float]] = []
        self.tariffs_asked = 0
        self.hold: asyncio.Event | None = None
        self.ended = 0
        self.kept: dict[float, TeacherAnswer] | Exception = {}
        self.looked_up = 0
        self.purse = Purse(self._open, self._tariff, self._kept, lambda: self.now)

    async def buy(self, count: int, order: Sequence[int] | None = None, user: str | None = None) -> Paid:
        rows = np.array(range(count) if order is None else order, dtype=np.intp)
        questions = [Question("foams", "p", {"height": float(row)}, ("spray", "head")) for row in range(count)]
        return await self.purse.ask(self.use_case, user, questions, rows, self._ask, 5.0)

    async def _ask(self, questions: list[Question], left_s: float) -> list[TeacherReply]:
        assert 0 <= left_s <= 5
        self.rounds.append([question.fields["height"] for question in questions])
        if self.hold is not None:
            try:
                await self.hold.wait()
            except asyncio.CancelledError:
                self.ended += 1
                raise
        return [self.say(question) for question in questions]

    async def _tariff(self, name: str) -> Tariff:
        self.tariffs_asked += 1
        if isinstance(self.tariff, Exception):
            raise self.tariff
        return self.tariff

    async def _kept(self, name: str, questions: list[Question]) -> list[TeacherAnswer | None]:
        self.looked_up += 1
        if isinstance(self.kept, Exception):
            raise self.kept
        return [self.kept.get(question.fields["height"]) for question in questions]

    def _open(self) -> MemoryBudget:
        self.opened += 1
        return self.store

    def spent(self, key: str = DAY) -> float:
        return self.store.spent([key])[key]


def reasons(paid: Paid) -> list[str | None]:
    return [reply.reason if isinstance(reply, TeacherFailure) else None for reply in paid.replies]


def run(coroutine: object) -> Paid:
    return asyncio.run(coroutine)  # type: ignore[arg-type]


def test_without_a_budget_no_store_is_opened_and_nobody_asked_for_prices() -> None:
    shop = Shop()
    assert reasons(run(shop.buy(3))) == [None] * 3
    assert (shop.opened, shop.tariffs_asked, shop.store.calls) == (0, 0, [])
    assert reasons(run(Shop(per_day_usd=0.1).buy(0))) == []


def test_what_costs_nothing_needs_no_store() -> None:
    shop = Shop(answer(0.0), Flat(0.0), per_day_usd=0.0)
    assert reasons(run(shop.buy(3))) == [None] * 3
    assert shop.opened == 0


def test_a_batch_that_fits_takes_two_calls_of_the_store() -> None:
    shop = Shop(answer(0.02), per_day_usd=1.0, per_month_usd=20.0, per_user_day_usd=5.0)
    paid = run(shop.buy(10, user="kim"))
    assert reasons(paid) == [None] * 10
    assert paid.money_again is None
    assert shop.store.calls == ["reserve", "settle"]
    assert shop.spent() == pytest.approx(0.2)
    assert shop.spent("foams:month:2026-03") == shop.spent("foams:user_day:2026-03-01:kim") == shop.spent()


def test_where_money_is_short_who_comes_first_is_asked() -> None:
    shop = Shop(per_day_usd=0.35)
    paid = run(shop.buy(5, order=[4, 0, 3, 1, 2]))
    assert reasons(paid) == [None, "budget", "budget", None, None]
    assert sorted(shop.rounds[0]) == [0.0, 3.0, 4.0]
    assert paid.money_again == TOMORROW
    assert shop.spent() == pytest.approx(0.3)
    again = run(shop.buy(2))
    assert reasons(again) == ["budget"] * 2
    assert len(shop.rounds) == 1


def test_what_is_given_back_pays_for_more_of_the_batch() -> None:
    shop = Shop(answer(0.01), per_day_usd=0.35)
    assert reasons(run(shop.buy(8))) == [None] * 8
    assert [len(asked) for asked in shop.rounds] == [3, 3, 2]
    assert shop.spent() == pytest.approx(0.08)


def test_the_next_day_begins_anew_and_the_month_goes_on() -> None:
    shop = Shop(per_day_usd=0.2, per_month_usd=0.3)
    assert reasons(run(shop.buy(3))) == [None, None, "budget"]
    shop.now = TOMORROW
    paid = run(shop.buy(3))
    assert reasons(paid) == [None, "budget", "budget"]
    assert paid.money_again == NEXT_MONTH
    shop.now = NEXT_MONTH
    assert reasons(run(shop.buy(2))) == [None, None]


def test_each_user_has_an_account() -> None:
    shop = Shop(per_user_day_usd=0.1)
    came = [reasons(run(shop.buy(1, user=user))) for user in ("kim", "kim", "lee", None, None)]
    assert came == [[None], ["budget"], [None], [None], ["budget"]]


def test_a_store_that_is_away_pays_for_nothing() -> None:
    shop = Shop(per_day_usd=1.0)
    shop.store.away = True
    paid = run(shop.buy(2))
    assert reasons(paid) == ["budget_unavailable"] * 2
    assert (shop.rounds, paid.money_again) == ([], None)


def test_what_cannot_be_settled_stays_spent() -> None:
    shop = Shop(answer(0.01), per_day_usd=1.0)

    def fails(question: Question) -> TeacherReply:
        shop.store.away = True
        return answer(0.01)(question)

    shop.say = fails
    assert reasons(run(shop.buy(2))) == [None, None]
    shop.store.away = False
    assert shop.spent() == pytest.approx(0.2)


KEPT = TeacherAnswer("memory", "m", label="spray", cached=True, saved_usd=0.1)


def test_what_is_kept_is_given_where_there_is_no_money() -> None:
    shop = Shop(keep_s=60, per_day_usd=0.0)
    shop.kept = {0.0: KEPT, 2.0: KEPT}
    paid = run(shop.buy(4))
    assert reasons(paid) == [None, "budget", None, "budget"]
    assert [paid.replies[row] for row in (0, 2)] == [KEPT, KEPT]
    assert (shop.rounds, paid.money_again) == ([], TOMORROW)


def test_nothing_is_set_aside_for_what_is_kept() -> None:
    shop = Shop(keep_s=60, per_day_usd=0.2)
    shop.kept = {0.0: KEPT, 1.0: KEPT}
    assert reasons(run(shop.buy(5))) == [None, None, None, None, "budget"]
    assert shop.rounds == [[2.0, 3.0]]
    shop.kept = dict.fromkeys(map(float, range(5)), KEPT)
    calls = list(shop.store.calls)
    paid = run(shop.buy(5))
    assert (paid.replies, paid.money_again, shop.store.calls) == ([KEPT] * 5, None, calls)


def test_a_cache_that_cannot_be_asked_costs_what_it_would_have_saved() -> None:
    shop = Shop(keep_s=60, per_day_usd=0.1)
    shop.kept = Unavailable("the teacher is away")
    assert reasons(run(shop.buy(2))) == [None, "budget"]
    assert shop.looked_up == 1
    shop.use_case = use_case(per_day_usd=0.1)  # keeps nothing: nobody is asked
    run(shop.buy(2))
    assert shop.looked_up == 1


def test_a_person_is_asked_where_that_is_configured() -> None:
    (reply,) = run(Shop(per_day_usd=0.0, when_short="review").buy(1)).replies
    assert reply == TeacherFailure("budget", to_person=True)


def test_failed_calls_are_settled_at_what_they_cost() -> None:
    costs = {0: TeacherFailure("off_schema", cost_usd=0.02), 1: TeacherFailure("timeout"), 2: TeacherFailure("refused")}
    shop = Shop(lambda question: costs[int(question.fields["height"])], per_day_usd=1.0)
    assert reasons(run(shop.buy(3))) == ["off_schema", "timeout", "refused"]
    assert shop.spent() == pytest.approx(0.02 + 0.1)


def test_the_worst_case_is_set_aside_while_the_teacher_is_asked() -> None:
    held: list[float] = []
    shop = Shop(tariff=METERED, per_day_usd=1.0)

    def say(question: Question) -> TeacherReply:
        held.append(shop.spent())
        return answer(0.0001)(question)

    shop.say = say
    run(shop.buy(2))
    each = most_usd(METERED, Question("foams", "p", {"height": 0.0}, ("spray", "head")))
    assert held == pytest.approx([2 * each] * 2)
    assert shop.spent() == pytest.approx(0.0002)


def test_whoever_leaves_ends_his_calls_and_what_they_may_have_cost_stays_spent() -> None:
    shop = Shop(answer(0.01), per_day_usd=1.0)

    async def leave() -> None:
        shop.hold = asyncio.Event()
        request = asyncio.create_task(shop.buy(2))
        while not shop.rounds:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        while "settle" not in shop.store.calls:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        assert shop.ended == 1, "nobody holds it, and it is not waited for"

    asyncio.run(leave())
    assert shop.spent() == pytest.approx(0.2)
    assert len(shop.rounds) == 1


def test_whoever_comes_first_is_asked_first_also_where_money_is_no_matter() -> None:
    shop = Shop()
    paid = run(shop.buy(3, order=[2, 0, 1]))
    assert shop.rounds == [[2.0, 0.0, 1.0]]
    assert reasons(paid) == [None] * 3


def test_two_hundred_requests_at_once_never_overspend() -> None:
    shop = Shop(answer(0.1), per_day_usd=3.7)

    async def rush() -> list[Paid]:
        return await asyncio.gather(*(shop.buy(1 + number % 3) for number in range(200)))

    paid = asyncio.run(rush())
    answered = sum(reason is None for each in paid for reason in reasons(each))
    assert answered == sum(len(asked) for asked in shop.rounds) == 37
    assert shop.spent() == 3.7


def test_a_teacher_whose_prices_nobody_tells_is_not_asked() -> None:
    shop = Shop(tariff=Unavailable("the teacher is away"), per_day_usd=1.0)
    assert reasons(run(shop.buy(2))) == ["connection_error"] * 2
    assert (shop.rounds, shop.opened) == ([], 0)
    shop.tariff = Flat(0.1)
    assert reasons(run(shop.buy(2))) == [None, None]
    run(shop.buy(1))
    assert shop.tariffs_asked == 2
    shop.use_case = use_case(per_day_usd=1.0)  # edited: the teacher may be another
    run(shop.buy(1))
    assert shop.tariffs_asked == 3


def test_a_deadline_ends_the_rounds() -> None:
    shop = Shop(answer(0.0), per_day_usd=0.1)

    async def late() -> Paid:
        questions = [Question("foams", "p", {"height": float(row)}, ("spray", "head")) for row in range(3)]

        async def ask(asked: list[Question], left_s: float) -> list[TeacherReply]:
            await asyncio.sleep(left_s)
            return await shop._ask(asked, left_s)

        return await shop.purse.ask(shop.use_case, None, questions, np.arange(3), ask, 0.02)

    assert reasons(run(late())) == [None, "budget", "budget"]
