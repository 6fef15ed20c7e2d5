"""The review queue in SQLite (embedded) or PostgreSQL (production), in the event log's database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, and_, delete, or_, select

from serve_app.adapters.sql_rows import LEASE, REVIEW, escaped, unescaped, utc
from serve_app.adapters.sql_store import SqlStore, made_ready
from serve_app.adapters.sql_tables import leases, reviews
from serve_app.core.platform import Store
from serve_app.core.ports import Lease, Review

AT_ONCE = 500
"""Rows that are looked at in one round."""


def open_reviews(store: Store, state: Path) -> SqlReviews:
    """The configured store, its schema brought up to date. Raises like ``made_ready``."""
    return SqlReviews(made_ready(store, state), synchronous=store.synchronous, timeout_s=store.timeout_s)


class SqlReviews(SqlStore):
    def lease(
        self, use_case: str, wanted: Sequence[str], by: str, now: datetime, until: datetime, limit: int
    ) -> list[Lease]:
        """Rounds, each a transaction of its own: whoever holds rows of one round waits for nobody in the next,
        so that two who ask for the same in another order cannot stand in each other's way for ever."""
        row: dict[str, Any] = {"use_case": escaped(use_case), "by": escaped(by), "until": utc(until)}
        found: list[str] = []
        for few in _rounds([escaped(which) for which in dict.fromkeys(wanted)]):
            while len(found) < limit and few:
                with self._writing() as connection:
                    free = _free(connection, few, row["by"], utc(now))[: limit - len(found)]
                    taken = self._take(connection, free, row, utc(now))
                found += [which for which in free if which in taken]
                few = few[few.index(free[-1]) + 1 :] if free else []
        return [Lease(unescaped(which), by, utc(until)) for which in found]

    def holder(self, prediction_id: str, now: datetime) -> Lease | None:
        query = select(leases).where(leases.c.prediction_id == escaped(prediction_id), leases.c.until > utc(now))
        with self._reading() as connection:
            found = connection.execute(query).mappings().first()
        return None if found is None else LEASE.of(found)

    def add(self, review: Review) -> None:
        row = REVIEW.row(review)
        own = and_(leases.c.prediction_id == row["prediction_id"], leases.c.by == row["by"])
        with self._writing() as connection:
            connection.execute(self._insert_new(reviews), row)
            connection.execute(delete(leases).where(own))

    def reviewed(self, use_case: str, limit: int = 100_000) -> list[Review]:
        query = select(reviews).where(reviews.c.use_case == escaped(use_case))
        query = query.order_by(reviews.c.at.desc(), reviews.c.id.desc()).limit(limit)
        with self._reading() as connection:
            return [REVIEW.of(row) for row in connection.execute(query).mappings()]

    def _take(self, connection: Connection, free: Sequence[str], row: dict[str, Any], now: datetime) -> set[str]:
        """Those that nobody else was quicker with: the database itself decides, row by row. In the order of
        their ids, so that two who want the same wait for each other in the same order."""
        if not free:
            return set()
        insert = self._insert(leases).values([{"prediction_id": which, **row} for which in sorted(free)])
        mine = or_(leases.c.until <= now, leases.c.by == row["by"])
        taking = insert.on_conflict_do_update(index_elements=["prediction_id"], set_=row, where=mine)
        return set(connection.execute(taking.returning(leases.c.prediction_id)).scalars())


def _rounds(wanted: Sequence[str]) -> Iterator[list[str]]:
    return (list(wanted[at : at + AT_ONCE]) for at in range(0, len(wanted), AT_ONCE))


def _free(connection: Connection, wanted: Sequence[str], by: str, now: datetime) -> list[str]:
    """In the order of ``wanted``."""
    others = and_(leases.c.prediction_id.in_(wanted), leases.c.by != by, leases.c.until > now)
    own = and_(reviews.c.prediction_id.in_(wanted), reviews.c.by == by)
    held = set(connection.execute(select(leases.c.prediction_id).where(others)).scalars())
    done = set(connection.execute(select(reviews.c.prediction_id).where(own)).scalars())
    return [which for which in wanted if which not in held | done]
