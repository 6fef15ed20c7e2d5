"""The port ``IdentityDesk``: logins, users, keys. Whatever is done is in the audit log, without any secret."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from secrets import token_urlsafe
from typing import Any

from ulid import ULID

from serve_app.core.caller import Caller, Role
from serve_app.core.errors import NameTaken
from serve_app.core.identity import KEY_PREFIX, ApiKey, Change, User, difference, digest_of
from serve_app.core.identity_asked import check_key, check_password, check_user
from serve_app.core.identity_ports import Identities, Passwords, Tokens
from serve_app.core.platform import Auth
from serve_app.core.ports import AuditLog
from serve_app.deployments.acts import Act, Acts
from serve_app.deployments.callers import Callers
from serve_app.deployments.hashing import Hashing
from serve_app.deployments.logins import Logins


@dataclass(frozen=True, slots=True)
class Doorkeeping:
    """All that it rests on."""

    store: Identities
    tokens: Tokens
    passwords: Passwords
    audit: AuditLog


@dataclass(frozen=True, slots=True)
class Made:
    """No dict: that would be written into the audit log."""

    key: ApiKey
    itself: str = field(repr=False)


class IdentityDesk:
    """``known``: the use cases there are."""

    def __init__(self, given: Doorkeeping, rule: Auth, known: Callable[[], Mapping[str, object]]) -> None:
        self._store, self._rule, self._known = given.store, rule, known
        self._acts, self._hashing = Acts(given.audit), Hashing(given.passwords)
        self._callers = Callers(given.store, given.tokens, rule.access_minutes)
        self._logins = Logins(given.store, given.tokens, self._hashing, rule, self._acts, self._callers.forget)

    async def caller(self, shown: str, address: str) -> Caller:
        return await self._callers.caller(shown, address)

    async def login(self, name: str, password: str, address: str) -> dict[str, Any]:
        return (await self._logins.login(name, password, address)).as_dict()

    async def refresh(self, token: str, address: str) -> dict[str, Any]:
        return (await self._logins.refresh(token, address)).as_dict()

    async def logout(self, caller: Caller) -> None:
        await self._logins.logout(caller)

    async def me(self, caller: Caller) -> dict[str, Any]:
        """A key has no e-mail address."""
        user = await asyncio.to_thread(self._store.get, caller.by) if caller.session is not None else None
        scope = None if caller.use_cases is None else sorted(caller.use_cases)
        email = None if user is None else user.email
        return {"name": caller.by, "role": caller.role, "email": email, "use_cases": scope}

    async def users(self) -> list[dict[str, Any]]:
        return [user.shown() for user in await asyncio.to_thread(self._store.all)]

    async def add_user(self, name: str, password: str, role: Role, email: str | None, by: str) -> dict[str, Any]:
        check_user(name, password, email)
        user = User(name, email, role, await self._hashing.hashed(password), True, datetime.now(UTC))
        asked = {"name": name, "before": None, "after": {"role": role, "enabled": True}}
        await self._acts.done(Act("user_created", by, None, asked, name), self._add(user))
        return user.shown()

    async def change_user(
        self, name: str, enabled: bool | None, role: Role | None, password: str | None, by: str
    ) -> dict[str, Any]:
        if password is not None:
            check_password(name, password)
        hashed = None if password is None else await self._hashing.hashed(password)
        changing = self._change(name, Change(enabled, role, hashed))
        await self._acts.done(Act("user_changed", by, None, {"name": name[:100]}, name[:100]), changing)
        user = await asyncio.to_thread(self._store.get, name)
        return {} if user is None else user.shown()

    async def keys(self) -> list[dict[str, Any]]:
        return [key.shown() for key in await asyncio.to_thread(self._store.keys)]

    async def add_key(
        self, name: str, role: Role, use_cases: list[str] | None, days: int | None, by: str
    ) -> dict[str, Any]:
        check_key(name, role, use_cases, days, self._known(), self._rule.key_days)
        now, itself = datetime.now(UTC), KEY_PREFIX + token_urlsafe(32)
        until = now + timedelta(days=days or self._rule.key_days)
        key = ApiKey(str(ULID()), name, digest_of(itself), role, use_cases, by, now, until)
        after = {"role": role, "use_cases": use_cases, "expires_at": until.isoformat()}
        act = Act("key_made", by, None, {"key": key.id, "name": name, "after": after}, key.id)
        await self._acts.done(act, asyncio.to_thread(self._store.add_key, key))
        return {**key.shown(), "key": itself}

    async def revoke_key(self, key_id: str, by: str) -> dict[str, Any]:
        revoking = asyncio.to_thread(self._store.revoke_key, key_id, datetime.now(UTC))
        key: ApiKey = await self._acts.done(Act("key_revoked", by, None, {"key": key_id[:64]}, key_id[:64]), revoking)
        self._callers.forget_key(key)
        return key.shown()

    async def _add(self, user: User) -> None:
        if not await asyncio.to_thread(self._store.add, user):
            raise NameTaken(f"a user is called {user.name} already")

    async def _change(self, name: str, change: Change) -> dict[str, Any]:
        """What the audit log says of it."""
        before, after = await asyncio.to_thread(self._store.change, name, change, datetime.now(UTC))
        self._callers.forget(name)
        sides = difference(before, after)
        return {"before": dict(sides[0]), "after": dict(sides[1])}
