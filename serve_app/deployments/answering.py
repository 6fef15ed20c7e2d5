"""The way of a request's rows through the cascade: with those of others as far as the student, alone from there.

What the student keeps is answered when its batch comes back. What is left of a request goes to the teacher in
a call of its own, so that nobody waits for the LLM of another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from serve_app.core.platform import Platform
from serve_app.core.ports import Asked, FeatureTables
from serve_app.core.redact import redacted
from serve_app.core.rows import Rows
from serve_app.core.serving import Cascaded, Consulted, Screened, Unsure
from serve_app.core.use_case import UseCase
from serve_app.deployments.calls import call, call_again
from serve_app.deployments.coalescing import Coalescing

INLINE_ROWS = 256

MARGIN_S, MARGIN = 2.0, 0.2
"""Of a request's time, what is kept for everything but the teacher: seconds, and at most that share of it."""


class Batch:
    """``rows`` with their looked-up features, and what came of them; ``features``: of each row, as they are
    written down. Made for all at once, which takes a quarter of the time."""

    def __init__(self, rows: Rows, screened: Screened) -> None:
        self.rows, self.screened = rows, screened

    @cached_property
    def features(self) -> list[dict[str, Any]]:
        return list(self.rows.records())


@dataclass(frozen=True, slots=True)
class Own:
    """What of a batch is one request's: the rows from ``start`` until before ``stop``, and what came of them."""

    batch: Batch
    start: int
    stop: int
    cascaded: Cascaded

    @property
    def rows(self) -> Rows:
        return self.batch.rows.span(self.start, self.stop)

    @property
    def features(self) -> list[dict[str, Any]]:
        return self.batch.features[self.start : self.stop]


class Answering:
    """``cascade``: a handle."""

    def __init__(self, cascade: Any, tables: FeatureTables, platform: Platform) -> None:
        self._cascade, self._tables = cascade, tables
        self._teacher_s = platform.teacher.deadline_s
        self._most_s = platform.limits.request_timeout_s
        self._together = Coalescing(self._screened, self._most_s)

    async def answer(self, use_case: UseCase, rows: Rows, asked: Asked, top: int | None = None) -> Own:
        """``rows`` redacted and joined with their features, and what came of each. With ``top`` they are explained
        as well, and go alone."""
        end = self.end_of(asked)
        clean = await aside(len(rows), redacted, use_case, rows)  # nothing behind here sees what was sent
        ask = self._together.ask if top is None else partial(self._alone, top=top)
        batch, start = await ask(use_case, clean)
        stop = start + len(rows)
        screened = batch.screened.span(start, stop)
        consulted = None
        if screened.waits.any():
            consulted = await self._consulted(use_case, screened.unsure(batch.rows.span(start, stop)), asked, end)
        return Own(batch, start, stop, screened.cascaded(consulted))

    def end_of(self, asked: Asked) -> float:
        """When an LLM has to be done with a request that has just come, by the loop's clock."""
        left_s = self._most_s if asked.left_s is None else min(asked.left_s, self._most_s)
        return asyncio.get_running_loop().time() + left_s - min(MARGIN_S, MARGIN * left_s)

    async def _consulted(self, use_case: UseCase, unsure: Unsure, asked: Asked, end: float) -> Consulted:
        """What is left of the request's time goes along, as seconds: it is the teacher's clock that they run on."""
        deadline_s = max(0.0, min(self._teacher_s, end - asyncio.get_running_loop().time()))
        name = use_case.name
        came: Consulted = await call(self._cascade.consult, name, unsure, deadline_s, asked.user, asked.whose)
        return came

    async def _alone(self, use_case: UseCase, rows: Rows, top: int) -> tuple[Batch, int]:
        return await self._screened(use_case, rows, top), 0

    async def _screened(self, use_case: UseCase, rows: Rows, top: int | None = None) -> Batch:
        if use_case.feature_table is not None:  # in a thread, since a table that was replaced is read again
            rows = await asyncio.to_thread(self._tables.join, use_case.name, rows)
        return Batch(rows, await call_again(self._cascade.screen, use_case.name, rows, top))


async def aside(rows: int, work: Callable[..., Any], *args: Any) -> Any:
    """In a thread when it is much, so that others are answered meanwhile."""
    return await asyncio.to_thread(work, *args) if rows > INLINE_ROWS else work(*args)
