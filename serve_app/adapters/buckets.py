"""Opens the buckets of the zones, and keeps them open: a server that is away never fails a request."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from serve_app.adapters.budgets import REDIS
from serve_app.adapters.memory_buckets import MemoryBuckets
from serve_app.adapters.redis_buckets import RedisBuckets
from serve_app.core.buckets import Bucket, Taken
from serve_app.core.errors import BadConfig, StoreUnavailable
from serve_app.core.platform import Limits
from serve_app.core.ports import Buckets

log = logging.getLogger("understudy.limits")

PAUSE_S = 1.0
"""So long a server that was away is not asked again: a try may keep somebody waiting."""


class SteadyBuckets:
    """``shared``, and while that is away those of this process, which begin full. ``now``: seconds of any clock."""

    def __init__(self, shared: Buckets, now: Callable[[], float] = time.monotonic) -> None:
        self._shared, self._own, self._now = shared, MemoryBuckets(now), now
        self._again_at: float | None = None

    async def take(self, keys: Sequence[str], bucket: Bucket, wanted: int, least: int) -> Taken:
        if self._again_at is None or self._now() >= self._again_at:
            try:
                taken = await self._shared.take(keys, bucket, wanted, least)
            except StoreUnavailable as error:
                self._went(error)
            else:
                self._came_back()
                return taken
        return self._own.taken(keys, bucket, wanted, least)

    async def ping(self) -> str | None:
        return await self._shared.ping()

    async def close(self) -> None:
        await self._shared.close()

    def _went(self, error: StoreUnavailable) -> None:
        if self._again_at is None:
            log.warning("limits are counted by each process for itself: %s", error)
        self._again_at = self._now() + PAUSE_S

    def _came_back(self) -> None:
        if self._again_at is not None:
            self._again_at = None
            log.warning("limits are counted by all processes together again")


def open_buckets(limits: Limits) -> Buckets:
    """By ``limits.url``. Raises BadConfig."""
    url = limits.url.get_secret_value()
    if not url:
        return MemoryBuckets()
    if not url.startswith(REDIS):
        raise BadConfig(f"limits.url: expected a URL that starts with one of {', '.join(REDIS)}, or nothing")
    return SteadyBuckets(RedisBuckets(url))
