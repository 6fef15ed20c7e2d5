"""A waiting challenger answers a share of the live rows too. What it says is written down beside the
answer that was served, and never served.

Nobody waits for it: it is asked once an answer has been written down, in the background, by at most
``AT_ONCE`` tasks; what comes while they are busy is not shadowed, and what fails is told in the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

from serve_app.core.envelope import student_part, version_of
from serve_app.core.jobs import Shadow
from serve_app.core.ports import EventLog
from serve_app.core.rows import Rows
from serve_app.core.use_case import UseCase
from serve_app.deployments.calls import call

log = logging.getLogger("understudy.shadows")

AT_ONCE = 4


class Shadows:
    """``cascade``: a handle with ``shadow(use_case, rows)``; ``chance`` picks the rows."""

    def __init__(self, cascade: Any, log: EventLog, chance: Random) -> None:
        self._cascade, self._log, self._chance = cascade, log, chance
        self._tasks: set[asyncio.Task[None]] = set()

    def consider(self, use_case: UseCase, rows: Rows, ids: Sequence[str]) -> None:
        """``ids``: the predictions of ``rows``, in their order. Returns at once; never raises."""
        share = use_case.retraining.shadow
        if share == 0 or len(self._tasks) >= AT_ONCE:
            return
        picked = [row for row in range(len(ids)) if self._chance.random() < share]
        if picked:
            task = asyncio.create_task(self._ask(use_case.name, rows.take(picked), [ids[row] for row in picked]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _ask(self, name: str, rows: Rows, ids: Sequence[str]) -> None:
        try:
            answers = await call(self._cascade.shadow, name, rows)
            if answers is None:  # nobody waits for promotion
                return
            at, version = datetime.now(UTC), str(version_of(answers))
            said = [Shadow(each, name, version, at, student_part(answers, row) or {}) for row, each in enumerate(ids)]
            await asyncio.to_thread(self._log.add_shadows, said)
        except Exception as error:  # whatever it is, the answers have been given
            log.warning("%s: %d rows were not shadowed: %s", name, len(ids), error)
