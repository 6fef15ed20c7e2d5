"""Logging in and out: tokens for passwords, and new ones for old."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import token_urlsafe
from typing import Any

from ulid import ULID

from serve_app.core.caller import Caller
from serve_app.core.claims import Claims, Kind, check
from serve_app.core.errors import BadToken, LoginLocked, LoginRefused, NoSession, UserDisabled
from serve_app.core.identity import Family, User
from serve_app.core.identity_ports import Identities, Tokens
from serve_app.core.login_locks import locks_of
from serve_app.core.platform import Auth
from serve_app.deployments.acts import Act, Acts
from serve_app.deployments.hashing import Hashing, Line

REFUSED = "the name or the password is wrong"


@dataclass(frozen=True, slots=True)
class Pair:
    """No dict: that would be written into the audit log. ``expires_in_s``: of the access token."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_in_s: int

    def as_dict(self) -> dict[str, Any]:
        tokens = {"access_token": self.access, "refresh_token": self.refresh}
        return {**tokens, "token_type": "bearer", "expires_in": self.expires_in_s}


class Logins:
    """``forget``: whose standing has changed."""

    def __init__(
        self, store: Identities, tokens: Tokens, hashing: Hashing, rule: Auth, acts: Acts, forget: Callable[[str], None]
    ) -> None:
        self._store, self._tokens, self._hashing = store, tokens, hashing
        self._rule, self._acts, self._forget = rule, acts, forget
        self._line = Line()

    async def login(self, name: str, password: str, address: str) -> Pair:
        """Raises LoginRefused, LoginLocked, Overloaded."""
        async with self._line.turn():
            return await self._login(name, password, address)

    async def refresh(self, token: str, address: str) -> Pair:
        """Raises BadToken, also for a token that was used before, which ends the session; TokenExpired."""
        claims, now = self._tokens.read(token), time.time()
        check(claims, "refresh", now)
        pair, following = self._pair(claims.user, claims.role, claims.session, now)
        turn = (claims.session, claims.id, following.id, datetime.fromtimestamp(now, UTC), _moment(following))
        came = await asyncio.to_thread(self._store.rotate, *turn)
        if came == "reused":
            self._forget(claims.user)
            asked = {"session": claims.session, "address": address}
            await self._acts.done(Act("refresh_reused", claims.user, None, asked, claims.user), _nothing())
        if came != "rotated":
            raise BadToken("the session is over: log in again")
        user = await asyncio.to_thread(self._store.get, claims.user)
        if user is None or not user.enabled:
            raise UserDisabled("the user may not log in any more")
        return pair

    async def logout(self, caller: Caller) -> None:
        """Ends the session that the caller's token belongs to, and every token of it."""
        if caller.session is None:
            raise NoSession("a key is revoked, not logged out")
        ending = asyncio.to_thread(self._store.end, caller.session, datetime.now(UTC))
        await self._acts.done(Act("logout", caller.by, None, {"address": caller.address}, caller.by), ending)
        self._forget(caller.by)

    async def _login(self, name: str, password: str, address: str) -> Pair:
        """Whoever is unknown, disabled or wrong hears the same, after the same work."""
        locks = locks_of(name, address, self._rule.locks)
        until = await asyncio.to_thread(self._store.try_, locks, datetime.now(UTC))
        if until is not None:  # not in the audit log, which would grow with every guess
            wait_s = math.ceil((until - datetime.now(UTC)).total_seconds())
            raise LoginLocked("too many logins failed for this name", max(1, wait_s))
        user = await asyncio.to_thread(self._store.get, name)
        fits = await self._hashing.fits(password, None if user is None else user.password)
        if user is None or not fits or not user.enabled:
            await self._refused(user, fits, address)
            raise LoginRefused(REFUSED)
        await asyncio.to_thread(self._store.clear, locks)
        asked = {"address": address}
        pair: Pair = await self._acts.done(Act("login", user.name, None, asked, user.name), self._begin(user))
        return pair

    async def _refused(self, user: User | None, fits: bool, address: str) -> None:
        """What was sent as a name is written down only where it is one: it may be a password, mistyped."""
        reason = "unknown_user" if user is None else "wrong_password" if not fits else "user_disabled"
        by, target = ("anonymous", None) if user is None else (user.name, user.name)
        asked = {"reason": reason, "address": address}
        await self._acts.done(Act("login_refused", by, None, asked, target), _nothing())

    async def _begin(self, user: User) -> Pair:
        now = time.time()
        pair, refresh = self._pair(user.name, user.role, str(ULID()), now)
        started = datetime.fromtimestamp(now, UTC)
        family = Family(refresh.session, user.name, refresh.id, started, _moment(refresh))
        await asyncio.to_thread(self._store.begin, family)
        return pair

    def _pair(self, user: str, role: Any, session: str, now: float) -> tuple[Pair, Claims]:
        """With what the refresh token says."""
        spans_s: dict[Kind, float] = {
            "access": self._rule.access_minutes * 60,
            "refresh": self._rule.refresh_days * 86_400,
        }
        access, refresh = (
            Claims(user, role, kind, token_urlsafe(12), session, now, int(now + span)) for kind, span in spans_s.items()
        )
        pair = Pair(self._tokens.signed(access), self._tokens.signed(refresh), int(spans_s["access"]))
        return pair, refresh


def _moment(claims: Claims) -> datetime:
    return datetime.fromtimestamp(claims.expires_at, UTC)


async def _nothing() -> None:
    """What was refused did nothing."""
