"""The queries for what there is to learn from. None reads a use case's predictions one by one:
those the teacher or a person answered are found by indexes of their own (``sql_tables``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select, text, union

from serve_app.adapters.sql_rows import LABEL, PREDICTION, escaped, utc
from serve_app.adapters.sql_tables import TAUGHT, labels, predictions, shadows
from serve_app.core.events import Label, LoggedPrediction
from serve_app.core.ports import Lesson

_AT_ONCE = 500
"""Ids in one statement: databases bound the number of a statement's values."""


def lesson_page(use_case: str, until: datetime, after: str | None, limit: int) -> Select[Any]:
    """Predictions of lessons, in the order of ids. Each source gives its own first ``limit`` ids, and
    the first ``limit`` of those are the page."""
    after, until, mine = escaped(after or ""), utc(until), predictions.c.use_case == escaped(use_case)
    known = [mine, predictions.c.at <= until]
    # ix_predictions_taught
    taught = select(predictions.c.id).where(*known, text(TAUGHT), predictions.c.id > after)
    labelled = [
        # ix_labels_use_case
        select(labels.c.prediction_id.label("id"))
        .join(predictions, predictions.c.id == labels.c.prediction_id)
        .where(whose, *known, labels.c.at <= until, labels.c.prediction_id > after)
        .distinct()
        for whose in _whose(use_case)
    ]
    sources = [select(source.order_by("id").limit(limit).subquery()) for source in (taught, *labelled)]
    ids = union(*sources).subquery()
    page = select(ids.c.id).order_by(ids.c.id).limit(limit).subquery()
    return select(predictions).join(page, page.c.id == predictions.c.id).order_by(predictions.c.id)


def people_since(use_case: str, since: datetime) -> Select[Any]:
    """How many predictions were labelled: ix_labels_use_case_at."""
    labelled = [
        select(labels.c.prediction_id)
        .join(predictions, predictions.c.id == labels.c.prediction_id)
        .where(whose, labels.c.at > utc(since), predictions.c.use_case == escaped(use_case))
        for whose in _whose(use_case)
    ]
    return select(func.count()).select_from(union(*labelled).subquery())


def taught_since(use_case: str, since: datetime) -> Select[Any]:
    """How many predictions the teacher answered: ix_predictions_taught_at."""
    query = select(func.count()).select_from(predictions)
    return query.where(predictions.c.use_case == escaped(use_case), text(TAUGHT), predictions.c.at > utc(since))


def _whose(use_case: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Labels of a use case, and the few that a replica of an older program wrote without saying whose."""
    return labels.c.use_case == escaped(use_case), labels.c.use_case.is_(None)


def newest_shadows(use_case: str, version: str, limit: int) -> Select[Any]:
    """Shadows whose prediction is committed, the newest first: ix_shadows_newest."""
    query = select(shadows).join(predictions, predictions.c.id == shadows.c.prediction_id)
    query = query.where(shadows.c.use_case == escaped(use_case), shadows.c.model_version == escaped(version))
    return query.order_by(shadows.c.at.desc(), shadows.c.prediction_id.desc()).limit(limit)


def predictions_of(connection: Connection, ids: Sequence[str]) -> dict[str, LoggedPrediction]:
    found: dict[str, LoggedPrediction] = {}
    for some in _chunks(ids):
        query = select(predictions).where(predictions.c.id.in_(map(escaped, some)))
        found |= {one.id: one for one in map(PREDICTION.of, connection.execute(query).mappings())}
    return found


def with_labels(
    connection: Connection, found: Sequence[LoggedPrediction], until: datetime | None = None
) -> list[Lesson]:
    """Each prediction with its labels up to ``until``, oldest first: ix_labels_prediction_id."""
    given: dict[str, tuple[Label, ...]] = {}
    for some in _chunks([prediction.id for prediction in found]):
        query = select(labels).where(labels.c.prediction_id.in_(map(escaped, some)))
        if until is not None:
            query = query.where(labels.c.at <= utc(until))
        rows = connection.execute(query.order_by(labels.c.prediction_id, labels.c.at, labels.c.id)).mappings()
        labels_ = map(LABEL.of, rows)
        given |= {id: tuple(own) for id, own in groupby(labels_, key=lambda label: label.prediction_id)}
    return [Lesson(prediction, given.get(prediction.id, ())) for prediction in found]


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))
