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
        return Rows({name: column[chosen] for name, column in self.columns.items()})

    def with_columns(self, more: Mapping[str, Column]) -> Rows:
        return Rows({**self.columns, **more})

    def select(self, names: Sequence[str]) -> Rows:
        return Rows({name: self.columns[name] for name in names})

    def record(self, row: int) -> dict[str, Any]:
        """One row as plain JSON values: missing is None, numbers are Python floats."""
        return {name: _plain(column[row]) for name, column in self.columns.items()}

    def records(self) -> Iterator[dict[str, Any]]:
        return (self.record(row) for row in range(len(self)))

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


def _plain(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return None if math.isnan(value) else float(value)
    return value
