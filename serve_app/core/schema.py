"""Validation of instances against the fields of a use case: JSON values in, ``Rows`` out.

A batch that fits passes ``core/sieve.py`` whole. Only what does not is gone through column by column,
and a column that holds a misfit cell by cell, to say which ones and why (``core/misfits.py``).

null and an absent field both mean "missing"; a default stands in for either.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from serve_app.core.cells import NUMBERS, number_problem, text_problem, texts_fit
from serve_app.core.misfits import Misfits
from serve_app.core.rows import Column, Rows, text_column
from serve_app.core.sieve import Sieve
from serve_app.core.use_case import InputField, NumericField

Fields = Mapping[str, InputField]

_SIEVES = 256
_sieves: dict[int, Sieve] = {}
"""By the identity of the fields, which a sieve holds on to, so that it is nobody else's meanwhile."""


def validate(fields: Fields, instances: Sequence[Any], *, batch: bool = True) -> Rows:
    """``instances`` as rows, in order, a column for every field.

    Raises InvalidInput that names every misfit (the first 100, and how many more). Its field errors
    carry the index of their row when ``batch`` is set."""
    columns = sieve_of(fields).columns(instances)
    return Rows(judged(fields, instances, batch) if columns is None else columns)


def validate_one(fields: Fields, instance: Any) -> Rows:
    """A lone instance as a batch of one; its errors carry no row."""
    return validate(fields, [instance], batch=False)


def sieve_of(fields: Fields) -> Sieve:
    """Made at first use, and kept."""
    known = _sieves.get(id(fields))
    if known is None:
        if len(_sieves) >= _SIEVES:
            _sieves.clear()
        known = _sieves[id(fields)] = Sieve(fields)
    return known


def judged(fields: Fields, instances: Sequence[Any], batch: bool) -> dict[str, Column]:
    """``validate`` column by column and, where need be, cell by cell: what the sieve stands in for."""
    misfits = Misfits(fields, batch)
    index = misfits.objects(instances)
    objects = instances if len(index) == len(instances) else [instances[row] for row in index]
    _unknown(fields, objects, index, misfits)
    columns = {name: _column(name, field, objects, index, misfits) for name, field in fields.items()}
    misfits.refuse()
    return columns


def _unknown(fields: Fields, objects: Sequence[Any], index: Sequence[int], misfits: Misfits) -> None:
    known = set(fields)
    for row, instance in zip(index, objects, strict=True):
        if not known.issuperset(instance):
            misfits.unknown(row, instance)


def _column(name: str, field: InputField, objects: Sequence[Any], index: Sequence[int], misfits: Misfits) -> Column:
    return column_of(name, field, [instance.get(name) for instance in objects], index, misfits)


def column_of(name: str, field: InputField, cells: list[Any], index: Sequence[int], misfits: Misfits) -> Column:
    """One column as ``Rows`` hold it. ``cells``: JSON values, None for missing; ``index``: their rows. What
    does not fit is among ``misfits`` then, and the column is of no use."""
    if field.default is not None:
        cells = [field.default if cell is None else cell for cell in cells]
    if isinstance(field, NumericField):
        return _numeric(name, field, cells, index, misfits)
    if not texts_fit(field, cells):
        misfits.column(name, index, cells, [text_problem(field, cell) for cell in cells])
    return text_column(cells)


def _numeric(name: str, field: NumericField, cells: list[Any], index: Sequence[int], misfits: Misfits) -> Column:
    column = _as_floats(cells)
    if column is None or not numbers_fit(field, column, cells.count(None)):
        misfits.column(name, index, cells, [number_problem(field, cell) for cell in cells])
    return np.empty(0) if column is None else column


def _as_floats(cells: list[Any]) -> Column | None:
    """float64 with NaN for missing; None when some cell is no number, or one too large."""
    kinds = set(map(type, cells))
    if not kinds <= NUMBERS | {type(None)}:
        return None
    try:
        if type(None) in kinds:
            cells = [math.nan if cell is None else cell for cell in cells]
        return np.array(cells, dtype=np.float64)
    except OverflowError:
        return None


def numbers_fit(field: NumericField, column: Column, missing: int) -> bool:
    """NaN stands for missing, so a NaN that was sent must be told apart: by the number of those ``missing``."""
    finite = np.isfinite(column)
    if int(finite.sum()) + missing != len(column) or (field.required and missing):
        return False
    values = column[finite]
    if field.integer and not np.array_equal(values, np.floor(values)):
        return False
    low = field.minimum is None or bool(np.all(values >= field.minimum))
    return low and (field.maximum is None or bool(np.all(values <= field.maximum)))
