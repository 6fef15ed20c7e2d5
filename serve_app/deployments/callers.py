"""Who shows this token or key. Asked for every request, so that what can be known already is kept.

A token's signature is checked once; whether its user is still allowed what they were is at most ``KEEP_S`` old.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from datetime import UTC, datetime, timedelta

from serve_app.core.caller import Caller
from serve_app.core.claims import LEEWAY_S, Claims, check, check_standing
from serve_app.core.errors import BadToken, TokenExpired
from serve_app.core.identity import KEY_PREFIX, MACHINE, ApiKey, Standing, digest_of
from serve_app.core.identity_ports import Identities, Tokens
from serve_app.deployments.fresh import Fresh

KEEP_S = 2.0

MOST = 10_000
"""Tokens that were checked and are kept."""


class Callers:
    """``access_minutes``: how long tokens may outlive the session that they belong to."""

    def __init__(self, store: Identities, tokens: Tokens, access_minutes: float) -> None:
        self._store, self._tokens = store, tokens
        self._outlive = timedelta(minutes=access_minutes, seconds=2 * LEEWAY_S)
        self._checked: OrderedDict[bytes, Claims] = OrderedDict()
        self._standings: Fresh[Standing | None] = Fresh(self._standing, KEEP_S)
        self._keys: Fresh[ApiKey | None] = Fresh(store.key_of, KEEP_S)

    async def caller(self, shown: str, address: str) -> Caller:
        """Raises NotSignedIn and its kind; StoreUnavailable, since who cannot be looked up is not let in."""
        if shown.startswith(KEY_PREFIX):
            return await self._machine(shown, address)
        claims = self._claims(shown)
        check(claims, "access", time.time())
        role = check_standing(claims, await self._standings.get(claims.user))
        return Caller(claims.user, role, address, None, claims.session)

    def forget(self, user: str) -> None:
        self._standings.forget(user)

    def forget_key(self, key: ApiKey) -> None:
        self._keys.forget(key.digest)

    def _claims(self, token: str) -> Claims:
        which = hashlib.sha256(token.encode("latin-1", "replace")).digest()
        found = self._checked.get(which)
        if found is None:
            found = self._checked[which] = self._tokens.read(token)
            if len(self._checked) > MOST:
                self._checked.popitem(last=False)
        else:
            self._checked.move_to_end(which)
        return found

    async def _machine(self, shown: str, address: str) -> Caller:
        key, now = await self._keys.get(digest_of(shown)), datetime.now(UTC)
        if key is None or key.revoked_at is not None:
            raise BadToken("the key is none of ours, or was revoked")
        if not key.is_good(now):
            raise TokenExpired("the key has expired")
        scope = None if key.use_cases is None else frozenset(key.use_cases)
        return Caller(f"{MACHINE}{key.name}", key.role, address, scope)

    def _standing(self, user: str) -> Standing | None:
        return self._store.standing(user, datetime.now(UTC) - self._outlive)
