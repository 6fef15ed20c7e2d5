"""Validation of instances against the fields of a use case: JSON values in, ``Rows`` out.

It goes column by column. A column whose every cell is of the right type is checked by a few
operations over the whole of it; only a column that holds a misfit is looked at cell by cell, to say
which ones and why (``core/misfits.py``).

null and an absent field both mean "missing"; a default stands in for either.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from serve_app.core.misfits import Misfits
from serve_app.core.rows import Column, Rows, text_column
from serve_app.core.use_case import CategoricalField, DateField, IdField, InputField, NumericField, TextField

Fields = Mapping[str, InputField]
Texts = CategoricalField | TextField | IdField

_NUMBERS = {float, int}
_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def validate(fields: Fields, instances: Sequence[Any], *, batch: bool = True) -> Rows:
    """``instances`` as rows, in order, a column for every field.

    Raises InvalidInput that names every misfit (the first 100, and how many more). Its field errors
    carry the index of their row when ``batch`` is set."""
    misfits = Misfits(fields, batch)
    index = misfits.objects(instances)
    objects = instances if len(index) == len(instances) else [instances[row] for row in index]
    _unknown(fields, objects, index, misfits)
    columns = {name: _column(name, field, objects, index, misfits) for name, field in fields.items()}
    misfits.refuse()
    return Rows(columns)


def validate_one(fields: Fields, instance: Any) -> Rows:
    """A lone instance as a batch of one; its errors carry no row."""
    return validate(fields, [instance], batch=False)


def _unknown(fields: Fields, objects: Sequence[Any], index: Sequence[int], misfits: Misfits) -> None:
    known = set(fields)
    for row, instance in zip(index, objects, strict=True):
        if not known.issuperset(instance):
            misfits.unknown(row, instance)


def _column(name: str, field: InputField, objects: Sequence[Any], index: Sequence[int], misfits: Misfits) -> Column:
    cells = [instance.get(name) for instance in objects]
    if field.default is not None:
        cells = [field.default if cell is None else cell for cell in cells]
    if isinstance(field, NumericField):
        return _numeric(name, field, cells, index, misfits)
    if not _texts_fit(field, cells):
        misfits.column(name, index, cells, [text_problem(field, cell) for cell in cells])
    return text_column(cells)


def _numeric(name: str, field: NumericField, cells: list[Any], index: Sequence[int], misfits: Misfits) -> Column:
    column = _as_floats(cells)
    if column is None or not _numbers_fit(field, column, cells):
        misfits.column(name, index, cells, [number_problem(field, cell) for cell in cells])
    return np.empty(0) if column is None else column


def _as_floats(cells: list[Any]) -> Column | None:
    """float64 with NaN for missing; None when some cell is no number, or one too large."""
    kinds = set(map(type, cells))
    if not kinds <= _NUMBERS | {type(None)}:
        return None
    try:
        if type(None) in kinds:
            cells = [math.nan if cell is None else cell for cell in cells]
        return np.array(cells, dtype=np.float64)
    except OverflowError:
        return None


def _numbers_fit(field: NumericField, column: Column, cells: list[Any]) -> bool:
    """NaN stands for missing, so a NaN that was sent must be told apart: by counting the Nones."""
    finite = np.isfinite(column)
    missing = cells.count(None)
    if int(finite.sum()) + missing != len(cells) or (field.required and missing):
        return False
    values = column[finite]
    if field.integer and not np.array_equal(values, np.floor(values)):
        return False
    low = field.minimum is None or bool(np.all(values >= field.minimum))
    return low and (field.maximum is None or bool(np.all(values <= field.maximum)))


def _texts_fit(field: Texts | DateField, cells: list[Any]) -> bool:
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
    if type(cell) not in _NUMBERS:
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
