"""Work that is done to its end, whoever waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from typing import Any


class ToItsEnd:
    """When a client leaves, Serve cancels its request and, over every hop, whatever was asked on its behalf:
    a swap would be cut in two, and written down nowhere. By the context it knows on whose behalf something is
    asked, so that this work gets an empty one."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[Any]] = set()

    async def of(self, work: Coroutine[Any, Any, Any]) -> Any:
        """What ``work`` gives or raises."""
        task = asyncio.create_task(work, context=Context())
        self._under_way.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # else it is told as never looked at when whoever waited is gone
