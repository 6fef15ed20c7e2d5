"""The doors to users, keys and locks. Their laws: ``tests/contract/test_identity.py``. All raise StoreUnavailable."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from serve_app.core.claims import Claims
from serve_app.core.identity import ApiKey, Change, Family, Rotation, Standing, User
from serve_app.core.login_locks import Lock


class Users(Protocol):
    def add(self, user: User) -> bool:
        """False, and nothing happens, where the name is taken."""

    def get(self, name: str) -> User | None: ...

    def all(self) -> list[User]:
        """By name."""

    def change(self, name: str, change: Change, now: datetime) -> tuple[User, User]:
        """Before and after; every family of theirs ends with it. However many change at once, one admin who may
        log in is left. Raises UnknownUser, LastAdmin."""

    def standing(self, name: str, since: datetime) -> Standing | None:
        """With the families that have ended ``since``. None for an unknown name."""

    def begin(self, family: Family) -> None:
        """Families that expired before it began are forgotten."""

    def rotate(self, family: str, shown: str, new: str, now: datetime, expires_at: datetime) -> Rotation:
        """``new`` takes the place of ``shown`` where that is the current one. However often one is shown, it is good
        once: at the second time the family ends (``reused``). ``ended``: over, expired or never there."""

    def end(self, family: str, now: datetime) -> bool:
        """Whether it was under way."""


class ApiKeys(Protocol):
    def add_key(self, key: ApiKey) -> None: ...

    def key_of(self, digest: str) -> ApiKey | None:
        """Also one that is no longer good."""

    def keys(self) -> list[ApiKey]:
        """Newest first."""

    def revoke_key(self, key_id: str, now: datetime) -> ApiKey:
        """Again is harmless. Raises UnknownApiKey."""


class LoginLocks(Protocol):
    def try_(self, locks: Sequence[Lock], now: datetime) -> datetime | None:
        """Counts a try for all of them, or for none: until when one of them allows none. Holds however many try
        at once. What nobody has tried for long is forgotten."""

    def clear(self, locks: Sequence[Lock]) -> None:
        """After a good one."""


class Identities(Users, ApiKeys, LoginLocks, Protocol):
    def close(self) -> None: ...


class Tokens(Protocol):
    def signed(self, claims: Claims) -> str: ...

    def read(self, token: str) -> Claims:
        """What a token of ours says, be it expired or not. Raises BadToken."""


class Passwords(Protocol):
    """Slow by intent: never on an event loop."""

    def hashed(self, password: str) -> str: ...

    def fits(self, password: str, hashed: str) -> bool: ...
