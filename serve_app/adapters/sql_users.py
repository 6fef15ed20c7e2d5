"""Users and their families of tokens, in SQLite (embedded) or PostgreSQL (production)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Select, delete, select, update

from serve_app.adapters.sql_rows import FAMILY, USER, escaped, unescaped, utc
from serve_app.adapters.sql_store import SqlStore
from serve_app.adapters.sql_tables import login_families, login_users
from serve_app.core.errors import UnknownUser
from serve_app.core.identity import Change, Family, Rotation, Standing, User, changed

FAMILIES, USERS = login_families.c, login_users.c


class SqlUsers(SqlStore):
    def add(self, user: User) -> bool:
        adding = self._insert_new(login_users).returning(USERS.name)
        with self._writing() as connection:
            return connection.execute(adding, USER.row(user)).first() is not None

    def get(self, name: str) -> User | None:
        with self._reading() as connection:
            found = connection.execute(_named(name)).mappings().first()
        return None if found is None else USER.of(found)

    def all(self) -> list[User]:
        with self._reading() as connection:
            return [USER.of(row) for row in connection.execute(select(login_users).order_by(USERS.name)).mappings()]

    def change(self, name: str, change: Change, now: datetime) -> tuple[User, User]:
        with self._writing() as connection:
            admins = _admins(connection)
            found = connection.execute(_named(name).with_for_update()).mappings().first()
            if found is None:
                raise UnknownUser(f"no user is called {name[:60]!r}")
            before = USER.of(found)
            after = changed(before, change, utc(now), admins)
            connection.execute(update(login_users).where(USERS.name == found["name"]).values(USER.row(after)))
            going = (FAMILIES.user == found["name"], FAMILIES.ended_at.is_(None))
            connection.execute(update(login_families).where(*going).values(ended_at=utc(now)))
        return before, after

    def standing(self, name: str, since: datetime) -> Standing | None:
        ended = select(FAMILIES.id).where(FAMILIES.user == escaped(name), FAMILIES.ended_at > utc(since))
        with self._reading() as connection:
            found = connection.execute(_named(name)).mappings().first()
            over = connection.execute(ended).scalars().all() if found is not None else ()
        if found is None:
            return None
        user = USER.of(found)
        return Standing(user.role, user.enabled, user.tokens_from, frozenset(map(unescaped, over)))

    def begin(self, family: Family) -> None:
        with self._writing() as connection:
            connection.execute(delete(login_families).where(FAMILIES.expires_at <= utc(family.started_at)))
            connection.execute(self._insert(login_families), FAMILY.row(family))

    def rotate(self, family: str, shown: str, new: str, now: datetime, expires_at: datetime) -> Rotation:
        going = (FAMILIES.id == escaped(family), FAMILIES.ended_at.is_(None), FAMILIES.expires_at > utc(now))
        turn = update(login_families).where(*going, FAMILIES.current == escaped(shown))
        stop = update(login_families).where(*going)
        with self._writing() as connection:  # the database itself decides who of two was first
            if connection.execute(turn.values(current=escaped(new), expires_at=utc(expires_at))).rowcount:
                return "rotated"
            return "reused" if connection.execute(stop.values(ended_at=utc(now))).rowcount else "ended"

    def end(self, family: str, now: datetime) -> bool:
        going = (FAMILIES.id == escaped(family), FAMILIES.ended_at.is_(None))
        with self._writing() as connection:
            return connection.execute(update(login_families).where(*going).values(ended_at=utc(now))).rowcount == 1


def _named(name: str) -> Select[tuple[object, ...]]:
    return select(login_users).where(USERS.name == escaped(name))


def _admins(connection: Connection) -> list[str]:
    """Those that may log in; locked, so that two who leave at once see each other."""
    query = select(USERS.name).where(USERS.role == "admin", USERS.enabled.is_(True))
    return list(map(unescaped, connection.execute(query.order_by(USERS.name).with_for_update()).scalars()))
