"""The store's tables: the event log, jobs, the audit log, reports, money, the review queue, who may log in.
``serve_app/adapters/migrations`` creates them; a test keeps both the same.

JSON is held as text and never as PostgreSQL's ``json`` or ``jsonb``: the one refuses some characters
a client may send, the other reorders keys and rewrites numbers. No table has a name of MLflow's (which
has ``jobs``): both may live in one database.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)

metadata = MetaData()

# What partial indexes hold. Queries repeat them to the letter: with bound values in their place SQLite
# could not tell that the index serves.
TAUGHT = "teacher IS NOT NULL"
OPEN_JOB = "state IN ('PENDING', 'RUNNING')"
AUDITED = "audit_rate IS NOT NULL"
ALONE_JOB = f"kind IN ('train') AND {OPEN_JOB}"
LOOSE = "seq IS NULL"
COMPLETED_JOB = "state = 'COMPLETED'"


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


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
    Column("audit_rate", Double),
    # ``at`` rides along so that "since" is answered from the index.
    Index("ix_predictions_use_case_id", "use_case", "id", "at"),
    # Few of many rows were seen by the teacher; ``lessons`` and ``new_labels`` look at no others.
    _partial("ix_predictions_taught", "use_case", "id", "at", where=TAUGHT),
    _partial("ix_predictions_taught_at", "use_case", "at", where=TAUGHT),
    # Few of those that the teacher saw were chosen by chance; certificates rest on no others.
    _partial("ix_predictions_audited", "use_case", "id", "at", where=AUDITED),
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
    # The prediction's own, repeated so that one use case's labels are found without reading its predictions.
    # NULL where a replica of the program before this column wrote it.
    Column("use_case", KEY),
    Index("ix_labels_prediction_id", "prediction_id", "at", "id"),
    Index("ix_labels_use_case", "use_case", "prediction_id", "at"),  # lessons
    Index("ix_labels_use_case_at", "use_case", "at", "prediction_id"),  # new_labels
)

# One row that ``ping`` rewrites: only a committed write shows that the disk still takes one.
heartbeat = Table(
    "heartbeat",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False),
)

# No foreign key: a shadow may be written before the prediction it belongs to is committed.
shadows = Table(
    "shadows",
    metadata,
    Column("prediction_id", KEY, primary_key=True),
    Column("model_version", KEY, primary_key=True),
    Column("use_case", KEY, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("answer", Text, nullable=False),
    Index("ix_shadows_newest", "use_case", "model_version", "at", "prediction_id"),
)

jobs = Table(
    "learning_jobs",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("kind", KEY, nullable=False),
    Column("use_case", KEY, nullable=False),
    Column("params", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("key", KEY),
    Column("state", KEY, nullable=False),
    Column("progress", Integer, nullable=False),
    Column("step", Text),
    Column("started_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    Column("cancel_requested", Boolean, nullable=False),
    Column("error_code", Text),
    Column("error", Text),
    Column("result", Text),
    Index("ix_learning_jobs_key", "key", unique=True),
    # The database itself keeps a second retrain out, whoever asks for it and however many at once.
    _partial("ix_learning_jobs_alone", "use_case", "kind", where=ALONE_JOB, unique=True),
    _partial("ix_learning_jobs_open", "id", where=OPEN_JOB),  # unfinished: looked for every few seconds
    Index("ix_learning_jobs_use_case", "use_case", "id"),  # page
    _partial("ix_learning_jobs_last", "use_case", "kind", "finished_at", "id", where=COMPLETED_JOB),  # last_finished
)

job_events = Table(
    "learning_job_events",
    metadata,
    Column("job_id", KEY, ForeignKey("learning_jobs.id", name="fk_learning_job_events_job"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("what", Text, nullable=False),
    Column("step", Text),
    Column("progress", Integer),
    Column("detail", Text, nullable=False),
    Column("inputs", Text),
    Column("outputs", Text),
    Column("duration_s", Double),
    Column("log", Text),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("by", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("use_case", KEY),
    Column("detail", Text, nullable=False),
    Column("target", KEY),
    Column("address", Text),
    Column("before", Text),
    Column("after", Text),
    # None in what a replica of the program before the chain writes, until the next entry takes it along.
    Column("seq", BigInteger),
    Column("previous", Text),
    Column("hash", Text),
    Index("ix_audit_log_seq", "seq", unique=True),
    Index("ix_audit_log_use_case_seq", "use_case", "seq"),
    Index("ix_audit_log_by_seq", "by", "seq"),
    Index("ix_audit_log_action_seq", "action", "seq"),
    Index("ix_audit_log_target_seq", "target", "seq"),
    _partial("ix_audit_log_loose", "id", where=LOOSE),
)

reports = Table(
    "reports",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("use_case", KEY, nullable=False),
    Column("kind", KEY, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("content", Text, nullable=False),
    Index("ix_reports_newest", "use_case", "kind", "at", "id"),
)

# Money is counted in millionths of a millionth of a dollar: whole numbers add up exactly on every database.
spending = Table(
    "spending",
    metadata,
    Column("key", KEY, primary_key=True),
    Column("picodollars", BigInteger, nullable=False),
    Column("resets_at", DateTime(timezone=True), nullable=False),
)

reservations = Table(
    "reservations",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("keys", Text, nullable=False),
    Column("picodollars", BigInteger, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("settled", BigInteger),
    Index("ix_reservations_at", "at"),  # old ones are forgotten
)

kept_answers = Table(
    "kept_answers",
    metadata,
    Column("key", KEY, primary_key=True),
    Column("answer", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("ix_kept_answers_expires_at", "expires_at"),
)

leases = Table(
    "leases",
    metadata,
    Column("prediction_id", KEY, primary_key=True),
    Column("use_case", KEY, nullable=False),
    Column("by", KEY, nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
)

reviews = Table(
    "reviews",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("prediction_id", KEY, nullable=False),
    Column("use_case", KEY, nullable=False),
    Column("by", KEY, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("label", Text),
    Column("value", Double),
    Index("ix_reviews_use_case", "use_case", "at", "id"),
    Index("ix_reviews_prediction_id", "prediction_id"),
)

policies = Table(
    "policies",
    metadata,
    Column("version", KEY, primary_key=True),
    Column("use_case", KEY, nullable=False),
    Column("content", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)

login_users = Table(
    "login_users",
    metadata,
    Column("name", KEY, primary_key=True),
    Column("email", Text),
    Column("role", KEY, nullable=False),
    Column("password", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("tokens_from", DateTime(timezone=True), nullable=False),
)

login_families = Table(
    "login_families",
    metadata,
    Column("id", KEY, primary_key=True),
    # Not "user": PostgreSQL reads an unquoted one as the name of the database's own user.
    Column("user_name", KEY, key="user", nullable=False),
    Column("current", KEY, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Index("ix_login_families_user", "user", "ended_at"),
    Index("ix_login_families_expires_at", "expires_at"),  # old ones are forgotten
)

login_tries = Table(
    "login_tries",
    metadata,
    Column("key", KEY, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
    Index("ix_login_tries_until", "until"),  # old ones are forgotten
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("name", KEY, nullable=False),
    Column("digest", KEY, nullable=False),
    Column("role", KEY, nullable=False),
    Column("use_cases", Text),
    Column("by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    Index("ix_api_keys_digest", "digest", unique=True),
)
