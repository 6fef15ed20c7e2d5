"""One cell judged, and a column of texts: what was expected of it, None where it fits.

``core/schema.py`` judges whole batches by it, tables and bodies of a few members theirs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from serve_app.core.use_case import CategoricalField, DateField, IdField, NumericField, TextField

Texts = CategoricalField | TextField | IdField

NUMBERS = {float, int}
_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def texts_fit(field: Texts | DateField, cells: Sequence[Any]) -> bool:
    distinct = _distinct(cells)
    if None in distinct and field.required:
        return False
    distinct.discard(None)
    if not set(map(type, distinct)) <= {str}:
        return False
    if isinstance(field, DateField):
        return all(day_problem(field, day) is None for day in distinct)
    if isinstance(field, CategoricalField) and field.values:
        return distinct <= set(field.values)
    return max(map(len, distinct), default=0) <= field.max_length and _storable(distinct)


def _distinct(cells: Iterable[Any]) -> set[Any]:
    try:
        return set(cells)
    except TypeError:  # a list or an object among the cells
        return {False}


def _storable(texts: Iterable[str]) -> bool:
    """Neither NUL, which PostgreSQL cannot keep, nor half a surrogate pair, which is not UTF-8."""
    joined = "".join(texts)
    return "\0" not in joined and is_unicode(joined)


def is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def number_problem(field: NumericField, cell: Any) -> str | None:
    """What was expected of a numeric cell, None when it fits."""
    if cell is None:
        return "a number" if field.required else None
    if type(cell) not in NUMBERS:
        return "an integer" if field.integer else "a number"
    try:
        number = float(cell)
    except OverflowError:
        return "a number that a 64-bit float can hold"
    if not math.isfinite(number):
        return "a finite number"
    if field.integer and not number.is_integer():
        return "an integer"
    return _bounds_problem(field, number)


def _bounds_problem(field: NumericField, number: float) -> str | None:
    if field.minimum is not None and number < field.minimum:
        return f"at least {field.minimum:g}"
    if field.maximum is not None and number > field.maximum:
        return f"at most {field.maximum:g}"
    return None


def text_problem(field: Texts | DateField, cell: Any) -> str | None:
    """What was expected of a cell of text, category, id or date, None when it fits."""
    if cell is None and not field.required:
        return None
    if isinstance(field, DateField):
        return day_problem(field, cell)
    if isinstance(field, CategoricalField) and field.values:
        return None if isinstance(cell, str) and cell in field.values else _one_of(field.values)
    if not isinstance(cell, str):
        return "a text"
    if len(cell) > field.max_length:
        return f"at most {field.max_length} characters"
    return None if _storable([cell]) else "text without NUL characters and lone surrogates"


def _one_of(values: Sequence[str]) -> str:
    shown = ", ".join(values[:20])
    return f"one of: {shown}" + (f" and {len(values) - 20} more" if len(values) > 20 else "")


def day_problem(field: DateField, cell: Any) -> str | None:
    if not isinstance(cell, str) or not _ISO_DAY.fullmatch(cell) or not _exists(cell):
        return "a date as YYYY-MM-DD"
    if field.minimum is not None and cell < field.minimum:
        return f"{field.minimum} or later"
    if field.maximum is not None and cell > field.maximum:
        return f"{field.maximum} or earlier"
    return None


def _exists(day: str) -> bool:
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True
