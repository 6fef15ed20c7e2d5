"""Questions on their way to the teacher: in whose turn they go, and an end when nobody waits for the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import numpy as np
import numpy.typing as npt

from serve_app.core.answers import Question, TeacherFailure, TeacherReply

Ask = Callable[[list[Question], float], Awaitable[list[TeacherReply]]]
"""Questions, and the seconds that are left for them."""


class Calls:
    """The calls that are made for one request, which end when nobody waits for them any more."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._under_way: asyncio.Future[list[TeacherReply]] | None = None
        self.ended = False

    async def ask(self, questions: list[Question], left_s: float) -> list[TeacherReply]:
        """What ``ask`` says; of calls that were ended, that they broke off, and of none that was not made."""
        if self.ended:
            return [TeacherFailure("deadline") for _ in questions]
        self._under_way = asyncio.ensure_future(self._ask(questions, left_s))
        try:
            return await self._under_way
        except asyncio.CancelledError:
            if not self.ended:
                raise
            return [TeacherFailure("connection_error") for _ in questions]

    def end(self) -> None:
        self.ended = True
        if self._under_way is not None:
            self._under_way.cancel()


async def in_turn(
    ask: Ask, questions: Sequence[Question], order: npt.NDArray[np.intp], left_s: float
) -> list[TeacherReply]:
    """Also where all can be paid for, who comes first is asked first: time or the caller's allowance may be short."""
    rows = order.tolist()
    came = dict(zip(rows, await ask([questions[row] for row in rows], left_s), strict=True))
    return [came[row] for row in range(len(questions))]
