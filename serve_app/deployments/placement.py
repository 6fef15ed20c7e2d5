"""Where a part runs: as a deployment of its own, or inside the replica of whoever asks it.

The same desks in either place. What runs inside is made when its replica starts, on the loop that the replica's
own methods run on, and is called like a deployment: ``handle.method.remote(...)``.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ray.serve import Application, Deployment


@dataclass(frozen=True)
class Inside:
    """A desk that is still to be made, from ``args``: handles among them, or others that are to be made first."""

    desk: type
    args: tuple[Any, ...]


def part(deployment: Deployment, apart: bool, *args: Any) -> Application | Inside:
    """``apart``: as a deployment of its own."""
    return deployment.bind(*args) if apart else Inside(deployment.func_or_class, args)


async def settle_in(part: Any) -> Any:
    """A handle of ``part``: what is to be inside is made here and now, with all that it asks."""
    if isinstance(part, Inside):
        return AtHand(await _made(part.desk, await asyncio.gather(*map(settle_in, part.args))))
    if isinstance(part, Mapping):
        return dict(zip(part, await asyncio.gather(*map(settle_in, part.values())), strict=True))
    return part


async def _made(desk: type, args: list[Any]) -> Any:
    """As Serve makes it: its ``__init__`` may be a coroutine."""
    made = desk.__new__(desk)
    if inspect.isawaitable(starting := desk.__init__(made, *args)):  # type: ignore[misc]
        await starting
    return made


class AtHand:
    """A Serve handle over a desk of this process and this loop. What it raises is raised as it is."""

    def __init__(self, desk: Any) -> None:
        self._desk = desk

    def __getattr__(self, method: str) -> _Method:
        return _Method(getattr(self._desk, method))


class _Method:
    __slots__ = ("_method",)

    def __init__(self, method: Any) -> None:
        self._method = method

    async def remote(self, *args: Any) -> Any:
        came = self._method(*args)
        return await came if inspect.isawaitable(came) else came
