"""Passwords looked at aside: one at a time, and a bounded number waiting.

Each takes every core for some 30 ms. So a flood of logins is refused, and predictions go on between two of them.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from serve_app.core.errors import Overloaded
from serve_app.core.identity_ports import Passwords

WAITING = 32

NOBODY = "nobody has this password"


class Hashing:
    def __init__(self, passwords: Passwords) -> None:
        self._passwords, self._waiting = passwords, 0
        self._thread = ThreadPoolExecutor(1, "argon2")
        self._nobodys = passwords.hashed(NOBODY)

    async def hashed(self, password: str) -> str:
        return str(await self._aside(self._passwords.hashed, password))

    async def fits(self, password: str, hashed: str | None) -> bool:
        """None: of a user who is not there; it takes as long to say no."""
        fits = await self._aside(self._passwords.fits, password, hashed or self._nobodys)
        return bool(fits) and hashed is not None

    async def _aside(self, work: object, *args: str) -> object:
        if self._waiting >= WAITING:
            raise Overloaded("more logins are waiting than can be looked at")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)  # type: ignore[arg-type]
        finally:
            self._waiting -= 1
