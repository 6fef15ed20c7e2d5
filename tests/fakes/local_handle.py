"""A Serve handle without Serve: ``handle.method.remote(...)`` calls an object in this process."""

from __future__ import annotations

import inspect
from typing import Any


class LocalHandle:
    """``calls``: the methods that were asked for, in order."""

    def __init__(self, desk: Any) -> None:
        self.desk = desk
        self.calls: list[str] = []

    def __getattr__(self, method: str) -> Any:
        return _Method(self, method)


class _Method:
    def __init__(self, handle: LocalHandle, name: str) -> None:
        self._handle, self._name = handle, name

    async def remote(self, *args: Any) -> Any:
        self._handle.calls.append(self._name)
        came = getattr(self._handle.desk, self._name)(*args)
        return await came if inspect.isawaitable(came) else came
