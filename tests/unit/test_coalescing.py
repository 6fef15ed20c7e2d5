"""Laws of coalescing: alone at once, together under load, and nobody pays for a neighbour."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np
import pytest

from serve_app.core.errors import InvalidInput, Unavailable
from serve_app.core.rows import Rows, text_column
from serve_app.core.use_case import UseCase
from serve_app.deployments.coalescing import AT_ONCE, MOST_ROWS, Coalescing
from tests.fakes.stub_student import use_case

pytestmark = pytest.mark.anyio

CASE = use_case()
WHOSE: ContextVar[str] = ContextVar("whose", default="nobody's")
POISON, AWAY = -1.0, -2.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Answers:
    """Twice each number, once ``gate`` is open. ``batches``: what came in, as numbers; ``whose``: on whose behalf."""

    def __init__(self) -> None:
        self.batches: list[list[float]] = []
        self.whose: set[str] = set()
        self.gate = asyncio.Event()
        self.gate.set()

    async def ask(self, case: UseCase, rows: Rows) -> list[float]:
        self.batches.append(rows["length"].tolist())
        self.whose.add(WHOSE.get())
        await self.gate.wait()
        if AWAY in rows["length"]:
            raise Unavailable("away")
        if POISON in rows["length"]:
            raise InvalidInput("it does not fit")
        return [2 * value for value in rows["length"]]


def rows(*numbers: float) -> Rows:
    return Rows({"length": np.array(numbers, dtype=np.float64)})


class Front:
    """``answers``: ``Answers`` or its like."""

    def __init__(self, answers: Any = None, patience_s: float = 20.0) -> None:
        self.answers = Answers() if answers is None else answers
        self.coalescing: Coalescing[list[float]] = Coalescing(self.answers.ask, patience_s)

    async def own(self, *numbers: float, case: UseCase = CASE) -> list[float]:
        """What came of these numbers."""
        came, place = await self.coalescing.ask(case, rows(*numbers))
        return came[place : place + len(numbers)]

    def ask(self, *numbers: float, case: UseCase = CASE) -> asyncio.Task[list[float]]:
        return asyncio.create_task(self.own(*numbers, case=case))

    async def busy(self) -> list[asyncio.Task[list[float]]]:
        """As many batches under way as may be, each with one number from 1000 on."""
        self.answers.gate.clear()
        tasks, known = [], len(self.answers.batches)
        for number in range(AT_ONCE):
            tasks.append(self.ask(1000.0 + number))
            await until(lambda: len(self.answers.batches) > known + number)  # noqa: B023
        return tasks


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what is waited for knows of no event
            await asyncio.sleep(0)


async def turns(count: int = 20) -> None:
    """Of the loop: whatever can be done without waiting is done."""
    for _ in range(count):
        await asyncio.sleep(0)


async def outcomes(tasks: Sequence[asyncio.Task[Any]]) -> list[Any]:
    return list(await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10))


async def test_who_is_alone_is_asked_about_at_once() -> None:
    front = Front()
    front.answers.gate.clear()
    lone = front.ask(1.0)
    await turns(3)
    assert front.answers.batches == [[1.0]], "before any timer could have run"
    front.answers.gate.set()
    assert await lone == [2.0]


async def test_who_comes_in_the_same_turn_goes_together() -> None:
    front = Front()
    came = await outcomes([front.ask(float(number)) for number in range(5)])
    assert came == [[2.0 * number] for number in range(5)]
    assert front.answers.batches == [[0.0, 1.0, 2.0, 3.0, 4.0]]


async def test_what_arrives_meanwhile_is_the_next_batch_in_the_order_of_arrival() -> None:
    front = Front()
    first = await front.busy()
    rest = [front.ask(1.0), front.ask(2.0, 3.0), front.ask(4.0)]
    await turns()
    assert len(front.answers.batches) == AT_ONCE, "no more than may be are under way"
    front.answers.gate.set()
    assert await outcomes([*first, *rest]) == [[2000.0 + 2 * n] for n in range(AT_ONCE)] + [[2.0], [4.0, 6.0], [8.0]]
    assert front.answers.batches[AT_ONCE:] == [[1.0, 2.0, 3.0, 4.0]]


async def test_under_load_many_requests_are_few_batches_and_each_gets_its_own() -> None:
    front = Front()

    async def client(name: int) -> None:
        for number in range(20):
            assert await front.own(100.0 * name + number) == [200.0 * name + 2 * number]

    await asyncio.wait_for(asyncio.gather(*(client(name) for name in range(32))), 20)
    assert len(front.answers.batches) <= 40 < 32 * 20
    assert sum(map(len, front.answers.batches)) == 32 * 20


async def test_a_batch_holds_so_many_rows_and_who_brings_more_goes_alone() -> None:
    front = Front()
    first = await front.busy()
    half = [0.0] * (MOST_ROWS // 2)
    rest = [front.ask(*half), front.ask(*half), front.ask(1.0)]
    large = front.ask(*([2.0] * (MOST_ROWS + 1)))
    await until(lambda: len(front.answers.batches) > AT_ONCE)
    assert len(front.answers.batches[-1]) == MOST_ROWS + 1, "it waits for nobody"
    front.answers.gate.set()
    await outcomes([*first, *rest, large])
    assert [len(each) for each in front.answers.batches[AT_ONCE + 1 :]] == [MOST_ROWS, 1]


@pytest.mark.parametrize("bad", [0, 3, 6])
async def test_a_bad_row_fails_its_own_request_and_no_other(bad: int) -> None:
    front = Front()
    tasks = [front.ask(POISON if number == bad else float(number)) for number in range(7)]
    came = await outcomes(tasks)
    assert isinstance(came.pop(bad), InvalidInput)
    assert came == [[2.0 * number] for number in range(7) if number != bad]
    assert len(front.answers.batches) <= 7, "it is looked for by halves"
    assert await front.own(5.0) == [10.0]


async def test_all_of_a_request_fails_where_one_of_its_rows_does() -> None:
    front = Front()
    came = await outcomes([front.ask(1.0), front.ask(2.0, POISON), front.ask(3.0)])
    assert came[0] == [2.0]
    assert isinstance(came[1], InvalidInput)
    assert came[2] == [6.0]


async def test_a_part_that_is_away_fails_all_without_asking_for_each() -> None:
    front = Front()
    came = await outcomes([front.ask(AWAY if number == 2 else float(number)) for number in range(5)])
    assert all(isinstance(each, Unavailable) for each in came)
    assert len(front.answers.batches) == 1


async def test_who_leaves_cancels_nobody() -> None:
    front = Front()
    first = await front.busy()
    gathered = [front.ask(float(number)) for number in range(3)]
    await turns()
    gathered[1].cancel()
    first[0].cancel()
    await turns()
    front.answers.gate.set()
    came = await outcomes([*first, *gathered])
    assert isinstance(came[0], asyncio.CancelledError)
    assert came[1:AT_ONCE] == [[2000.0 + 2 * number] for number in range(1, AT_ONCE)]
    assert came[AT_ONCE] == [0.0]
    assert isinstance(came[AT_ONCE + 1], asyncio.CancelledError)
    assert came[AT_ONCE + 2] == [4.0]
    assert front.answers.batches[AT_ONCE:] == [[0.0, 2.0]], "who had left is not asked about"


async def test_a_batch_is_asked_on_nobodys_behalf() -> None:
    """Serve cancels what was asked on behalf of a client that left, and knows it by the context."""
    front = Front()
    WHOSE.set("a client's")
    assert await front.own(1.0) == [2.0]
    assert front.answers.whose == {"nobody's"}


async def test_a_request_has_its_own_deadline() -> None:
    front = Front()
    first = await front.busy()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(front.own(1.0), 0.02)
    front.answers.gate.set()
    assert await outcomes(first) == [[2000.0 + 2 * number] for number in range(AT_ONCE)]


async def test_batches_that_hang_hold_nobody_up_for_long() -> None:
    class Hangs(Answers):
        async def ask(self, case: UseCase, rows: Rows) -> list[float]:
            if rows["length"][0] >= 1000:
                return await super().ask(case, rows)
            return [2 * value for value in rows["length"]]

    front = Front(Hangs())
    hung = await front.busy()
    for number in range(3):
        assert await asyncio.wait_for(front.own(float(number)), 5) == [2.0 * number]
    assert not any(task.done() for task in hung)
    front.answers.gate.set()
    await outcomes(hung)


async def test_a_batch_that_never_ends_is_ended() -> None:
    front = Front(patience_s=0.05)
    front.answers.gate.clear()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(front.own(1.0), 5)


async def test_after_a_jam_no_more_than_usual_are_under_way() -> None:
    front = Front()
    jammed = await front.busy()
    for number in range(4):  # each waits too long, and starts a batch of its own
        jammed.append(front.ask(float(number)))
        await until(lambda: len(front.answers.batches) > AT_ONCE + number)  # noqa: B023
    front.answers.gate.set()
    await outcomes(jammed)
    known = len(front.answers.batches)
    await front.busy()
    late = front.ask(9.0)
    await turns()
    assert len(front.answers.batches) == known + AT_ONCE
    front.answers.gate.set()
    assert await asyncio.wait_for(late, 5) == [18.0]


async def test_use_cases_wait_only_for_their_own() -> None:
    front = Front()
    await front.busy()
    other = front.ask(7.0, case=use_case(name="elsewhere"))
    await turns()
    assert front.answers.batches[-1] == [7.0]
    front.answers.gate.set()
    assert await other == [14.0]


async def test_rows_of_another_shape_go_in_another_batch() -> None:
    """For a moment after an edit of the use case both kinds come in."""
    front = Front()
    odd = Rows({"length": np.array([1.0]), "flag": text_column(["no"])})
    edited = asyncio.create_task(front.coalescing.ask(CASE, odd))
    came = await outcomes([front.ask(2.0), front.ask(3.0), edited, front.ask(4.0, case=use_case())])
    assert came[2] == ([2.0], 0)
    assert sorted(front.answers.batches) == [[1.0], [2.0, 3.0], [4.0]]
