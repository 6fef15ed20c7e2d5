"""The event log in SQLite (embedded) or PostgreSQL (production), through one code path.

Every call is one transaction of its own, so one object serves many threads, and many processes may
share one database. An SQLite file must lie on a local disk: its locks do not hold over a network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, Select, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from serve_app.adapters.migrations import migrate
from serve_app.adapters.sql_engine import open_engine, store_errors, store_url, writing
from serve_app.adapters.sql_rows import escaped, label_of, label_row, prediction_of, prediction_row, utc
from serve_app.adapters.sql_tables import heartbeat, labels, predictions
from serve_app.core.errors import UnknownPrediction
from serve_app.core.events import Label, LoggedPrediction
from serve_app.core.platform import Store


def open_event_log(store: Store, state: Path) -> SqlEventLog:
    """The configured log, its folder made and its schema brought up to date.

    Raises BadConfig for a URL that is not served, StoreUnavailable when the database is away."""
    url = _located(store.url.get_secret_value(), state)
    if url.drivername == "sqlite":
        with store_errors():
            Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
    migrate(url, timeout_s=store.timeout_s)
    return SqlEventLog(url, synchronous=store.synchronous, timeout_s=store.timeout_s)


def _located(url: str, state: Path) -> URL:
    # Filled in after parsing: a state folder may hold characters that mean something in a URL.
    parsed = store_url(url)
    return parsed.set(database=(parsed.database or "").replace("{state}", str(state.absolute())))


class SqlEventLog:
    """``synchronous`` concerns SQLite: ``full`` survives a power cut, ``normal`` a killed process only.
    ``timeout_s`` bounds the wait for a connection, a lock and a statement, each. The schema must be
    there already (``migrations.migrate``)."""

    def __init__(self, url: str | URL, *, synchronous: str = "full", timeout_s: float = 10.0) -> None:
        self._engine = open_engine(url, synchronous, timeout_s)
        self._writing = writing(self._engine)
        self._insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert

    def append(self, predictions_: Sequence[LoggedPrediction]) -> None:
        # In the order of ids, so that two writers that share some never wait for each other in a ring.
        rows = sorted((prediction_row(prediction) for prediction in predictions_), key=lambda row: row["id"])
        if rows:
            with self._transaction(self._writing) as connection:
                connection.execute(self._insert_new(predictions), rows)

    def get(self, prediction_id: str) -> LoggedPrediction:
        query = select(predictions).where(predictions.c.id == escaped(prediction_id))
        with self._transaction(self._engine) as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise UnknownPrediction(f"no prediction has the id {prediction_id!r}")
        return prediction_of(row)

    def add_label(self, label: Label) -> None:
        row = label_row(label)
        known = select(predictions.c.id).where(predictions.c.id == row["prediction_id"])
        with self._transaction(self._writing) as connection:
            if connection.execute(known).first() is None:
                raise UnknownPrediction(f"no prediction has the id {label.prediction_id!r}")
            connection.execute(self._insert_new(labels), row)

    def labels(self, prediction_id: str) -> list[Label]:
        """Every label ever given, oldest first: the last one of each person is the one that counts."""
        query = select(labels).where(labels.c.prediction_id == escaped(prediction_id))
        with self._transaction(self._engine) as connection:
            rows = connection.execute(query.order_by(labels.c.at, labels.c.id)).mappings().all()
        return [label_of(row) for row in rows]

    def page(
        self, use_case: str, since: datetime | None = None, after: str | None = None, limit: int = 1000
    ) -> list[LoggedPrediction]:
        with self._transaction(self._engine) as connection:
            rows = connection.execute(_page(use_case, since, after, limit)).mappings().all()
        return [prediction_of(row) for row in rows]

    def count(self, use_case: str) -> int:
        query = select(func.count()).select_from(predictions).where(predictions.c.use_case == escaped(use_case))
        with self._transaction(self._engine) as connection:
            return connection.execute(query).scalar_one()

    def ping(self) -> None:
        """Commits one small write: nothing less notices a read-only file or a full disk."""
        now = {"id": 1, "at": datetime.now(UTC)}
        statement = self._insert(heartbeat).values(now)
        statement = statement.on_conflict_do_update(index_elements=["id"], set_={"at": now["at"]})
        with self._transaction(self._writing) as connection:
            connection.execute(statement)

    def close(self) -> None:
        self._engine.dispose()

    def _insert_new(self, table: Table) -> postgresql.Insert | sqlite.Insert:
        return self._insert(table).on_conflict_do_nothing(index_elements=["id"])

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        with store_errors(), engine.begin() as connection:
            yield connection


def _page(use_case: str, since: datetime | None, after: str | None, limit: int) -> Select[tuple[object, ...]]:
    query = select(predictions).where(predictions.c.use_case == escaped(use_case))
    if since is not None:
        query = query.where(predictions.c.at >= utc(since))
    if after is not None:
        query = query.where(predictions.c.id > escaped(after))
    return query.order_by(predictions.c.id).limit(limit)
