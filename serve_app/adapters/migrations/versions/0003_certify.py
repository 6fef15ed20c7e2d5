"""What was chosen by chance; money, kept answers, the review queue, policies.

Only adds. A replica of the program before this reads and writes on beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = sa.DateTime(timezone=True)

AUDITED = sa.text("audit_rate IS NOT NULL")


def upgrade() -> None:
    _audited()
    _spending()
    _kept_answers()
    _reviews()
    _policies()


def downgrade() -> None:
    for table in ("policies", "reviews", "leases", "kept_answers", "reservations", "spending"):
        op.drop_table(table)
    op.drop_index("ix_predictions_audited", "predictions")
    op.drop_column("predictions", "audit_rate")


def _audited() -> None:
    op.add_column("predictions", sa.Column("audit_rate", sa.Double))
    columns = ["use_case", "id", "at"]
    op.create_index(
        "ix_predictions_audited", "predictions", columns, sqlite_where=AUDITED, postgresql_where=AUDITED
    )  # fmt: skip


def _spending() -> None:
    op.create_table(
        "spending",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("picodollars", sa.BigInteger, nullable=False),
        sa.Column("resets_at", MOMENT, nullable=False),
    )
    op.create_table(
        "reservations",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("keys", sa.Text, nullable=False),
        sa.Column("picodollars", sa.BigInteger, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("settled", sa.BigInteger),
    )
    op.create_index("ix_reservations_at", "reservations", ["at"])


def _kept_answers() -> None:
    op.create_table(
        "kept_answers",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
    )
    op.create_index("ix_kept_answers_expires_at", "kept_answers", ["expires_at"])


def _reviews() -> None:
    op.create_table(
        "leases",
        sa.Column("prediction_id", KEY, primary_key=True),
        sa.Column("use_case", KEY, nullable=False),
        sa.Column("by", KEY, nullable=False),
        sa.Column("until", MOMENT, nullable=False),
    )
    op.create_table(
        "reviews",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("prediction_id", KEY, nullable=False),
        sa.Column("use_case", KEY, nullable=False),
        sa.Column("by", KEY, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("label", sa.Text),
        sa.Column("value", sa.Double),
    )
    op.create_index("ix_reviews_use_case", "reviews", ["use_case", "at", "id"])
    op.create_index("ix_reviews_prediction_id", "reviews", ["prediction_id"])


def _policies() -> None:
    op.create_table(
        "policies",
        sa.Column("version", KEY, primary_key=True),
        sa.Column("use_case", KEY, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
    )
