"""The audit log in SQLite (embedded) or PostgreSQL (production), in the event log's database."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from serve_app.adapters.sql_rows import AUDITED, escaped
from serve_app.adapters.sql_store import SqlStore, made_ready
from serve_app.adapters.sql_tables import audit_log
from serve_app.core.jobs import Audited
from serve_app.core.platform import Store


def open_audit(store: Store, state: Path) -> SqlAudit:
    """The configured log, its schema brought up to date. Raises like ``made_ready``."""
    return SqlAudit(made_ready(store, state), synchronous=store.synchronous, timeout_s=store.timeout_s)


class SqlAudit(SqlStore):
    def append(self, entry: Audited) -> None:
        with self._writing() as connection:
            connection.execute(self._insert_new(audit_log), AUDITED.row(entry))

    def page(self, use_case: str | None = None, before: str | None = None, limit: int = 50) -> list[Audited]:
        query = select(audit_log)
        if use_case is not None:
            query = query.where(audit_log.c.use_case == escaped(use_case))
        if before is not None:
            query = query.where(audit_log.c.id < escaped(before))
        with self._reading() as connection:
            rows = connection.execute(query.order_by(audit_log.c.id.desc()).limit(limit)).mappings().all()
        return [AUDITED.of(row) for row in rows]
