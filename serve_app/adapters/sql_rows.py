"""Predictions and labels as rows of text and numbers, and back, without loss.

A validated row may hold any Unicode at all. Neither database takes every character: PostgreSQL has
no NUL, and UTF-8 has no lone surrogates. Those, and the backslash that announces them, are escaped.
"""

from __future__ import annotations

import json
import re
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import RowMapping

from serve_app.core.events import Label, LoggedPrediction

_UNSTORABLE = re.compile("[\\\\\x00\ud800-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED = re.compile(r"\\u([0-9a-f]{4})")
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_JSON_COLUMNS = ("features", "student", "teacher", "answer")
_PREDICTION = tuple(field.name for field in fields(LoggedPrediction))
_LABEL = tuple(field.name for field in fields(Label))


def escaped(text: str) -> str:
    """Text that both databases take. Ordinary text stays as it is."""
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


def prediction_row(prediction: LoggedPrediction) -> dict[str, Any]:
    return {name: _stored(name, getattr(prediction, name)) for name in _PREDICTION}


def label_row(label: Label) -> dict[str, Any]:
    return {name: _stored(name, getattr(label, name)) for name in _LABEL}


def prediction_of(row: RowMapping) -> LoggedPrediction:
    return LoggedPrediction(**{name: _read(name, row[name]) for name in _PREDICTION})


def label_of(row: RowMapping) -> Label:
    return Label(**{name: _read(name, row[name]) for name in _LABEL})


def _stored(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _JSON_COLUMNS:
        return json_text(value)
    if isinstance(value, str):
        return escaped(value)
    return utc(value) if isinstance(value, datetime) else float(value)


def _read(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return json_value(value) if name in _JSON_COLUMNS else unescaped(value)
    if isinstance(value, datetime):  # SQLite hands back UTC without saying so
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return value
