"""The queries behind ``scan``: a period of the log, without its largest column, the features."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby, islice
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, select, text

from serve_app.adapters.sql_rows import LABEL, PREDICTION, escaped, utc
from serve_app.adapters.sql_tables import AUDITED, labels, predictions
from serve_app.core.events import Label
from serve_app.core.ledger import Entry, parts_of, said_by_people, student_of

_AT_ONCE = 500
"""Ids in one statement: databases bound the number of a statement's values."""

_COLUMNS = (
    "id", "at", "student", "teacher", "answer", "model_version", "propensity", "audit_rate", "cost_usd", "user",
)  # fmt: skip


def ledger_page(
    use_case: str, since: datetime, until: datetime, after: str | None, limit: int, audited: bool = False
) -> Select[Any]:
    """ix_predictions_use_case_id or ix_predictions_audited, in which ``at`` rides along: of a row outside the period
    nothing else is read."""
    query = select(*(predictions.c[name] for name in _COLUMNS)).where(
        predictions.c.use_case == escaped(use_case), predictions.c.at >= utc(since), predictions.c.at < utc(until)
    )
    if audited:
        query = query.where(text(AUDITED))
    if after is not None:
        query = query.where(predictions.c.id > escaped(after))
    return query.order_by(predictions.c.id).limit(limit)


def labels_of(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[Label, ...]]:
    """By the prediction's id as it is stored: ix_labels_prediction_id."""
    found: dict[str, tuple[Label, ...]] = {}
    rest = iter(ids)
    while some := list(islice(rest, _AT_ONCE)):
        query = select(labels).where(labels.c.prediction_id.in_(some))
        rows = connection.execute(query.order_by(labels.c.prediction_id, labels.c.at, labels.c.id)).mappings()
        found |= {id: tuple(map(LABEL.of, own)) for id, own in groupby(rows, key=lambda row: row["prediction_id"])}
    return found


def entry(row: RowMapping, labels: Sequence[Label], probabilities: bool) -> Entry:
    read: dict[str, Any] = {name: PREDICTION.value(name, row[name]) for name in _COLUMNS}
    read["student"] = student_of(read["student"], probabilities)
    read["answer"] = parts_of(read["answer"])
    return Entry(**read, person=said_by_people(labels))
