"""The quick way through validation: a whole batch against a whole schema in a few operations.

It says yes or "perhaps not", never why. What it lets through is what ``core/schema.py``, cell by
cell, lets through as well, with the same bits; whatever it holds back is judged there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np

from serve_app.core.cells import NUMBERS, Texts, text_problem, texts_fit
from serve_app.core.rows import Column, text_column
from serve_app.core.use_case import DateField, IdField, InputField, NumericField, TextField

_MISSING = type(None)


class Sieve:
    """Made once a schema. ``numeric``: its numeric fields, and ``bounds`` what they ask."""

    def __init__(self, fields: Mapping[str, InputField]) -> None:
        numeric = {name: field for name, field in fields.items() if isinstance(field, NumericField)}
        self.fields, self.numeric = fields, tuple(numeric)
        self.bounds = Bounds(list(numeric.values()))
        self._known, self._nothing = frozenset(fields), dict.fromkeys(fields)
        self._numbers = _reader(self.numeric)
        self._texts = [(name, field) for name, field in fields.items() if not isinstance(field, NumericField)]

    def columns(self, instances: Sequence[Any]) -> dict[str, Column] | None:
        """A column for every field, None where something may not fit."""
        if set(map(type, instances)) != {dict}:
            return None
        try:
            if set(map(len, instances)) == {len(self._known)}:
                return self._read(instances)
        except KeyError:  # one that is optional is not there, and one that nobody knows is
            pass
        if not all(map(self._known.issuperset, instances)):
            return None
        return self._read([{**self._nothing, **instance} for instance in instances])

    def _read(self, instances: Sequence[Mapping[str, Any]]) -> dict[str, Column] | None:
        """Raises KeyError where a field is not there."""
        columns: dict[str, Any] = dict(self._nothing)
        fits = self._add_numbers(columns, instances) and self._add_texts(columns, instances)
        return columns if fits else None

    def _add_numbers(self, columns: dict[str, Any], instances: Sequence[Mapping[str, Any]]) -> bool:
        if not self.numeric:
            return True
        block = self.bounds.block(list(chain.from_iterable(map(self._numbers, instances))), len(instances))
        if block is None:
            return False
        columns.update(zip(self.numeric, block, strict=True))
        return True

    def _add_texts(self, columns: dict[str, Any], instances: Sequence[Mapping[str, Any]]) -> bool:
        for name, field in self._texts:
            cells = [instance[name] for instance in instances]
            if field.default is not None:
                cells = [field.default if cell is None else cell for cell in cells]
            if not (_is_plain(field, cells[0]) if len(cells) == 1 else texts_fit(field, cells)):
                return False
            columns[name] = text_column(cells)
        return True


def _reader(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """``itemgetter``, which of a lone name gives no tuple."""
    return itemgetter(*names) if len(names) > 1 else lambda instance: tuple(instance[name] for name in names)


def _is_plain(field: Texts | DateField, cell: Any) -> bool:
    """Short of looking closely: a text in ASCII that a field without further rules takes."""
    if isinstance(field, TextField | IdField) and type(cell) is str and cell.isascii():
        return len(cell) <= field.max_length and "\0" not in cell
    return text_problem(field, cell) is None


class Bounds:
    """What ``fields``, all numeric, ask of their values: columns [fields, 1] beside a block [fields, rows]."""

    def __init__(self, fields: Sequence[NumericField]) -> None:
        self._low = _column([field.minimum for field in fields], -np.inf)
        self._high = _column([field.maximum for field in fields], np.inf)
        self._default = _column([field.default for field in fields], np.nan)
        self._needed = np.array([[field.required and field.default is None] for field in fields], dtype=bool)
        self._whole = [row for row, field in enumerate(fields) if field.integer]
        self._bounded = bool(np.isfinite(self._low).any() or np.isfinite(self._high).any())

    def block(self, cells: Sequence[Any], rows: int) -> Column | None:
        """``cells``: JSON values, row by row. float64 [fields, rows] with NaN for missing; None when a cell
        may not fit."""
        kinds = set(map(type, cells))
        if not kinds <= NUMBERS | {_MISSING}:
            return None
        try:
            block = np.fromiter(cells, np.float64, len(cells)).reshape(rows, -1)
        except OverflowError:
            return None
        return self.checked(np.ascontiguousarray(block.T), cells.count(None) if _MISSING in kinds else 0)

    def checked(self, block: Column, missing: int) -> Column | None:
        """``block`` with defaults for its NaNs, of which there must be as many as are ``missing``."""
        filled = self._filled(block, missing)
        return filled if filled is not None and self._inside(filled) else None

    def _filled(self, block: Column, missing: int) -> Column | None:
        """NaN stands for missing, so a NaN that was sent must be told apart: by counting the Nones."""
        finite = np.isfinite(block)
        if missing == 0:
            return block if finite.all() else None
        if int(finite.sum()) + missing != block.size or (~finite & self._needed).any():
            return None
        return np.where(finite, block, self._default)

    def _inside(self, block: Column) -> bool:
        if self._bounded and bool((block < self._low).any() or (block > self._high).any()):
            return False
        if not self._whole:
            return True
        whole = block[self._whole]
        return not bool(((whole != np.floor(whole)) & ~np.isnan(whole)).any())


def _column(values: Sequence[float | None], otherwise: float) -> Column:
    return np.array([[otherwise if value is None else value] for value in values], dtype=np.float64).reshape(-1, 1)
