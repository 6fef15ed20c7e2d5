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
from serve_app.core.ports import FeatureTables
from serve_app.core.redact import redacted
from serve_app.core.rows import Rows
from serve_app.core.serving import Cascaded, Consulted, Screened, Unsure
from serve_app.core.use_case import UseCase
from serve_app.deployments.calls import call, call_again
from serve_app.deployments.coalescing import Coalescing

INLINE_ROWS = 256

MARGIN_S = 2.0
"""Of a request's time, what is kept for everything but the teacher."""


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

    async def answer(self, use_case: UseCase, rows: Rows, user: str | None, top: int | None = None) -> Own:
        """``rows`` redacted and joined with their features, and what came of each. With ``top`` they are explained
        as well, and go alone."""
        since = asyncio.get_running_loop().time()
        clean = await aside(len(rows), redacted, use_case, rows)  # nothing behind here sees what was sent
        ask = self._together.ask if top is None else partial(self._alone, top=top)
        batch, start = await ask(use_case, clean)
        stop = start + len(rows)
        screened = batch.screened.span(start, stop)
        consulted = None
        if screened.waits.any():
            consulted = await self._consulted(use_case, screened.unsure(batch.rows.span(start, stop)), user, since)
        return Own(batch, start, stop, screened.cascaded(consulted))

    async def _consulted(self, use_case: UseCase, unsure: Unsure, user: str | None, since: float) -> Consulted:
        left = since + self._most_s - MARGIN_S - asyncio.get_running_loop().time()
        deadline_s = max(0.0, min(self._teacher_s, left))
        came: Consulted = await call(self._cascade.consult, use_case.name, unsure, deadline_s, user)
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
