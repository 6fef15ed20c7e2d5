"""Policies in SQLite (embedded) or PostgreSQL (production), in the event log's database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from serve_app.adapters.sql_rows import escaped, json_text, json_value, utc
from serve_app.adapters.sql_store import SqlStore, made_ready
from serve_app.adapters.sql_tables import policies
from serve_app.core.platform import Store


def open_policies(store: Store, state: Path) -> SqlPolicies:
    """The configured store, its schema brought up to date. Raises like ``made_ready``."""
    return SqlPolicies(made_ready(store, state), synchronous=store.synchronous, timeout_s=store.timeout_s)


class SqlPolicies(SqlStore):
    def put(self, version: str, use_case: str, content: Mapping[str, Any], at: datetime) -> None:
        row = {
            "version": escaped(version),
            "use_case": escaped(use_case),
            "content": json_text(dict(content)),
            "at": utc(at),
        }
        with self._writing() as connection:
            connection.execute(self._insert_new(policies), row)

    def get(self, version: str) -> Mapping[str, Any] | None:
        query = select(policies.c.content).where(policies.c.version == escaped(version))
        with self._reading() as connection:
            found = connection.execute(query).scalar()
        kept: Mapping[str, Any] | None = None if found is None else json_value(found)
        return kept
