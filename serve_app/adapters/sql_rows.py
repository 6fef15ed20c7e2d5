"""What is kept, as rows of text and numbers, and back, without loss.

A validated row may hold any Unicode at all. Neither database takes every character: PostgreSQL has
no NUL, and UTF-8 has no lone surrogates. Those, and the backslash that announces them, are escaped.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Generic, TypeVar

from sqlalchemy import RowMapping

from serve_app.core.audit import Audited
from serve_app.core.events import Label, LoggedPrediction
from serve_app.core.identity import ApiKey, Family, User
from serve_app.core.jobs import Job, JobEvent, Report, Shadow
from serve_app.core.login_locks import Tries
from serve_app.core.ports import Lease, Review

T = TypeVar("T")

_UNSTORABLE = re.compile("[\\\\\x00\ud800-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED = re.compile(r"\\u([0-9a-f]{4})")
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def escaped(text: str) -> str:
    """Text that both databases take. Ordinary text stays as it is."""
    if text.isascii() and "\\" not in text and "\x00" not in text:  # ten times quicker, and nearly always so
        return text
    return _UNSTORABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "\\" in text else text


def json_text(value: Any) -> str:
    """JSON, with a leading backslash (which JSON never has) where surrogates had to be escaped.

    JSON's own escapes would not do: two lone surrogates side by side come back as one character."""
    text = _JSON.encode(value)
    return "\\" + escaped(text) if _SURROGATE.search(text) else text


def json_value(text: str) -> Any:
    return json.loads(unescaped(text[1:]) if text.startswith("\\") else text)


def utc(moment: datetime) -> datetime:
    """The same moment in UTC. Raises ValueError for one without a time zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment in the event log needs a time zone")
    return moment.astimezone(UTC)


@dataclass(frozen=True)
class Shape(Generic[T]):
    """How a dataclass lies in a table that has a column for each of its fields: those in ``json`` as
    JSON text, those in ``whole`` (counts, flags) as they are, every other number as a float."""

    made: type[T]
    json: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()

    def row(self, value: T) -> dict[str, Any]:
        """Raises ValueError for a moment without a time zone."""
        return {name: self._stored(name, getattr(value, name)) for name in self._names}

    def of(self, row: RowMapping) -> T:
        """Columns that are no fields are passed over."""
        return self.made(**{name: self.value(name, row[name]) for name in self._names})

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(field.name for field in fields(self.made))  # type: ignore[arg-type]

    def _stored(self, name: str, value: Any) -> Any:
        if value is None or name in self.whole:
            return value
        if name in self.json:
            return json_text(value)
        if isinstance(value, str):
            return escaped(value)
        return utc(value) if isinstance(value, datetime) else float(value)

    def value(self, name: str, value: Any) -> Any:
        """One column, read."""
        if isinstance(value, str):
            return json_value(value) if name in self.json else unescaped(value)
        if isinstance(value, datetime):  # SQLite hands back UTC without saying so
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return value


PREDICTION = Shape(LoggedPrediction, json=frozenset({"features", "student", "teacher", "answer"}))
LABEL = Shape(Label)
SHADOW = Shape(Shadow, json=frozenset({"answer"}))
JOB = Shape(Job, json=frozenset({"params", "result"}), whole=frozenset({"progress", "cancel_requested"}))
JOB_EVENT = Shape(JobEvent, json=frozenset({"inputs", "outputs"}), whole=frozenset({"seq", "progress"}))
AUDITED = Shape(Audited, json=frozenset({"detail", "before", "after"}), whole=frozenset({"seq"}))
REVIEW = Shape(Review)
LEASE = Shape(Lease)
REPORT = Shape(Report, json=frozenset({"content"}))
USER = Shape(User, whole=frozenset({"enabled"}))
FAMILY = Shape(Family)
API_KEY = Shape(ApiKey, json=frozenset({"use_cases"}))
TRIES = Shape(Tries, whole=frozenset({"count"}))
