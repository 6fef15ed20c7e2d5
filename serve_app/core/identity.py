"""People and machines that may ask, and how long what they show is good.

User    ──logs in──▶ Family of tokens: one refresh token at a time, each good once
ApiKey  for a machine: shown once, kept as its digest, for some use cases, until a day
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from serve_app.core.caller import RANK, Role
from serve_app.core.errors import LastAdmin

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.@\-]{0,99}$"
EMAIL = r"^[^@\s\x00]{1,64}@[^@\s\x00]{1,190}$"

RESERVED = frozenset({"local", "anonymous", "schedule", "api", "operator", "understudy", "gate"})
"""The audit log calls others so, who are no users; nor may anybody be called so in other letters."""

KEY_ROLES: tuple[Role, ...] = ("user", "reviewer")
KEY_PREFIX = "us_"
MACHINE = "key:"
"""No user's name has a colon: what a key asked for is never a user's own."""

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class User:
    """``tokens_from``: tokens issued before it are void."""

    name: str
    email: str | None
    role: Role
    password: str
    enabled: bool
    created_at: datetime
    tokens_from: datetime = ALWAYS

    def shown(self) -> dict[str, Any]:
        """All but what the password is kept as."""
        about = {"name": self.name, "email": self.email, "role": self.role, "enabled": self.enabled}
        return {**about, "created_at": self.created_at.isoformat()}


@dataclass(frozen=True, slots=True)
class Change:
    """Of a user; None leaves it. ``password`` is kept as it stands here: hash it first."""

    enabled: bool | None = None
    role: Role | None = None
    password: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a token is held against: ``ended`` are the user's sessions that ended while tokens of theirs may live."""

    role: Role
    enabled: bool
    tokens_from: datetime
    ended: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Family:
    """One login. ``current``: the id of the one refresh token that is good; who shows an earlier one has it from
    somebody else, or somebody else has it, so that all of them end."""

    id: str
    user: str
    current: str
    started_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None


Rotation = Literal["rotated", "reused", "ended"]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """``digest`` of the key itself, which is kept nowhere. ``use_cases``: None is all of them."""

    id: str
    name: str
    digest: str
    role: Role
    use_cases: list[str] | None
    by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None

    def is_good(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at

    def shown(self) -> dict[str, Any]:
        moments = {"created_at": self.created_at, "expires_at": self.expires_at, "revoked_at": self.revoked_at}
        about = {"id": self.id, "name": self.name, "role": self.role, "use_cases": self.use_cases, "by": self.by}
        return {**about, **{name: moment and moment.isoformat() for name, moment in moments.items()}}


def is_name(text: str) -> bool:
    return re.fullmatch(NAME, text) is not None and text.lower() not in RESERVED


def digest_of(secret: str) -> str:
    """Of an API key: it is random and long, so that nothing slow is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def changed(user: User, change: Change, now: datetime, admins: Collection[str]) -> User:
    """``user`` after ``change``; whatever it is, they must log in again. ``admins``: the names of those that are
    enabled. Raises LastAdmin."""
    after = replace(
        user,
        enabled=user.enabled if change.enabled is None else change.enabled,
        role=change.role or user.role,
        password=change.password or user.password,
        tokens_from=now,
    )
    if not (after.enabled and after.role == "admin") and set(admins) == {user.name}:
        raise LastAdmin(f"{user.name} is the last admin who may log in, and stays one")
    return after


def difference(before: User, after: User) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What the audit log says of a change: of a password only that it is another."""
    names = [name for name in ("enabled", "role") if getattr(before, name) != getattr(after, name)]
    sides = [{name: getattr(side, name) for name in names} for side in (before, after)]
    if before.password != after.password:
        sides = [{**sides[0], "password": "as it was"}, {**sides[1], "password": "another"}]
    return sides[0], sides[1]


def no_higher(role: Role, than: Role) -> bool:
    return RANK[role] <= RANK[than]
