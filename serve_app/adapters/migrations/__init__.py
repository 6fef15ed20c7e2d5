"""The event log's schema, brought up to date by Alembic.

A new version is a file in ``versions``, and its number goes into ``HEAD``. Replicas of the old
program go on running while the new one starts: add tables and nullable columns, drop them a release later.
"""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import URL, Connection, column, select, table, text

from serve_app.adapters.sql_engine import open_engine, store_errors, writing
from serve_app.core.errors import BadConfig

HEAD = "0005"
"""The version this program was written for; known here so that an ordinary start needs no Alembic."""

VERSION_TABLE = "event_log_version"
"""Not Alembic's own name for it: MLflow's tables may live in the same database."""

_LOCK = 0x756E6465727374  # any number, the same in every replica
_one_at_a_time = threading.Lock()  # Alembic keeps its current migration in module globals


def migrate(url: str | URL, timeout_s: float = 10.0) -> None:
    """Brings the schema to HEAD, making an SQLite file that is not there. Replicas that start at the
    same moment wait for the first. Raises StoreUnavailable, or BadConfig for a schema that is newer."""
    engine = open_engine(url, timeout_s=timeout_s, create=True)
    try:
        with store_errors():
            with engine.begin() as connection:
                if _is_current(connection):
                    return
            with writing(engine).begin() as connection:
                _alone(connection)
                if not _is_current(connection):
                    _upgrade(connection)
    finally:
        engine.dispose()


def _is_current(connection: Connection) -> bool:
    if not connection.dialect.has_table(connection, VERSION_TABLE):
        return False
    found = connection.execute(select(column("version_num")).select_from(table(VERSION_TABLE))).scalar_one_or_none()
    if found is not None and found > HEAD:
        raise BadConfig(f"the event log has schema {found}, which this program (schema {HEAD}) is too old for")
    return found == HEAD


def _alone(connection: Connection) -> None:
    """Waits for other replicas. On SQLite the transaction itself is the lock."""
    if connection.dialect.name != "postgresql":
        return
    connection.execute(text("SET LOCAL statement_timeout = 0"))  # a migration may take as long as it takes
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise BadConfig(f"the event log's database has the encoding {encoding}, expected UTF8")


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    with _one_at_a_time:
        command.upgrade(config, "head")
