"""What the teacher has cost, in SQLite (embedded) or PostgreSQL (production).

One transaction a call. An account is one row, and whether it still holds the money is asked by the very
statement that takes it, so that however many processes ask at once none sees what another has just taken.
Accounts are taken in the order of their keys: two transactions never wait for each other.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import URL, Connection, delete, select, update

from serve_app.adapters.picodollars import dollars, picodollars
from serve_app.adapters.sql_rows import escaped, json_text, json_value, utc
from serve_app.adapters.sql_store import SqlStore
from serve_app.adapters.sql_tables import reservations, spending
from serve_app.core.errors import StoreUnavailable
from serve_app.core.ports import Limit, Reservation

log = logging.getLogger("understudy.budget")

KEEP_RESERVATIONS = timedelta(days=2)
KEEP_ACCOUNTS = timedelta(days=400)


class _Short(Exception):
    """Rolls the transaction back."""


class SqlBudget(SqlStore):
    def __init__(self, url: str | URL, *, synchronous: str = "full", timeout_s: float = 10.0) -> None:
        super().__init__(url, synchronous=synchronous, timeout_s=timeout_s)
        self._tidied: date | None = None
        # SQLite's own wait for a lock is a lottery: threads of one process draw lots among themselves no more.
        self._turn = threading.Lock() if self._engine.dialect.name == "sqlite" else nullcontext()

    def reserve(self, reservation_id: str, limits: Sequence[Limit], usd: float, now: datetime) -> Reservation | Limit:
        self._tidy(utc(now))
        made = Reservation(reservation_id, tuple(limit.key for limit in limits), dollars(picodollars(usd)))
        try:
            with self._writing() as connection:
                if not self._note(connection, made, utc(now)):
                    return _of_before(connection, reservation_id)
                for limit in sorted(limits, key=lambda each: each.key):
                    self._take(connection, limit, picodollars(usd))
        except _Short:
            return self._first_short(limits, picodollars(usd))
        return made

    def settle(self, reservation: Reservation, usd: float, now: datetime) -> None:
        utc(now)
        amount = picodollars(usd)
        settled = update(reservations).values(settled=amount)
        settled = settled.where(reservations.c.id == escaped(reservation.id), reservations.c.settled.is_(None))
        with self._writing() as connection:
            if connection.execute(settled).rowcount == 0:  # settled before, or long forgotten
                return
            made = _of_before(connection, reservation.id)
            for key in sorted(made.keys):
                change = spending.c.picodollars + (amount - picodollars(made.usd))
                spent = update(spending).where(spending.c.key == escaped(key)).values(picodollars=change)
                connection.execute(spent)

    def spent(self, keys: Sequence[str]) -> dict[str, float]:
        stored = {escaped(key): key for key in keys}
        query = select(spending.c.key, spending.c.picodollars).where(spending.c.key.in_(stored))
        with self._reading() as connection:
            found = {stored[key]: dollars(amount) for key, amount in connection.execute(query)}
        return {key: found.get(key, 0.0) for key in keys}

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._turn, super()._writing() as connection:
            yield connection

    def _note(self, connection: Connection, made: Reservation, at: datetime) -> bool:
        """False when one of its id is there already."""
        row = {"id": escaped(made.id), "keys": json_text(made.keys), "picodollars": picodollars(made.usd), "at": at}
        insert = self._insert_new(reservations).values(row).returning(reservations.c.id)
        return connection.execute(insert).first() is not None

    def _take(self, connection: Connection, limit: Limit, amount: int) -> None:
        """Raises _Short, having taken nothing."""
        most = picodollars(limit.usd)
        if amount > most:
            raise _Short
        row = {"key": escaped(limit.key), "picodollars": amount, "resets_at": utc(limit.resets_at)}
        insert: Any = self._insert(spending).values(row)
        added = spending.c.picodollars + amount
        taken = insert.on_conflict_do_update(
            index_elements=["key"],
            set_={"picodollars": added},
            where=spending.c.picodollars <= most - amount,
        )
        if connection.execute(taken.returning(spending.c.key)).first() is None:
            raise _Short

    def _first_short(self, limits: Sequence[Limit], amount: int) -> Limit:
        """As they stand now; another may have settled in between, and then it was the first."""
        spent = self.spent([limit.key for limit in limits])
        short = (each for each in limits if picodollars(spent[each.key]) + amount > picodollars(each.usd))
        return next(short, limits[0])

    def _tidy(self, now: datetime) -> None:
        """Once a day: what nobody will settle or look at any more."""
        if self._tidied == now.date():
            return
        self._tidied = now.date()
        try:
            with self._writing() as connection:
                connection.execute(delete(reservations).where(reservations.c.at < now - KEEP_RESERVATIONS))
                connection.execute(delete(spending).where(spending.c.resets_at < now - KEEP_ACCOUNTS))
        except StoreUnavailable as error:
            log.warning("old reservations could not be forgotten: %s", error)


def _of_before(connection: Connection, reservation_id: str) -> Reservation:
    query = select(reservations.c["keys", "picodollars"]).where(reservations.c.id == escaped(reservation_id))
    keys, amount = connection.execute(query).one()
    return Reservation(reservation_id, tuple(json_value(keys)), dollars(amount))
