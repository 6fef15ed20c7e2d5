"""The audit log in SQLite (embedded) or PostgreSQL (production), in the event log's database.

Triggers refuse to change or to delete an entry that is in the chain. Whoever may drop them can do both; the hashes
are what shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, select, text, update

from serve_app.adapters.sql_rows import AUDITED, escaped, utc
from serve_app.adapters.sql_store import SqlStore, made_ready
from serve_app.adapters.sql_tables import LOOSE, audit_log
from serve_app.core.audit import EXACT, PLACE, Audited, AuditFilter, Head, Unreadable, chained, head_of
from serve_app.core.platform import Store

PAGE = 500
"""Entries of a walk that are in memory at once."""

_LOCK = 0x6175646974  # any number but the migrations', the same in every replica


def open_audit(store: Store, state: Path) -> SqlAudit:
    """The configured log, its schema brought up to date. Raises like ``made_ready``."""
    return SqlAudit(made_ready(store, state), synchronous=store.synchronous, timeout_s=store.timeout_s)


class SqlAudit(SqlStore):
    def append(self, entry: Audited) -> None:
        utc(entry.at)
        with self._writing() as connection:
            chain_on(connection, entry)

    def page(self, which: AuditFilter | None = None, before: int | None = None, limit: int = 50) -> list[Audited]:
        query = _narrowed(select(audit_log).where(audit_log.c.seq.is_not(None)), which or AuditFilter())
        if before is not None:
            query = query.where(audit_log.c.seq < before)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(audit_log.c.seq.desc()).limit(limit)).mappings().all()
        return [AUDITED.of(row) for row in rows]

    def head(self) -> Head:
        with self._reading() as connection:
            return _head(connection)

    def walk(self) -> Iterator[Audited | Unreadable]:
        after: Any = None
        while page := self._places(after):
            yield from self._entries([id for _, id in page])
            after = page[-1][0]
        with self._reading() as connection:
            loose = connection.execute(select(audit_log.c.id).where(text(LOOSE))).scalars().all()
        yield from (Unreadable(None, str(id), "it has no place") for id in loose)

    def _places(self, after: Any) -> list[tuple[Any, Any]]:
        """As they lie there: where somebody wrote past the log, a place need not even be a number."""
        query = select(audit_log.c.seq, audit_log.c.id).where(audit_log.c.seq.is_not(None))
        if after is not None:
            query = query.where(audit_log.c.seq > after)
        with self._reading() as connection:
            return [(seq, id) for seq, id in connection.execute(query.order_by(audit_log.c.seq).limit(PAGE))]

    def _entries(self, ids: list[Any]) -> Iterator[Audited | Unreadable]:
        query = select(audit_log).where(audit_log.c.id.in_(ids)).order_by(audit_log.c.seq)
        try:
            with self._reading() as connection:
                yield from [AUDITED.of(row) for row in connection.execute(query).mappings()]
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            if len(ids) == 1:
                yield Unreadable(self._seq(ids[0]), str(ids[0]), type(error).__name__)
            else:  # one of them it is
                for id in ids:
                    yield from self._entries([id])

    def _seq(self, id: Any) -> Any:
        with self._reading() as connection:
            return connection.execute(select(audit_log.c.seq).where(audit_log.c.id == id)).scalar_one_or_none()


def chain_on(connection: Connection, entry: Audited) -> None:
    """Within a transaction that writes. An id that is there already is left as it is."""
    _alone(connection)
    if connection.execute(select(audit_log.c.id).where(audit_log.c.id == escaped(entry.id))).first():
        return
    head = _with_loose(connection, _head(connection))
    connection.execute(audit_log.insert(), AUDITED.row(chained(entry, head)))


def _alone(connection: Connection) -> None:
    """Waits for whoever else appends. On SQLite the transaction itself is the lock."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _head(connection: Connection) -> Head:
    query = select(audit_log.c.seq, audit_log.c.hash).where(audit_log.c.seq.is_not(None))
    last = connection.execute(query.order_by(audit_log.c.seq.desc()).limit(1)).first()
    return Head() if last is None else Head(last.seq, last.hash)


def _with_loose(connection: Connection, head: Head) -> Head:
    """Takes along what a replica of the program before wrote meanwhile, which knows of no chain."""
    loose = select(audit_log).where(text(LOOSE)).order_by(audit_log.c.id)
    for row in connection.execute(loose).mappings().all():
        entry = chained(AUDITED.of(row), head)
        placed = {name: getattr(entry, name) for name in PLACE}
        connection.execute(update(audit_log).where(audit_log.c.id == row["id"]).values(placed))
        head = head_of(entry)
    return head


def _narrowed(query: Select[Any], which: AuditFilter) -> Select[Any]:
    for name in EXACT:
        if (wanted := getattr(which, name)) is not None:
            query = query.where(audit_log.c[name] == escaped(wanted))
    if which.since is not None:
        query = query.where(audit_log.c.at >= utc(which.since))
    if which.until is not None:
        query = query.where(audit_log.c.at < utc(which.until))
    return query
