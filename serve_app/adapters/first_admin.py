"""The first admin, where there is no user yet: ADMIN_USERNAME, ADMIN_PASSWORD, ADMIN_EMAIL."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime

from ulid import ULID

from serve_app.core.audit import Audited
from serve_app.core.errors import BadConfig, InvalidInput
from serve_app.core.identity import User
from serve_app.core.identity_asked import check_user
from serve_app.core.identity_ports import Passwords, Users
from serve_app.core.ports import AuditLog

NAME, PASSWORD, EMAIL = "ADMIN_USERNAME", "ADMIN_PASSWORD", "ADMIN_EMAIL"


def invented() -> str:
    """A password of 120 bits."""
    return secrets.token_urlsafe(15)


def name_of(environ: Mapping[str, str]) -> str:
    return environ.get(NAME, "").strip() or "admin"


def add_first_admin(
    users: Users, passwords: Passwords, audit: AuditLog, environ: Mapping[str, str], password: str | None
) -> bool:
    """Whether one was made. ``password``: where the environment gives none; without either nobody is made.
    Raises BadConfig for a name, a password or an address that is not taken."""
    given = environ.get(PASSWORD) or password
    if users.all() or not given:
        return False
    name, email = name_of(environ), environ.get(EMAIL, "").strip() or None
    try:
        check_user(name, given, email)
    except InvalidInput as error:
        lines = "; ".join(f"ADMIN_{each.field.upper()}: expected {each.expected}" for each in error.fields)
        raise BadConfig(lines.replace("ADMIN_NAME", NAME)) from None
    now = datetime.now(UTC)
    if not users.add(User(name, email, "admin", passwords.hashed(given), True, now)):
        return False
    after = {"role": "admin", "enabled": True}
    audit.append(Audited(str(ULID()), now, "operator", "user_created", None, {"name": name}, name, after=after))
    return True
