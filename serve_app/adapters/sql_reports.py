"""Reports in SQLite (embedded) or PostgreSQL (production), in the event log's database."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from serve_app.adapters.sql_rows import REPORT, escaped
from serve_app.adapters.sql_store import SqlStore, made_ready
from serve_app.adapters.sql_tables import reports
from serve_app.core.jobs import Report
from serve_app.core.platform import Store


def open_reports(store: Store, state: Path) -> SqlReports:
    """The configured store, its schema brought up to date. Raises like ``made_ready``."""
    return SqlReports(made_ready(store, state), synchronous=store.synchronous, timeout_s=store.timeout_s)


class SqlReports(SqlStore):
    def put(self, report: Report) -> None:
        row = REPORT.row(report)
        insert = self._insert(reports).values(row).on_conflict_do_update(index_elements=["id"], set_=row)
        with self._writing() as connection:
            connection.execute(insert)

    def latest(self, use_case: str, kind: str) -> Report | None:
        return next(iter(self.newest(use_case, kind, limit=1)), None)

    def newest(self, use_case: str, kind: str, limit: int = 20) -> list[Report]:
        query = select(reports).where(reports.c.use_case == escaped(use_case), reports.c.kind == escaped(kind))
        query = query.order_by(reports.c.at.desc(), reports.c.id.desc()).limit(limit)
        with self._reading() as connection:
            return [REPORT.of(row) for row in connection.execute(query).mappings()]
