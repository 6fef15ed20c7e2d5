"""Who may ask, in memory, for tests and demonstrations."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from serve_app.core.errors import StoreUnavailable, UnknownApiKey, UnknownUser
from serve_app.core.identity import ApiKey, Change, Family, Rotation, Standing, User, changed
from serve_app.core.login_locks import Lock, Tries


class MemoryIdentities:
    """Set ``away`` to make every call raise StoreUnavailable, as a database that is down does. ``looked``: how often
    somebody's standing was asked for."""

    def __init__(self) -> None:
        self.away, self.looked = False, 0
        self._lock = threading.Lock()
        self._users: dict[str, User] = {}
        self._families: dict[str, Family] = {}
        self._keys: dict[str, ApiKey] = {}
        self._tries: dict[str, Tries] = {}

    def add(self, user: User) -> bool:
        with self._reached():
            return self._users.setdefault(user.name, user) is user

    def get(self, name: str) -> User | None:
        with self._reached():
            return self._users.get(name)

    def all(self) -> list[User]:
        with self._reached():
            return [self._users[name] for name in sorted(self._users)]

    def change(self, name: str, change: Change, now: datetime) -> tuple[User, User]:
        with self._reached():
            if name not in self._users:
                raise UnknownUser(f"no user is called {name[:60]!r}")
            before = self._users[name]
            admins = [each.name for each in self._users.values() if each.enabled and each.role == "admin"]
            self._users[name] = after = changed(before, change, now, admins)
            mine = [each for each in self._families.values() if each.user == name and each.ended_at is None]
            self._families |= {each.id: replace(each, ended_at=now) for each in mine}
        return before, after

    def standing(self, name: str, since: datetime) -> Standing | None:
        with self._reached():
            self.looked += 1
            user = self._users.get(name)
            mine = [each for each in self._families.values() if each.user == name and each.ended_at is not None]
        over = frozenset(each.id for each in mine if each.ended_at is not None and each.ended_at > since)
        return None if user is None else Standing(user.role, user.enabled, user.tokens_from, over)

    def begin(self, family: Family) -> None:
        with self._reached():
            kept = [each for each in self._families.values() if each.expires_at > family.started_at]
            self._families = {each.id: each for each in [*kept, family]}

    def rotate(self, family: str, shown: str, new: str, now: datetime, expires_at: datetime) -> Rotation:
        with self._reached():
            found = self._families.get(family)
            if found is None or found.ended_at is not None or found.expires_at <= now:
                return "ended"
            good = found.current == shown
            turned = replace(found, current=new, expires_at=expires_at) if good else replace(found, ended_at=now)
            self._families[family] = turned
        return "rotated" if good else "reused"

    def end(self, family: str, now: datetime) -> bool:
        with self._reached():
            found = self._families.get(family)
            if found is None or found.ended_at is not None:
                return False
            self._families[family] = replace(found, ended_at=now)
        return True

    def add_key(self, key: ApiKey) -> None:
        with self._reached():
            self._keys[key.id] = key

    def key_of(self, digest: str) -> ApiKey | None:
        with self._reached():
            return next((each for each in self._keys.values() if each.digest == digest), None)

    def keys(self) -> list[ApiKey]:
        with self._reached():
            return [self._keys[id] for id in sorted(self._keys, reverse=True)]

    def revoke_key(self, key_id: str, now: datetime) -> ApiKey:
        with self._reached():
            if key_id not in self._keys:
                raise UnknownApiKey("no API key has such an id")
            found = self._keys[key_id]
            self._keys[key_id] = replace(found, revoked_at=found.revoked_at or now)
            return self._keys[key_id]

    def try_(self, locks: Sequence[Lock], now: datetime) -> datetime | None:
        with self._reached():
            tried = [lock.tried(self._tries.get(lock.key), now) for lock in locks]
            until = [each for each in tried if isinstance(each, datetime)]
            if not until:
                self._tries |= {each.key: each for each in tried if isinstance(each, Tries)}
        return max(until) if until else None

    def clear(self, locks: Sequence[Lock]) -> None:
        with self._reached():
            for lock in locks:
                self._tries.pop(lock.key, None)

    def close(self) -> None:
        """There is nothing to let go of."""

    @contextmanager
    def _reached(self) -> Iterator[None]:
        with self._lock:
            if self.away:
                raise StoreUnavailable("the event log is away")
            yield
