"""Who may ask, in the event log's database."""

from __future__ import annotations

from pathlib import Path

from serve_app.adapters.sql_keys import SqlApiKeys
from serve_app.adapters.sql_login_locks import SqlLoginLocks
from serve_app.adapters.sql_store import made_ready
from serve_app.adapters.sql_users import SqlUsers
from serve_app.core.platform import Store


def open_identities(store: Store, state: Path) -> SqlIdentities:
    """The configured store, its schema brought up to date. Raises like ``made_ready``."""
    return SqlIdentities(made_ready(store, state), synchronous=store.synchronous, timeout_s=store.timeout_s)


class SqlIdentities(SqlUsers, SqlApiKeys, SqlLoginLocks):
    """One pool of connections for the three."""
