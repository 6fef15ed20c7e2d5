"""Concurrent requests of a use case become one batch.

While ``AT_ONCE`` batches of a use case are under way, whatever arrives gathers into the next. An idle system
answers at once: a batch starts in the turn of the loop in which its first rows came, and there is no timer but
for what has waited too long.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Generic, TypeVar

from serve_app.core.errors import Unavailable
from serve_app.core.rows import Rows
from serve_app.core.use_case import UseCase

AT_ONCE = 2
"""Of a use case: while the student is at one batch, the next is on its way to it."""

MOST_ROWS = 256
"""In a batch. Who alone brings more goes alone."""

OLDEST_S = 0.05
"""Who has waited so long waits no longer for the batches under way: one that is slow or hangs holds nobody up."""

Came = TypeVar("Came")
Ask = Callable[[UseCase, Rows], Awaitable[Came]]


@dataclass(frozen=True, slots=True, eq=False)
class _Seat(Generic[Came]):
    """One caller's rows, and the promise it waits for: what came of its batch, and where its rows begin there.
    ``since``: by the loop's clock."""

    use_case: UseCase
    rows: Rows
    since: float
    done: asyncio.Future[tuple[Came, int]]

    def fail(self, error: Exception) -> None:
        if not self.done.done():  # else the caller has gone
            self.done.set_exception(error)


class Coalescing(Generic[Came]):
    """One for each event loop. ``ask`` answers a batch; ``patience_s`` bounds it, since nobody who leaves ends a
    batch that others are in."""

    def __init__(self, ask: Ask[Came], patience_s: float) -> None:
        self._ask = ask
        self._lines: defaultdict[str, _Line[Came]] = defaultdict(lambda: _Line(ask, patience_s))

    async def ask(self, use_case: UseCase, rows: Rows) -> tuple[Came, int]:
        """What came of the batch that ``rows`` went with, and the place of their first row in it. Raises what
        ``ask`` raises for these rows: one bad row fails its own request and no other."""
        if len(rows) > MOST_ROWS:
            return await self._ask(use_case, rows), 0
        return await self._lines[use_case.name].join(use_case, rows)


class _Line(Generic[Came]):
    """Who waits of one use case, and the batches of it that are under way. Those run on nobody's behalf (see
    ``ToItsEnd``): a client that leaves must not cancel what others wait for."""

    def __init__(self, ask: Ask[Came], patience_s: float) -> None:
        self._ask, self._patience_s = ask, patience_s
        self._waiting: deque[_Seat[Came]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way, self._starting = 0, False
        self._timer: asyncio.TimerHandle | None = None

    async def join(self, use_case: UseCase, rows: Rows) -> tuple[Came, int]:
        loop = asyncio.get_running_loop()
        seat: _Seat[Came] = _Seat(use_case, rows, loop.time(), loop.create_future())
        self._waiting.append(seat)
        if self._under_way < AT_ONCE:
            self._start()
        else:
            self._watch(OLDEST_S)
        return await seat.done

    def _start(self) -> None:
        if not self._starting:  # one that is about to start takes all that are there by then
            self._starting = True
            self._under_way += 1
            task = asyncio.create_task(self._run(), context=Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run(self) -> None:
        """A batch, and on with the next as long as somebody waits and no other sees to it."""
        self._starting = False
        try:
            while seats := self._next():
                await self._answer(seats)
                if self._under_way > AT_ONCE:
                    return
        finally:
            self._under_way -= 1

    def _next(self) -> list[_Seat[Came]]:
        """Who comes next, in the order of arrival, as many as fit into one batch and are alike."""
        if not self._waiting:
            return []
        seats = [first := self._waiting.popleft()]
        room, kinds = MOST_ROWS - len(first.rows), first.rows.kinds
        while self._waiting and (room := room - len(self._waiting[0].rows)) >= 0:
            if self._waiting[0].use_case is not first.use_case or self._waiting[0].rows.kinds != kinds:
                break  # after an edit of the use case rows may look otherwise
            seats.append(self._waiting.popleft())
        return seats

    async def _answer(self, seats: Sequence[_Seat[Came]]) -> None:
        """Never raises but when it is cancelled. A batch that fails is halved until what is bad stands alone; a
        part that is away fails all at once, instead of keeping each waiting for it."""
        seats = [seat for seat in seats if not seat.done.done()]
        if not seats:
            return
        try:
            batch = Rows.stacked([seat.rows for seat in seats])
            async with asyncio.timeout(self._patience_s):
                came = await self._ask(seats[0].use_case, batch)
        except TimeoutError:
            _fail(seats, Unavailable("the student did not answer in time", 5))
        except Unavailable as error:
            _fail(seats, error)
        except Exception as error:
            await self._halved(seats, error)
        except asyncio.CancelledError:
            for seat in seats:
                seat.done.cancel()
            raise
        else:
            _tell(seats, came)

    async def _halved(self, seats: Sequence[_Seat[Came]], error: Exception) -> None:
        if len(seats) == 1:
            seats[0].fail(error)
        else:
            half = len(seats) // 2
            await asyncio.gather(self._answer(seats[:half]), self._answer(seats[half:]))

    def _watch(self, wait_s: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._look)

    def _look(self) -> None:
        self._timer = None
        if not self._waiting:
            return
        left = self._waiting[0].since + OLDEST_S - asyncio.get_running_loop().time()
        if left > 0:
            self._watch(left)
        else:
            self._start()
            self._watch(OLDEST_S)


def _tell(seats: Sequence[_Seat[Came]], came: Came) -> None:
    place = 0
    for seat in seats:
        if not seat.done.done():
            seat.done.set_result((came, place))
        place += len(seat.rows)


def _fail(seats: Sequence[_Seat[Came]], error: Exception) -> None:
    for seat in seats:
        seat.fail(error)
