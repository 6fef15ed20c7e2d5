"""The event log in SQLite (embedded) or PostgreSQL (production), through one code path."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL, Select, func, select

from serve_app.adapters.sql_append import Appends
from serve_app.adapters.sql_audit import chain_on
from serve_app.adapters.sql_ledger import entry, labels_of, ledger_page
from serve_app.adapters.sql_lessons import (
    lesson_page,
    newest_shadows,
    people_since,
    predictions_of,
    taught_since,
    with_labels,
)
from serve_app.adapters.sql_rows import LABEL, PREDICTION, SHADOW, escaped, utc
from serve_app.adapters.sql_store import SqlStore, made_ready
from serve_app.adapters.sql_tables import heartbeat, labels, predictions, shadows
from serve_app.core.audit import Audited
from serve_app.core.errors import UnknownPrediction
from serve_app.core.events import Label, LoggedPrediction
from serve_app.core.jobs import Shadow
from serve_app.core.ledger import Entry
from serve_app.core.platform import Store
from serve_app.core.ports import Lesson, NewLabels


def open_event_log(store: Store, state: Path) -> SqlEventLog:
    """The configured log, its schema brought up to date. Raises like ``made_ready``."""
    return SqlEventLog(made_ready(store, state), synchronous=store.synchronous, timeout_s=store.timeout_s)


class SqlEventLog(SqlStore):
    def __init__(self, url: str | URL, *, synchronous: str = "full", timeout_s: float = 10.0) -> None:
        super().__init__(url, synchronous=synchronous, timeout_s=timeout_s)
        self._appends = Appends(self._engine.dialect)

    def append(self, predictions_: Sequence[LoggedPrediction]) -> None:
        rows = self._appends.rows(predictions_)
        if rows:
            with self._writing() as connection:
                self._appends.insert(connection, rows)

    def get(self, prediction_id: str) -> LoggedPrediction:
        query = select(predictions).where(predictions.c.id == escaped(prediction_id))
        with self._reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise UnknownPrediction(f"no prediction has the id {prediction_id!r}")
        return PREDICTION.of(row)

    def add_label(self, label: Label, told: Audited | None = None) -> None:
        row = LABEL.row(label)
        whose = select(predictions.c.use_case).where(predictions.c.id == row["prediction_id"])
        with self._writing() as connection:
            known = connection.execute(whose).first()
            if known is None:
                raise UnknownPrediction(f"no prediction has the id {label.prediction_id!r}")
            connection.execute(self._insert_new(labels), row | {"use_case": known.use_case})
            if told is not None:
                chain_on(connection, told)

    def labels(self, prediction_id: str) -> list[Label]:
        """Every label ever given, oldest first: the last one of each person is the one that counts."""
        query = select(labels).where(labels.c.prediction_id == escaped(prediction_id))
        with self._reading() as connection:
            rows = connection.execute(query.order_by(labels.c.at, labels.c.id)).mappings().all()
        return [LABEL.of(row) for row in rows]

    def page(
        self, use_case: str, since: datetime | None = None, after: str | None = None, limit: int = 1000
    ) -> list[LoggedPrediction]:
        with self._reading() as connection:
            rows = connection.execute(_page(use_case, since, after, limit)).mappings().all()
        return [PREDICTION.of(row) for row in rows]

    def newest(self, use_case: str, limit: int = 1000) -> list[LoggedPrediction]:
        query = select(predictions).where(predictions.c.use_case == escaped(use_case))
        with self._reading() as connection:
            rows = connection.execute(query.order_by(predictions.c.id.desc()).limit(limit)).mappings().all()
        return [PREDICTION.of(row) for row in reversed(rows)]

    def count(self, use_case: str) -> int:
        query = select(func.count()).select_from(predictions).where(predictions.c.use_case == escaped(use_case))
        with self._reading() as connection:
            return connection.execute(query).scalar_one()

    def scan(
        self,
        use_case: str,
        since: datetime,
        until: datetime,
        after: str | None = None,
        limit: int = 5000,
        probabilities: bool = False,
        audited: bool = False,
    ) -> list[Entry]:
        with self._reading() as connection:
            rows = connection.execute(ledger_page(use_case, since, until, after, limit, audited)).mappings().all()
            labels = labels_of(connection, [row["id"] for row in rows])
        return [entry(row, labels.get(row["id"], ()), probabilities) for row in rows]

    def lessons(self, use_case: str, until: datetime, after: str | None = None, limit: int = 1000) -> list[Lesson]:
        with self._reading() as connection:
            page = connection.execute(lesson_page(use_case, until, after, limit)).mappings().all()
            return with_labels(connection, [PREDICTION.of(row) for row in page], until)

    def new_labels(self, use_case: str, since: datetime) -> NewLabels:
        with self._reading() as connection:
            people = connection.execute(people_since(use_case, since)).scalar_one()
            return NewLabels(people, connection.execute(taught_since(use_case, since)).scalar_one())

    def add_shadows(self, shadows_: Sequence[Shadow]) -> None:
        rows = sorted(
            (SHADOW.row(one) for one in shadows_), key=lambda row: (row["prediction_id"], row["model_version"])
        )
        if rows:
            with self._writing() as connection:
                connection.execute(self._insert_new(shadows), rows)

    def shadows(self, use_case: str, version: str, limit: int = 10_000) -> list[tuple[Shadow, Lesson]]:
        with self._reading() as connection:
            query = newest_shadows(use_case, version, limit)
            found = [SHADOW.of(row) for row in connection.execute(query).mappings()]
            behind = predictions_of(connection, [shadow.prediction_id for shadow in found])
            lessons = with_labels(connection, [behind[shadow.prediction_id] for shadow in found])
        return list(zip(found, lessons, strict=True))

    def ping(self) -> None:
        """Commits one small write: nothing less notices a read-only file or a full disk."""
        now = {"id": 1, "at": datetime.now(UTC)}
        statement = self._insert(heartbeat).values(now)
        statement = statement.on_conflict_do_update(index_elements=["id"], set_={"at": now["at"]})
        with self._writing() as connection:
            connection.execute(statement)


def _page(use_case: str, since: datetime | None, after: str | None, limit: int) -> Select[tuple[object, ...]]:
    query = select(predictions).where(predictions.c.use_case == escaped(use_case))
    if since is not None:
        query = query.where(predictions.c.at >= utc(since))
    if after is not None:
        query = query.where(predictions.c.id > escaped(after))
    return query.order_by(predictions.c.id).limit(limit)
