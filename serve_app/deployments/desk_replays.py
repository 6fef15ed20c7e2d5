"""The port ``ReplayDesk``: decisions made again by the deployment that loads old models."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from random import Random
from typing import Any

from ulid import ULID

from serve_app.core.events import LoggedPrediction
from serve_app.core.ports import EventLog
from serve_app.deployments.calls import call

TRIES = 4
"""Moments that are drawn for each prediction wanted: some find one that was found before."""


class RepeatedDecisions:
    """``replays``: a handle."""

    def __init__(self, log: EventLog, replays: Any) -> None:
        self._log, self._replays = log, replays
        self._chance = Random()  # noqa: S311 - it picks rows, it guards nothing

    async def replay(self, prediction_id: str) -> dict[str, Any]:
        replayed: dict[str, Any] = await call(self._replays.replay, prediction_id)
        return replayed

    async def sample(self, use_case: str, since: datetime, limit: int) -> list[str]:
        """By moments: an id begins with its own, so that each draw is one look into the index."""
        return await asyncio.to_thread(self._sample, use_case, since, limit)

    def _sample(self, use_case: str, since: datetime, limit: int) -> list[str]:
        if len(few := self._from(use_case, since, limit + 1)) <= limit:
            return [each.id for each in few]
        first, last = few[0].at, self._log.newest(use_case, 1)[0].at
        found: dict[str, None] = {}
        for _ in range(TRIES * limit):
            moment = first + (last - first) * self._chance.random()
            found |= dict.fromkeys(each.id for each in self._from(use_case, moment, 1))
            if len(found) == limit:
                break
        return sorted(found)

    def _from(self, use_case: str, since: datetime, limit: int) -> list[LoggedPrediction]:
        return self._log.page(use_case, None, _before(since), limit)


def _before(moment: datetime) -> str:
    """The least id of a moment."""
    whole = max(moment.astimezone(UTC), datetime(1970, 1, 1, tzinfo=UTC))
    return str(ULID.from_datetime(whole))[:10] + "0" * 16
