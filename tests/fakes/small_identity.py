"""Somebody who is asked who they are: the real desk over memory, with passwords that cost nothing."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from serve_app.adapters.jwt_tokens import JwtTokens
from serve_app.adapters.memory_audit import MemoryAudit
from serve_app.adapters.memory_identity import MemoryIdentities
from serve_app.core.audit import Audited
from serve_app.core.caller import Role
from serve_app.core.claims import Claims, Kind
from serve_app.core.identity import User
from serve_app.core.platform import Auth
from serve_app.deployments.desk_identity import Doorkeeping, IdentityDesk
from tests.fakes.small_graph import SmallGraph

SECRET = b"a secret for tests, of 32 bytes and more"
PASSWORD = "a long password of theirs"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
RULE = Auth(mode="jwt")


class CountedPasswords:
    """``looked``: how often a password was held against a hash."""

    def __init__(self) -> None:
        self.looked: list[tuple[str, str]] = []

    def hashed(self, password: str) -> str:
        return f"hash of {password}"

    def fits(self, password: str, hashed: str) -> bool:
        self.looked.append((password, hashed))
        return hashed == f"hash of {password}"


class SmallIdentity:
    """``users``: names and roles; each has ``PASSWORD``."""

    def __init__(self, users: dict[str, Role], rule: Auth = RULE, store: Any = None) -> None:
        self.store = MemoryIdentities() if store is None else store
        self.tokens, self.passwords, self.audit = JwtTokens(SECRET), CountedPasswords(), MemoryAudit()
        for name, role in users.items():
            self.store.add(User(name, None, role, self.passwords.hashed(PASSWORD), True, BEGAN))
        self.graph = SmallGraph()
        given = Doorkeeping(self.store, self.tokens, self.passwords, self.audit)
        self.desk = self.graph.identity = IdentityDesk(given, rule, self.graph.use_cases)

    def claims(self, user: str, kind: Kind = "access", lives_s: float = 600.0, **changes: Any) -> Claims:
        now = time.time()
        return replace(Claims(user, "user", kind, "id", "session", now, now + lives_s), **changes)

    def token(self, user: str, kind: Kind = "access", lives_s: float = 600.0) -> str:
        return self.tokens.signed(self.claims(user, kind, lives_s))

    def bearer(self, user: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(user)}"}

    def told(self) -> list[tuple[str, str, dict[str, Any]]]:
        """The audit log, oldest first; beside the detail from where, before and after."""
        return [
            (each.by, each.action, {**each.detail, **_sides(each)}) for each in reversed(self.audit.page(limit=1000))
        ]


def _sides(entry: Audited) -> dict[str, Any]:
    sides = {"address": entry.address, "before": entry.before, "after": entry.after}
    return {name: side for name, side in sides.items() if side is not None}
