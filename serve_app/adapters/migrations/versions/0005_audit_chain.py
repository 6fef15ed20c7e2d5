"""The audit log as one chain: what was done to what, from where, before and after; a place and hashes. What is
there already is chained in the order of its ids.

Only adds, but for an index. A replica of the program before this writes on beside it: entries without a place,
which the next entry of a replica of this one takes along.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from serve_app.core.audit import Audited, Head, chained, head_of

revision = "0005"
down_revision = "0004"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
PAGE = 1000

SQLITE = (
    """CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log WHEN OLD.seq IS NOT NULL
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
    """CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
    # INSERT OR REPLACE deletes without asking the trigger before this.
    """CREATE TRIGGER audit_log_no_replace BEFORE INSERT ON audit_log
        WHEN EXISTS (SELECT 1 FROM audit_log WHERE id = NEW.id OR seq = NEW.seq)
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
)
POSTGRESQL = (
    """CREATE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$""",
    """CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log FOR EACH ROW WHEN (OLD.seq IS NOT NULL)
        EXECUTE FUNCTION audit_log_refuse()""",
    """CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log FOR EACH ROW
        EXECUTE FUNCTION audit_log_refuse()""",
    """CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON audit_log FOR EACH STATEMENT
        EXECUTE FUNCTION audit_log_refuse()""",
)


def upgrade() -> None:
    for name, kind in (("target", KEY), *((each, sa.Text()) for each in ("address", "before", "after"))):
        op.add_column("audit_log", sa.Column(name, kind))
    for name, number in (("seq", sa.BigInteger()), ("previous", sa.Text()), ("hash", sa.Text())):
        op.add_column("audit_log", sa.Column(name, number))
    _chain()
    op.drop_index("ix_audit_log_use_case", "audit_log")
    op.create_index("ix_audit_log_seq", "audit_log", ["seq"], unique=True)
    for name in ("use_case", "by", "action", "target"):
        op.create_index(f"ix_audit_log_{name}_seq", "audit_log", [name, "seq"])
    loose = sa.text("seq IS NULL")
    op.create_index("ix_audit_log_loose", "audit_log", ["id"], sqlite_where=loose, postgresql_where=loose)
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_log_refuse CASCADE")
    else:
        for name in ("audit_log_no_update", "audit_log_no_delete", "audit_log_no_replace"):
            op.execute(f"DROP TRIGGER {name}")
    op.drop_index("ix_audit_log_loose", "audit_log")
    for name in ("use_case", "by", "action", "target"):
        op.drop_index(f"ix_audit_log_{name}_seq", "audit_log")
    op.drop_index("ix_audit_log_seq", "audit_log")
    for name in ("hash", "previous", "seq", "after", "before", "address", "target"):
        op.drop_column("audit_log", name)
    op.create_index("ix_audit_log_use_case", "audit_log", ["use_case", "id"])


def _chain() -> None:
    names = ("id", "at", "by", "action", "use_case", "detail", "seq", "previous", "hash")
    kinds = {"at": sa.DateTime(timezone=True), "seq": sa.BigInteger()}
    table = sa.table("audit_log", *(sa.column(name, kinds.get(name, KEY)) for name in names))
    said = [table.c[name] for name in names[:6]]
    connection, head, last = op.get_bind(), Head(), ""
    while rows := connection.execute(
        sa.select(*said).where(table.c.id > last).order_by(table.c.id).limit(PAGE)
    ).all():  # fmt: skip
        for row in rows:
            entry = chained(_entry(*row), head)
            placed = {"seq": entry.seq, "previous": entry.previous, "hash": entry.hash}
            connection.execute(table.update().where(table.c.id == row.id).values(placed))
            head, last = head_of(entry), row.id


def _entry(id: str, at: datetime, by: str, action: str, use_case: str | None, detail: str) -> Audited:
    moment = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    said = json.loads(_unescaped(detail[1:]) if detail.startswith("\\") else detail)
    name = None if use_case is None else _unescaped(use_case)
    return Audited(_unescaped(id), moment, _unescaped(by), _unescaped(action), name, said)


def _unescaped(text: str) -> Any:
    """As rows were written when this was made."""
    return re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)
