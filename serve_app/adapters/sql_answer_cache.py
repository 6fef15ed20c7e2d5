"""Kept answers in SQLite (embedded) or PostgreSQL (production), in the event log's database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select

from serve_app.adapters.sql_rows import escaped, json_text, json_value, unescaped, utc
from serve_app.adapters.sql_store import SqlStore, made_ready
from serve_app.adapters.sql_tables import kept_answers
from serve_app.core.answers import TeacherAnswer
from serve_app.core.platform import Store
from serve_app.core.ports import KeptAnswer

PATIENCE_S = 2.0
"""Somebody waits for an answer, and the teacher can give one."""

AT_ONCE = 500
"""Keys in one statement: databases bound how many values they take."""

_KNOWN = frozenset(field.name for field in fields(TeacherAnswer))


def open_answer_cache(store: Store, state: Path) -> SqlAnswerCache:
    """The configured store, its schema brought up to date. Raises like ``made_ready``."""
    patience_s = min(store.timeout_s, PATIENCE_S)
    # What a power cut takes from a cache is asked for again.
    return SqlAnswerCache(made_ready(store, state), synchronous="normal", timeout_s=patience_s)


class SqlAnswerCache(SqlStore):
    def get(self, keys: Sequence[str], now: datetime) -> dict[str, TeacherAnswer]:
        wanted, moment = sorted({escaped(key) for key in keys}), utc(now)
        found: dict[str, TeacherAnswer] = {}
        with self._reading() as connection:
            for some in _parts(wanted):
                query = select(kept_answers.c.key, kept_answers.c.answer).where(
                    kept_answers.c.key.in_(some), kept_answers.c.expires_at > moment
                )
                found |= {unescaped(key): _answer(json_value(text)) for key, text in connection.execute(query)}
        return found

    def put(self, answers: Sequence[KeptAnswer]) -> None:
        # In one order wherever: two that replace the same keys at once must not wait for each other.
        rows = [_row(each) for _, each in sorted({each.key: each for each in answers}.items())]
        if not rows:
            return
        insert = self._insert(kept_answers)
        newest = {name: insert.excluded[name] for name in ("answer", "at", "expires_at")}
        with self._writing() as connection:
            connection.execute(insert.on_conflict_do_update(index_elements=["key"], set_=newest), rows)

    def purge(self, now: datetime) -> int:
        with self._writing() as connection:
            return connection.execute(delete(kept_answers).where(kept_answers.c.expires_at <= utc(now))).rowcount


def _row(kept: KeptAnswer) -> dict[str, Any]:
    return {
        "key": escaped(kept.key),
        "answer": json_text(asdict(kept.answer)),
        "at": utc(kept.at),
        "expires_at": utc(kept.expires_at),
    }


def _answer(told: dict[str, Any]) -> TeacherAnswer:
    """What another release kept beside it is passed over."""
    return TeacherAnswer(**{name: value for name, value in told.items() if name in _KNOWN})


def _parts(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + AT_ONCE] for start in range(0, len(keys), AT_ONCE))
