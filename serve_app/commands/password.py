"""``understudy password``: for whoever runs Understudy and cannot log in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from serve_app.adapters.sql_identity import SqlIdentities
    from serve_app.core.audit import Audited


def password(
    name: Annotated[str, typer.Argument(help="A user; the first admin, where there is no user yet.")],
    invent: Annotated[bool, typer.Option(help="Make a password, and show it.")] = False,
    enable: Annotated[bool, typer.Option(help="Let the user log in again as well.")] = False,
    configs: Annotated[Path, typer.Option(help="The folder of platform.yaml and use_cases.")] = Path("configs"),
) -> None:
    """Set a user's password in the store itself, whether or not Understudy runs. All their sessions end."""
    from serve_app.adapters.config_files import load_platform
    from serve_app.adapters.first_admin import invented
    from serve_app.adapters.sql_audit import open_audit
    from serve_app.adapters.sql_identity import open_identities

    platform = load_platform(configs / "platform.yaml", os.environ)
    where = (platform.store, Path(platform.state))
    given = invented() if invent else typer.prompt("the new password", hide_input=True, confirmation_prompt=True)
    store, audit = open_identities(*where), open_audit(*where)
    try:
        audit.append(_set(store, name, given, enable))
    finally:
        store.close()
        audit.close()
    print(f"✓ {name} has a new password" + (f": {given}" if invent else ""))


def _set(store: SqlIdentities, name: str, given: str, enable: bool) -> Audited:
    """What the audit log says of it. Raises UnknownUser, InvalidInput."""
    from datetime import UTC, datetime

    from ulid import ULID

    from serve_app.adapters.argon2_passwords import Argon2Passwords
    from serve_app.core.audit import Audited as Entry
    from serve_app.core.identity import Change, User, difference
    from serve_app.core.identity_asked import check_user

    check_user(name, given, None)
    hashed, now = Argon2Passwords().hashed(given), datetime.now(UTC)
    if not store.all() and store.add(User(name, None, "admin", hashed, True, now)):
        made = {"role": "admin", "enabled": True}
        return Entry(str(ULID()), now, "operator", "user_created", None, {"name": name}, name, after=made)
    before, after = difference(*store.change(name, Change(enable or None, None, hashed), now))
    named = ("operator", "user_changed", None, {"name": name}, name)
    return Entry(str(ULID()), now, *named, before=dict(before), after=dict(after))
