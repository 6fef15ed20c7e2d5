"""Passwords as Argon2id, by pwdlib: 64 MiB and some 50 ms each, with its defaults."""

from __future__ import annotations

from pwdlib.hashers.argon2 import Argon2Hasher


class Argon2Passwords:
    """Lets go of Python's lock while it works, so that a thread of its own is enough."""

    def __init__(self, hasher: Argon2Hasher | None = None) -> None:
        self._hasher = hasher or Argon2Hasher()

    def hashed(self, password: str) -> str:
        return self._hasher.hash(password.encode("utf-8", "surrogatepass"))

    def fits(self, password: str, hashed: str) -> bool:
        return self._hasher.verify(password.encode("utf-8", "surrogatepass"), hashed)
