"""Many small appends, few commits: an async front for a log whose commits are slow and blocking.

While one commit is in flight in a worker thread, whatever arrives gathers into the next one. An idle
log commits at once: there is no timer, and so no delay where there is no load.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from serve_app.core.errors import StoreUnavailable, Unavailable
from serve_app.core.events import LoggedPrediction
from serve_app.core.ports import EventLog


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """One caller's rows, and the promise it waits for."""

    rows: tuple[LoggedPrediction, ...]
    done: asyncio.Future[None]

    def settle(self, error: Exception | None) -> None:
        if self.done.done():  # the caller has gone
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


class GroupCommit:
    """One for each event loop. ``max_rows`` bounds a commit, unless one caller alone brings more.
    The log stays its owner's to close."""

    def __init__(self, log: EventLog, max_rows: int = 20_000) -> None:
        self._log = log
        self._max_rows = max_rows
        self._waiting: deque[_Group] = deque()
        self._committing: asyncio.Task[None] | None = None
        self._closed = False
        # A thread of its own: commits must not queue behind whatever else the loop hands to threads.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="event-log")

    async def append(self, predictions: Sequence[LoggedPrediction]) -> None:
        """Returns when these rows are durable; raises what the log raised for them. A caller that is
        cancelled leaves its rows to be written: the answers were made, and perhaps paid for."""
        if self._closed:
            raise StoreUnavailable("the event log is closed")
        if not predictions:
            return
        group = _Group(tuple(predictions), asyncio.get_running_loop().create_future())
        self._waiting.append(group)
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_all())
        await group.done

    async def close(self) -> None:
        """Writes what is waiting, then takes nothing more."""
        self._closed = True
        if self._committing is not None:
            await asyncio.shield(self._committing)
        self._thread.shutdown(wait=False)

    async def _commit_all(self) -> None:
        try:
            while self._waiting:
                await self._commit(self._next_groups())
        finally:
            self._committing = None

    def _next_groups(self) -> list[_Group]:
        groups = [self._waiting.popleft()]
        rows = len(groups[0].rows)
        while self._waiting and rows + len(self._waiting[0].rows) <= self._max_rows:
            groups.append(self._waiting.popleft())
            rows += len(groups[-1].rows)
        return groups

    async def _commit(self, groups: list[_Group]) -> None:
        error = await self._attempt([row for group in groups for row in group.rows])
        if error is not None and len(groups) > 1 and not await self._away(error):
            await self._commit_each(deque(groups))
        else:
            _settle(groups, error)

    async def _commit_each(self, groups: deque[_Group]) -> None:
        """One bad group must not fail its neighbours; but a log that went away fails all at once
        instead of keeping each waiting for its own time-out."""
        while groups:
            group = groups.popleft()
            error = await self._attempt(group.rows)
            group.settle(error)
            if error is not None and await self._away(error):
                _settle(groups, error)
                return

    async def _attempt(self, rows: Sequence[LoggedPrediction]) -> Exception | None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._log.append, rows)
        except Exception as error:  # whatever it is belongs to the callers, not to this task
            return error
        return None

    async def _away(self, error: Exception) -> bool:
        """Whether ``error`` is the log's state rather than something about the rows."""
        if not isinstance(error, Unavailable):
            return False
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._log.ping)
        except Exception:
            return True
        return False


def _settle(groups: Sequence[_Group], error: Exception | None) -> None:
    for group in groups:
        group.settle(error)
