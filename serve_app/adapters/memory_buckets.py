"""Token buckets in the memory of this process."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from serve_app.core.buckets import Bucket, Level, Taken, filled, take

MOST = 100_000
"""Buckets. Beyond them the one that was touched longest ago is forgotten, which is to say full: mostly it is."""


class MemoryBuckets:
    """``now``: seconds of a clock that never goes back."""

    def __init__(self, now: Callable[[], float] = time.monotonic, most: int = MOST) -> None:
        self._now, self._most = now, most
        self._levels: OrderedDict[str, Level] = OrderedDict()

    async def take(self, keys: Sequence[str], bucket: Bucket, wanted: int, least: int) -> Taken:
        return self.taken(keys, bucket, wanted, least)

    async def ping(self) -> str | None:
        return None

    async def close(self) -> None:
        self._levels.clear()

    def taken(self, keys: Sequence[str], bucket: Bucket, wanted: int, least: int) -> Taken:
        """``take``, at once: nothing comes between looking and taking on one event loop."""
        now = self._now()
        tokens = [filled(self._levels.get(key), bucket, now) for key in keys]
        taken = take(tokens, bucket, wanted, least)
        for key, had in zip(keys, tokens, strict=True):
            self._levels[key] = Level(had - taken.granted, now)
            self._levels.move_to_end(key)
        while len(self._levels) > self._most:
            self._levels.popitem(last=False)
        return taken
