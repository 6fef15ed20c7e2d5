"""What a login needs, made before anything starts: the secret, and somebody who can log in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from serve_app.core.platform import Platform

if TYPE_CHECKING:
    from serve_app.adapters.operator_token import Operator


def ready_for_logins(platform: Platform) -> Operator | None:
    """Shows the first admin's password where it is made here: this once, and nowhere else. That of the environment
    goes no further than this process. None where nobody logs in. Raises BadConfig, StoreUnavailable."""
    from serve_app.adapters.first_admin import PASSWORD

    if platform.auth.mode == "jwt":
        from serve_app.adapters.operator_token import Operator

        _first_admin(platform)
        operator = Operator(platform)
    else:
        operator = None
    os.environ.pop(PASSWORD, None)  # else every process of Ray has it, and its dashboard shows it
    return operator


def _first_admin(platform: Platform) -> None:
    from serve_app.adapters.argon2_passwords import Argon2Passwords
    from serve_app.adapters.first_admin import PASSWORD, add_first_admin, invented, name_of
    from serve_app.adapters.sql_audit import open_audit
    from serve_app.adapters.sql_identity import open_identities

    where = (platform.store, Path(platform.state))
    store, audit, password = open_identities(*where), open_audit(*where), invented()
    try:
        made = add_first_admin(store, Argon2Passwords(), audit, os.environ, password)
    finally:
        store.close()
        audit.close()
    if made and not os.environ.get(PASSWORD):
        print(f"\n    the first admin: {name_of(os.environ)}   password: {password}   (shown this once)\n", flush=True)
