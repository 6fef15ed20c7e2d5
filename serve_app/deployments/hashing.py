"""Passwords looked at aside, and logins taken a few at a time.

A password takes every core for some 30 ms, and a login writes to the store. So a flood of them waits in a short line,
whatever is over is refused before anything is done for it, and predictions go on meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from serve_app.core.errors import Overloaded
from serve_app.core.identity_ports import Passwords

AT_ONCE, WAITING = 2, 32
"""Logins in this process: one's password is looked at while another's is written down."""

NOBODY = "nobody has this password"


class Hashing:
    def __init__(self, passwords: Passwords) -> None:
        self._passwords = passwords
        self._thread = ThreadPoolExecutor(1, "argon2")
        self._nobodys = passwords.hashed(NOBODY)

    async def hashed(self, password: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._passwords.hashed, password)

    async def fits(self, password: str, hashed: str | None) -> bool:
        """None: of a user who is not there; it takes as long to say no."""
        look: Callable[[str, str], bool] = self._passwords.fits
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, look, password, hashed or self._nobodys) and hashed is not None


class Line:
    """Who logs in stands in it."""

    def __init__(self) -> None:
        self._turns, self._standing = asyncio.Semaphore(AT_ONCE), 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Raises Overloaded where the line is full."""
        if self._standing >= WAITING:
            raise Overloaded("more logins are waiting than can be looked at")
        self._standing += 1
        try:
            async with self._turns:
                yield
        finally:
            self._standing -= 1
