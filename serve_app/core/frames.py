"""Data frames to rows and back: the same reading of a field whether a table is trained on or scored.

A cell becomes what the same value in a JSON request becomes (``core/schema.py`` judges both), so that
a student never learns from a row that it could not be asked about.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from serve_app.core.cells import Texts, number_problem, text_problem
from serve_app.core.misfits import Misfits
from serve_app.core.rows import Column, Rows, text_column
from serve_app.core.use_case import DateField, InputField, NumericField

Fields = Mapping[str, InputField]
Problems = dict[int, tuple[Any, str]]
"""Row -> the cell that does not fit, and what was expected."""

_EMPTY = frozenset({"", "na", "n/a", "nan", "null", "none", "?"})
"""How tables write a number that is not there."""


def rows_from_frame(fields: Fields, frame: pd.DataFrame) -> Rows:
    """A column for every field: float64 with NaN, or object of ``str`` with None; dates are ISO
    strings; defaults fill what is missing, a column that the frame lacks included.

    Raises InvalidInput that names every misfit with its row, as a batch over HTTP would."""
    rows, problems = read(fields, frame)
    found = Misfits(fields, batch=True)
    for name, each in problems.items():
        cells = [cell for cell, _ in each.values()]
        found.column(name, list(each), cells, [expected for _, expected in each.values()])
    found.refuse()
    return rows


def frame_from_rows(rows: Rows) -> pd.DataFrame:
    """The inverse of ``rows_from_frame``: float64 and object columns, in the rows' order."""
    columns = {name: pd.Series(column, dtype=column.dtype) for name, column in rows.columns.items()}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(rows)))


def read(fields: Fields, frame: pd.DataFrame) -> tuple[Rows, dict[str, Problems]]:
    """The rows, and by field the cells that do not fit it (NaN or None stands in for them)."""
    columns: dict[str, Column] = {}
    problems: dict[str, Problems] = {}
    for name, field in fields.items():
        cells = frame[name] if name in frame else pd.Series([None] * len(frame), dtype=object)
        columns[name], problems[name] = read_column(field, cells)
    return Rows(columns), problems


def read_column(field: InputField, cells: pd.Series[Any]) -> tuple[Column, Problems]:
    """One column as ``Rows`` hold it, and the cells that do not fit."""
    return _numeric(field, cells) if isinstance(field, NumericField) else _texts(field, cells)


def _numeric(field: NumericField, cells: pd.Series[Any]) -> tuple[Column, Problems]:
    values, unreadable = _floats(cells)
    if field.default is not None:
        empty = np.isnan(values)
        empty[list(unreadable)] = False
        values[empty] = field.default
    problems = {row: (cell, number_problem(field, cell)) for row, cell in unreadable.items()}
    for row in np.flatnonzero(_suspect(field, values)).tolist():
        cell = None if math.isnan(values[row]) else float(values[row])
        problems.setdefault(row, (cell, number_problem(field, cell)))
    found = {row: (cell, expected) for row, (cell, expected) in sorted(problems.items()) if expected is not None}
    values[list(found)] = np.nan
    return values, found


def _suspect(field: NumericField, values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Rows that may not fit: a coarse sieve, so that only few cells are looked at one by one."""
    odd = ~np.isfinite(values)
    if field.minimum is not None:
        odd |= values < field.minimum
    if field.maximum is not None:
        odd |= values > field.maximum
    return odd | (values != np.floor(values)) if field.integer else odd


def _floats(cells: pd.Series[Any]) -> tuple[npt.NDArray[np.float64], dict[int, Any]]:
    """float64 with NaN for missing, and the cells that are no number by row."""
    if pd.api.types.is_numeric_dtype(cells.dtype):
        return cells.to_numpy(dtype=np.float64, na_value=np.nan, copy=True), {}
    values, unreadable = np.full(len(cells), np.nan), {}
    for row, cell in enumerate(cells):
        try:
            values[row] = math.nan if _missing_number(cell) else float(cell)
        except (TypeError, ValueError):
            unreadable[row] = cell
    return values, unreadable


def _missing_number(cell: Any) -> bool:
    if isinstance(cell, str):
        return cell.strip().lower() in _EMPTY
    return bool(pd.isna(cell)) if pd.api.types.is_scalar(cell) else False


def _texts(field: Texts | DateField, cells: pd.Series[Any]) -> tuple[Column, Problems]:
    texts = [_text(cell) for cell in cells.astype(object)]
    if field.default is not None:
        texts = [field.default if text is None else text for text in texts]
    expected = {text: text_problem(field, text) for text in set(texts)}
    problems = {row: (text, why) for row, text in enumerate(texts) if (why := expected[text]) is not None}
    return text_column([None if row in problems else text for row, text in enumerate(texts)]), problems


def text_of(cells: pd.Series[Any]) -> Column:
    """Any column as ``str`` with None for missing: 3.0 is "3", a moment is its day."""
    return text_column([_text(cell) for cell in cells.astype(object)])


def _text(cell: Any) -> str | None:
    if isinstance(cell, str):
        return cell
    if pd.api.types.is_scalar(cell) and pd.isna(cell):
        return None
    if isinstance(cell, date):  # datetime and Timestamp are dates too
        return cell.strftime("%Y-%m-%d")
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        return str(int(cell))
    return str(cell)
