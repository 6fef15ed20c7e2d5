"""Whether somebody is asked who they are, and by whom: put together over the configured store."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import ray

from serve_app.adapters.serve_config_file import LOOPBACK
from serve_app.core.errors import BadConfig
from serve_app.core.platform import Platform
from serve_app.core.ports import AuditLog

if TYPE_CHECKING:
    from serve_app.deployments.desk_identity import IdentityDesk

log = logging.getLogger("understudy.identity")


def open_identity(
    platform: Platform, audit: AuditLog, known: Callable[[], Mapping[str, object]]
) -> IdentityDesk | None:
    """None for ``auth.mode: local``. Raises BadConfig for an address that others reach, without a login."""
    if platform.auth.mode == "local":
        refuse_others(served_on())
        return None
    return _opened(platform, audit, known)


def refuse_others(host: str | None) -> None:
    """Raises BadConfig. The start command looks at serve_config.yaml before; whoever calls Serve themselves is
    told here."""
    if host is not None and host not in LOOPBACK:
        raise BadConfig(f"http_options.host is {host!r}; expected 127.0.0.1 while auth.mode is local (no token needed)")


def served_on() -> str | None:
    """The address that Serve listens on; None where no Serve runs, as in a test of one process."""
    if not ray.is_initialized():
        return None
    from ray.serve.context import _get_global_client

    client = _get_global_client(raise_if_no_controller_running=False)
    return None if client is None else client.http_config.host


def _opened(platform: Platform, audit: AuditLog, known: Callable[[], Mapping[str, object]]) -> IdentityDesk:
    """What it takes is imported here: without a login no process carries it."""
    from serve_app.adapters.argon2_passwords import Argon2Passwords
    from serve_app.adapters.first_admin import add_first_admin
    from serve_app.adapters.jwt_secret import secret_of
    from serve_app.adapters.jwt_tokens import JwtTokens
    from serve_app.adapters.sql_identity import open_identities
    from serve_app.deployments.desk_identity import Doorkeeping, IdentityDesk

    store = open_identities(platform.store, Path(platform.state))
    given = Doorkeeping(store, JwtTokens(secret_of(platform)), Argon2Passwords(), audit)
    add_first_admin(store, given.passwords, audit, os.environ, None)
    if not store.all():
        log.warning("there is no user yet: set ADMIN_PASSWORD, or run `understudy password NAME`")
    return IdentityDesk(given, platform.auth, known)
