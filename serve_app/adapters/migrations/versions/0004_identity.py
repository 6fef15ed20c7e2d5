"""Who may log in: users, their families of tokens, tries, keys for machines.

Only adds. A replica of the program before this asks nobody who they are, and goes on so beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _users()
    _families()
    _tries()
    _keys()


def downgrade() -> None:
    for table in ("api_keys", "login_tries", "login_families", "login_users"):
        op.drop_table(table)


def _users() -> None:
    op.create_table(
        "login_users",
        sa.Column("name", KEY, primary_key=True),
        sa.Column("email", sa.Text),
        sa.Column("role", KEY, nullable=False),
        sa.Column("password", sa.Text, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("tokens_from", MOMENT, nullable=False),
    )


def _families() -> None:
    op.create_table(
        "login_families",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("user_name", KEY, nullable=False),
        sa.Column("current", KEY, nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
    )
    op.create_index("ix_login_families_user", "login_families", ["user_name", "ended_at"])
    op.create_index("ix_login_families_expires_at", "login_families", ["expires_at"])


def _tries() -> None:
    op.create_table(
        "login_tries",
        sa.Column("key", KEY, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("until", MOMENT, nullable=False),
    )
    op.create_index("ix_login_tries_until", "login_tries", ["until"])


def _keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("name", KEY, nullable=False),
        sa.Column("digest", KEY, nullable=False),
        sa.Column("role", KEY, nullable=False),
        sa.Column("use_cases", sa.Text),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT),
    )
    op.create_index("ix_api_keys_digest", "api_keys", ["digest"], unique=True)
