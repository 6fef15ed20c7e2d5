"""What Alembic runs: the migrations, inside the transaction that ``migrate`` has opened."""

from __future__ import annotations

from alembic import context

from serve_app.adapters.migrations import VERSION_TABLE
from serve_app.adapters.sql_tables import metadata


def run() -> None:
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=metadata, version_table=VERSION_TABLE)
    context.run_migrations()


if __name__ == "env_py":  # Alembic's name for this file; importing it does nothing
    run()
