"""Jobs, the audit log, reports, shadows; and indexes by which what there is to learn is found.

Only adds. The indexes on ``predictions`` read the table once, and writers wait meanwhile.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = sa.DateTime(timezone=True)

TAUGHT = "teacher IS NOT NULL"
OPEN = "state IN ('PENDING', 'RUNNING')"


def upgrade() -> None:
    _lessons()
    _shadows()
    _jobs()
    _job_events()
    _audit_log()
    _reports()


def downgrade() -> None:
    for table in ("reports", "audit_log", "learning_job_events", "learning_jobs", "shadows"):
        op.drop_table(table)
    for index in ("ix_labels_use_case_at", "ix_labels_use_case"):
        op.drop_index(index, "labels")
    op.drop_column("labels", "use_case")
    for index in ("ix_predictions_taught_at", "ix_predictions_taught"):
        op.drop_index(index, "predictions")


def _lessons() -> None:
    _partial("ix_predictions_taught", "predictions", ["use_case", "id", "at"], TAUGHT)
    _partial("ix_predictions_taught_at", "predictions", ["use_case", "at"], TAUGHT)
    op.add_column("labels", sa.Column("use_case", KEY))
    op.execute("UPDATE labels SET use_case = (SELECT p.use_case FROM predictions p WHERE p.id = labels.prediction_id)")
    op.create_index("ix_labels_use_case", "labels", ["use_case", "prediction_id", "at"])
    op.create_index("ix_labels_use_case_at", "labels", ["use_case", "at", "prediction_id"])


def _shadows() -> None:
    op.create_table(
        "shadows",
        sa.Column("prediction_id", KEY, primary_key=True),
        sa.Column("model_version", KEY, primary_key=True),
        sa.Column("use_case", KEY, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
    )
    op.create_index("ix_shadows_newest", "shadows", ["use_case", "model_version", "at", "prediction_id"])


def _jobs() -> None:
    op.create_table(
        "learning_jobs",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("use_case", KEY, nullable=False),
        sa.Column("params", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("trigger", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("key", KEY),
        sa.Column("state", KEY, nullable=False),
        sa.Column("progress", sa.Integer, nullable=False),
        sa.Column("step", sa.Text),
        sa.Column("started_at", MOMENT),
        sa.Column("finished_at", MOMENT),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        sa.Column("error_code", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("result", sa.Text),
    )
    op.create_index("ix_learning_jobs_key", "learning_jobs", ["key"], unique=True)
    alone = f"kind IN ('train') AND {OPEN}"
    _partial("ix_learning_jobs_alone", "learning_jobs", ["use_case", "kind"], alone, unique=True)
    _partial("ix_learning_jobs_open", "learning_jobs", ["id"], OPEN)
    op.create_index("ix_learning_jobs_use_case", "learning_jobs", ["use_case", "id"])
    last = ["use_case", "kind", "finished_at", "id"]
    _partial("ix_learning_jobs_last", "learning_jobs", last, "state = 'COMPLETED'")


def _job_events() -> None:
    job = sa.ForeignKey("learning_jobs.id", name="fk_learning_job_events_job")
    op.create_table(
        "learning_job_events",
        sa.Column("job_id", KEY, job, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("step", sa.Text),
        sa.Column("progress", sa.Integer),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("inputs", sa.Text),
        sa.Column("outputs", sa.Text),
        sa.Column("duration_s", sa.Double),
        sa.Column("log", sa.Text),
    )


def _audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("use_case", KEY),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("ix_audit_log_use_case", "audit_log", ["use_case", "id"])


def _reports() -> None:
    op.create_table(
        "reports",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("use_case", KEY, nullable=False),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
    )
    op.create_index("ix_reports_newest", "reports", ["use_case", "kind", "at", "id"])


def _partial(name: str, table: str, columns: list[str], where: str, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
