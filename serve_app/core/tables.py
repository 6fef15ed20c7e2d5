"""Arrow tables to rows: a cell becomes what the same value in a JSON request becomes.

So a text is no number and a number no text, null and a column that is not there both mean "missing",
and NaN, which JSON cannot say, is no finite number. A day (date32, date64) is its ISO text. Tables out
of files are another matter: ``core/frames.py`` reads them, and reads "1.5" as a number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

from serve_app.core.errors import FieldError, InvalidInput
from serve_app.core.misfits import SHOWN, Misfits, short
from serve_app.core.rows import Column, Rows
from serve_app.core.schema import column_of, numbers_fit, sieve_of
from serve_app.core.sieve import Sieve
from serve_app.core.use_case import InputField, NumericField

READ = "integers, floats, texts (plain or dictionary-encoded), booleans or days"


def rows_from_table(fields: Mapping[str, InputField], table: pa.Table) -> Rows:
    """A column for every field. ``table`` was validated in full.

    Raises InvalidInput that names every misfit with its row, as the same batch in JSON would, and columns
    that stand twice, that no field names or whose type cannot be read."""
    _check_columns(table.schema)
    misfits = Misfits(fields, batch=True)
    misfits.unknown_columns(table.column_names)
    known = _numbers(sieve_of(fields), table)
    columns = {n: known[n] if n in known else _column(n, field, table, misfits) for n, field in fields.items()}
    misfits.refuse()
    return Rows(columns)


def _numbers(sieve: Sieve, table: pa.Table) -> Mapping[str, Column]:
    """The numeric columns, all at once; none where one of them may not fit, and must be looked at by itself."""
    types = {field.name: field.type for field in table.schema}
    if not sieve.numeric or not all(name in types and _is_number(types[name]) for name in sieve.numeric):
        return {}
    cells = [table.column(name) for name in sieve.numeric]
    block = np.array([column.to_numpy() for column in cells], dtype=np.float64)
    checked = sieve.bounds.checked(block, sum(column.null_count for column in cells))
    return {} if checked is None else dict(zip(sieve.numeric, checked, strict=True))


def _check_columns(schema: pa.Schema) -> None:
    twice = (FieldError(short(n), "stands twice", "each field once") for n, c in Counter(schema.names).items() if c > 1)
    others = (FieldError(short(f.name), short(str(f.type)), READ) for f in schema if not _is_readable(f.type))
    errors = list(islice(chain(twice, others), SHOWN))
    if errors:
        raise InvalidInput("the table has columns that cannot be read", errors)


def _is_readable(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type)
    types = (_is_number, is_text, pa.types.is_boolean, pa.types.is_date, pa.types.is_null)
    return any(fits(kind) for fits in types)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _column(name: str, field: InputField, table: pa.Table, misfits: Misfits) -> Column:
    rows = range(table.num_rows)
    if name not in table.column_names:
        return column_of(name, field, [None] * len(rows), rows, misfits)
    cells = table.column(name)
    if isinstance(field, NumericField) and _is_number(cells.type):
        column = _floats(field, cells)
        if numbers_fit(field, column, cells.null_count if field.default is None else 0):
            return column
    return column_of(name, field, [cell for chunk in cells.chunks for cell in _cells(chunk)], rows, misfits)


def _floats(field: NumericField, cells: pa.ChunkedArray) -> Column:
    """float64 with NaN for null, or the default where there is one. Rounds as ``float`` does."""
    column: Column = cells.to_numpy().astype(np.float64)
    if field.default is not None and cells.null_count:
        column[cells.is_null().to_numpy()] = field.default
    return column


def _cells(array: pa.Array) -> Sequence[Any]:
    """As JSON would have them."""
    if pa.types.is_dictionary(array.type):
        return _looked_up(array)
    if pa.types.is_date(array.type):
        array = array.cast(pa.string())
    cells: Sequence[Any] = array.to_pylist()
    return cells


def _looked_up(array: pa.DictionaryArray) -> Sequence[Any]:
    """Only the entries that are used, each made once: a long one that every row names is still one text."""
    used = array.indices.drop_null().unique()
    known = dict(zip(used.to_pylist(), array.dictionary.take(used).to_pylist(), strict=True))
    return [known.get(code) for code in array.indices.to_pylist()]
