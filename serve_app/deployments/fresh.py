"""What was looked up not long ago, kept in this process."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Fresh(Generic[T]):
    """``look`` is done in a thread, once for all who want the same at the same time. ``keep_s``: how old what is
    given may be; ``most``: how many are kept."""

    def __init__(self, look: Callable[[str], T], keep_s: float, most: int = 10_000) -> None:
        self._look, self._keep_s, self._most = look, keep_s, most
        self._kept: OrderedDict[str, tuple[float, asyncio.Future[T]]] = OrderedDict()

    async def get(self, which: str) -> T:
        found = self._kept.get(which)
        if found is None or found[0] <= time.monotonic() or _failed(found[1]):
            found = self._kept[which] = self._looking(which)
            self._kept.move_to_end(which)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        looked = found[1]
        return looked.result() if looked.done() else await asyncio.shield(looked)

    def forget(self, which: str) -> None:
        self._kept.pop(which, None)

    def _looking(self, which: str) -> tuple[float, asyncio.Future[T]]:
        """As old as the moment before it is looked."""
        until = time.monotonic() + self._keep_s
        looking = asyncio.ensure_future(asyncio.to_thread(self._look, which))
        looking.add_done_callback(_failed)  # nobody may be left to hear of it
        return until, looking


def _failed(looked: asyncio.Future[T]) -> bool:
    return looked.done() and (looked.cancelled() or looked.exception() is not None)
