"""The event log's tables. ``serve_app/adapters/migrations`` creates them; a test keeps both the same.

JSON is held as text and never as PostgreSQL's ``json`` or ``jsonb``: the one refuses some characters
a client may send, the other reorders keys and rewrites numbers.
"""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Double, ForeignKey, Index, Integer, MetaData, Table, Text

metadata = MetaData()

# Ids are compared byte by byte everywhere: a locale's order would page differently on each database.
KEY = Text().with_variant(Text(collation="C"), "postgresql")

predictions = Table(
    "predictions",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("use_case", KEY, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("features", Text, nullable=False),
    Column("student", Text),
    Column("teacher", Text),
    Column("answer", Text, nullable=False),
    Column("model_version", Text),
    Column("policy_version", Text, nullable=False),
    Column("schema_version", Text, nullable=False),
    Column("propensity", Double, nullable=False),
    Column("cost_usd", Double, nullable=False),
    Column("latency_ms", Double, nullable=False),
    Column("request_id", Text),
    # Not "user": PostgreSQL reads an unquoted one as the name of the database's own user.
    Column("user_name", Text, key="user"),
    # ``at`` rides along so that "since" is answered from the index.
    Index("ix_predictions_use_case_id", "use_case", "id", "at"),
)

labels = Table(
    "labels",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("prediction_id", KEY, ForeignKey("predictions.id", name="fk_labels_prediction"), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("by", Text, nullable=False),
    Column("label", Text),
    Column("value", Double),
    Column("note", Text),
    Index("ix_labels_prediction_id", "prediction_id", "at", "id"),
)

# One row that ``ping`` rewrites: only a committed write shows that the disk still takes one.
heartbeat = Table(
    "heartbeat",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
