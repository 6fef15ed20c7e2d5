"""Predictions, labels, and the row that ``ping`` rewrites."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _predictions()
    _labels()
    op.create_table(
        "heartbeat",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", MOMENT, nullable=False),
    )


def downgrade() -> None:
    for table in ("heartbeat", "labels", "predictions"):
        op.drop_table(table)


def _predictions() -> None:
    op.create_table(
        "predictions",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("use_case", KEY, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("features", sa.Text, nullable=False),
        sa.Column("student", sa.Text),
        sa.Column("teacher", sa.Text),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("model_version", sa.Text),
        sa.Column("policy_version", sa.Text, nullable=False),
        sa.Column("schema_version", sa.Text, nullable=False),
        sa.Column("propensity", sa.Double, nullable=False),
        sa.Column("cost_usd", sa.Double, nullable=False),
        sa.Column("latency_ms", sa.Double, nullable=False),
        sa.Column("request_id", sa.Text),
        sa.Column("user_name", sa.Text),
    )
    op.create_index("ix_predictions_use_case_id", "predictions", ["use_case", "id", "at"])


def _labels() -> None:
    op.create_table(
        "labels",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("prediction_id", KEY, sa.ForeignKey("predictions.id", name="fk_labels_prediction"), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("label", sa.Text),
        sa.Column("value", sa.Double),
        sa.Column("note", sa.Text),
    )
    op.create_index("ix_labels_prediction_id", "labels", ["prediction_id", "at", "id"])
