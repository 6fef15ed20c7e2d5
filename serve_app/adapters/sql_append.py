"""Many predictions in few statements: the part of an append that its caller's event loop feels.

SQLAlchemy's own way costs 20 µs a row. SQLite's ``executemany`` hands the GIL over and back for each row,
which beside a busy event loop then waits for its turn: there one statement takes many rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import Connection, Dialect

from serve_app.adapters.sql_rows import escaped, json_text, utc
from serve_app.adapters.sql_tables import predictions
from serve_app.core.events import LoggedPrediction

MOST = 256
"""Rows in one statement: SQLite takes 32,000 bound values."""

# What is no plain JSON goes the long way: orjson would write moments and the like without being asked.
_PLAIN = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS


class Appends:
    """One for each database."""

    def __init__(self, dialect: Dialect) -> None:
        self._moment: Callable[[datetime], Any] = sqlite_moment if dialect.name == "sqlite" else lambda moment: moment
        self._together = dialect.name == "sqlite"  # psycopg pipelines rows, and would read a long statement each time
        self._statement = cache(lambda rows: _statement(dialect, rows))  # a few sizes, each planned once

    def rows(self, events: Sequence[LoggedPrediction]) -> list[tuple[Any, ...]]:
        """As they are stored, in the order of ids, so that two writers that share some never wait for each
        other in a ring. Raises ValueError for a moment without a time zone."""
        return sorted((self._row(event) for event in events), key=itemgetter(0))

    def insert(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """What is there already is left as it is."""
        if not self._together:
            connection.exec_driver_sql(self._statement(1), list(rows))
            return
        for start, size in pieces(len(rows)):
            values = tuple(chain.from_iterable(rows[start : start + size]))
            connection.exec_driver_sql(self._statement(size), values)

    def _row(self, event: LoggedPrediction) -> tuple[Any, ...]:
        """In the order of the table's columns; a test holds it to ``sql_rows.PREDICTION``."""
        return (
            escaped(event.id),
            escaped(event.use_case),
            self._moment(utc(event.at)),
            written(event.features),
            _maybe(written, event.student),
            _maybe(written, event.teacher),
            written(event.answer),
            _maybe(escaped, event.model_version),
            _maybe(escaped, event.policy_version),
            _maybe(escaped, event.schema_version),
            float(event.propensity),
            float(event.cost_usd),
            float(event.latency_ms),
            _maybe(escaped, event.request_id),
            _maybe(escaped, event.user),
            _maybe(float, event.audit_rate),
        )


def pieces(rows: int) -> Iterator[tuple[int, int]]:
    """Start and size: powers of two, so that few statements are ever planned, whatever the batches are."""
    start = 0
    while start < rows:
        size = min(MOST, 1 << (rows - start).bit_length() - 1)
        yield start, size
        start += size


def written(value: Any) -> str:
    """``sql_rows.json_text``, ten times quicker where JSON and UTF-8 hold it all. A number that is none
    is null, as the client is sent it."""
    try:
        return orjson.dumps(value, option=_PLAIN).decode()
    except TypeError:  # a lone surrogate, an integer of more than 64 bits
        return json_text(value)


def sqlite_moment(moment: datetime) -> str:
    """Of a moment in UTC: to the letter what SQLAlchemy writes, without its 6 µs."""
    return moment.replace(tzinfo=None).isoformat(" ", "microseconds")


def _maybe(store: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else store(value)


def _statement(dialect: Dialect, rows: int) -> str:
    quote = dialect.identifier_preparer.quote
    mark = "?" if dialect.paramstyle == "qmark" else "%s"
    row = f"({', '.join([mark] * len(predictions.columns))})"
    names = ", ".join(quote(column.name) for column in predictions.columns)
    into, key = f"{quote(predictions.name)} ({names})", quote(predictions.c.id.name)  # no outside text
    return " ".join(["INSERT INTO", into, "VALUES", ", ".join([row] * rows), f"ON CONFLICT ({key}) DO NOTHING"])
