"""Rows: a batch of validated instances, held as columns.

A batch travels the graph, never a single request, so that hops are paid once a batch and rules run
over whole columns. A lone instance is a batch of one.

Numeric columns are float64 with NaN for "missing"; all others are object columns of ``str`` with
None for "missing". Dates are ISO ``YYYY-MM-DD`` strings.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """``columns``: name -> array of length n, all of the same n. Never changed after it is made."""

    columns: Mapping[str, Column]

    def __reduce__(self) -> tuple[Any, ...]:
        """Travels as one block of numbers and lists of texts: an array a column takes three times as long."""
        numbers = [column for column in self.columns.values() if column.dtype == np.float64]
        others = [_told(column) for column in self.columns.values() if column.dtype != np.float64]
        places = tuple(column.dtype == np.float64 for column in self.columns.values())
        return _unpacked, (self.names, places, np.array(numbers), others)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.columns)

    def take(self, index: npt.NDArray[Any] | Sequence[int]) -> Rows:
        """The rows at ``index`` (integers or a boolean mask), in that order."""
        chosen = np.asarray(index)
        if chosen.dtype != bool:
            chosen = chosen.astype(np.intp)
        elif chosen.all() and len(chosen) == len(self):
            return self
        return Rows({name: column[chosen] for name, column in self.columns.items()})

    def span(self, start: int, stop: int) -> Rows:
        """The rows from ``start`` until before ``stop``. Views: nothing is copied."""
        return Rows({name: column[start:stop] for name, column in self.columns.items()})

    @property
    def kinds(self) -> tuple[tuple[str, str], ...]:
        """Name and type of each column: rows of the same kinds can be stacked."""
        return tuple((name, column.dtype.char) for name, column in self.columns.items())

    @classmethod
    def stacked(cls, parts: Sequence[Rows]) -> Rows:
        """The rows of all ``parts``, which are of the same kinds, one after the other."""
        if len(parts) == 1:
            return parts[0]
        return cls({name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns})

    def with_columns(self, more: Mapping[str, Column]) -> Rows:
        return Rows({**self.columns, **more})

    def select(self, names: Sequence[str]) -> Rows:
        return Rows({name: self.columns[name] for name in names})

    def record(self, row: int) -> dict[str, Any]:
        """One row as plain JSON values: missing is None, numbers are Python floats."""
        return {name: _plain(column[row]) for name, column in self.columns.items()}

    def records(self) -> Iterator[dict[str, Any]]:
        """All of them, a column at a time: to reach into an array for every cell takes ten times as long."""
        cells = [_plain_cells(column) for column in self.columns.values()]
        return (dict(zip(self.columns, row, strict=True)) for row in zip(*cells, strict=True))

    @classmethod
    def from_records(cls, records: Sequence[Mapping[str, Any]], numeric: Sequence[str], other: Sequence[str]) -> Rows:
        """The inverse of ``records``: exact, since JSON floats round-trip through ``repr``."""
        columns: dict[str, Column] = {name: numeric_column([r.get(name) for r in records]) for name in numeric}
        columns |= {name: text_column([r.get(name) for r in records]) for name in other}
        return cls(columns)


def numeric_column(values: Sequence[float | None]) -> Column:
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


def text_column(values: Sequence[str | None]) -> Column:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _plain_cells(column: Column) -> list[Any]:
    if column.dtype.kind == "f":
        return [None if cell != cell else cell for cell in column.tolist()]
    return [_plain(cell) for cell in column]


def _plain(value: Any) -> Any:
    if value is None or type(value) is str:
        return value
    if isinstance(value, float | np.floating):
        return None if math.isnan(value) else float(value)
    return value


def _told(column: Column) -> Any:
    return column.tolist() if column.dtype == object else column


def _unpacked(names: tuple[str, ...], numeric: tuple[bool, ...], numbers: Column, others: Sequence[Any]) -> Rows:
    block, rest = iter(numbers), iter(others)
    columns = [next(block) if number else next(rest) for number in numeric]
    return Rows(
        {name: text_column(each) if isinstance(each, list) else each for name, each in zip(names, columns, strict=True)}
    )
