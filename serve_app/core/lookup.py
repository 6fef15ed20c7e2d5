"""Finding rows of a feature table by item and day."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from serve_app.core.errors import FieldError, InvalidInput, NotFound, UnderstudyError, UnknownKey
from serve_app.core.rows import Column, Rows
from serve_app.core.use_case import FeatureTable

if TYPE_CHECKING:  # it is 40 MB, and comes into a replica with the first table that is read there
    import pandas as pd

_SUGGESTED_AMONG = 5_000
"""Among more items than these no near miss is looked for: it would take longer than the answer."""

_NAMED = 20
"""So many misfits of a batch are named."""

Positions = npt.NDArray[np.int64]


class Lookup:
    """A feature table in memory, by item and day. Never changes after it is made.

    ``frame`` holds the keys and at least ``table.columns``; raises ValueError when it does not
    fit that description, or has an item's day twice."""

    def __init__(self, table: FeatureTable, frame: pd.DataFrame) -> None:
        from serve_app.core.frames import text_of

        self._item, self._day = table.maker.item, table.maker.day
        items, days = text_of(frame[self._item]), text_of(frame[self._day])
        self._items = {item: code for code, item in enumerate(sorted(set(items)))}
        self._days = {day: code for code, day in enumerate(sorted(set(days)))}
        self._place = self._places(items, days)
        self._columns = _columns(table, frame)

    def join(self, rows: Rows) -> Rows:
        """``rows`` with the table's columns. Raises UnknownKey for an item that the table has never
        heard of, InvalidInput for a day on which it has no row, and names the row in a batch."""
        items = self._codes(self._items, rows[self._item])
        self._refuse_items(rows, items)
        days = self._codes(self._days, rows[self._day])
        found = np.where(days < 0, -1, self._place[items, days]) if len(rows) else days
        self._refuse_days(rows, items, found)
        return rows.with_columns({name: column[found] for name, column in self._columns.items()})

    def values(self, column: str) -> list[str]:
        """The distinct values of a key, sorted. Raises NotFound for anything but a key."""
        known = {self._item: self._items, self._day: self._days}
        if column not in known:
            raise NotFound(f"{column} is not a key of the feature table; its keys are {', '.join(known)}")
        return list(known[column])

    def _places(self, items: Column, days: Column) -> Positions:
        """Row number by item and day, -1 where there is no row."""
        place = np.full((len(self._items), len(self._days)), -1, dtype=np.int64)
        place[self._codes(self._items, items), self._codes(self._days, days)] = np.arange(len(items))
        if np.count_nonzero(place >= 0) != len(items):
            raise ValueError(f"the feature table has more than one row for a {self._item} and {self._day}")
        return place

    @staticmethod
    def _codes(known: dict[str, int], column: Column) -> Positions:
        return np.fromiter((known.get(value, -1) for value in column), dtype=np.int64, count=len(column))

    def _refuse_items(self, rows: Rows, codes: Positions) -> None:
        unknown = np.flatnonzero(codes < 0)
        if unknown.size:
            raise self._unknown(rows, unknown.tolist())

    def _unknown(self, rows: Rows, unknown: Sequence[int]) -> UnderstudyError:
        row = unknown[0]
        where = f"row {row}: " if len(rows) > 1 else ""
        more = f" (and {len(unknown) - 1} more rows with unknown ones)" if len(unknown) > 1 else ""
        item = rows[self._item][row]
        return UnknownKey(f"{where}no {self._item} {_shown(item)} is known{self._nearest(item)}{more}")

    def _nearest(self, item: str | None) -> str:
        if item is None or len(self._items) > _SUGGESTED_AMONG:
            return ""
        near = difflib.get_close_matches(item[:100], self._items, n=1)
        return f"; did you mean {near[0]!r}?" if near else ""

    def _refuse_days(self, rows: Rows, items: Positions, found: Positions) -> None:
        outside = np.flatnonzero(found < 0).tolist()
        if outside:
            errors = [self._outside(rows, row, int(items[row])) for row in outside[:_NAMED]]
            more = f" ({len(outside)} rows, the first {_NAMED} are named)" if len(outside) > _NAMED else ""
            raise InvalidInput(f"no data for that {self._day}{more}", errors)

    def _outside(self, rows: Rows, row: int, item: int) -> FieldError:
        days = list(self._days)
        there = np.flatnonzero(self._place[item] >= 0)
        expected = f"a day from {days[there[0]]} to {days[there[-1]]} for {self._item} {_shown(rows[self._item][row])}"
        return FieldError(self._day, _shown(rows[self._day][row]), expected, row if len(rows) > 1 else None)


def _columns(table: FeatureTable, frame: pd.DataFrame) -> dict[str, Column]:
    """The table's own columns as ``Rows`` hold them. The table was made by the pipeline, so a value
    outside the declared bounds is a bug in one of the two and is told as such."""
    from serve_app.core.frames import read

    missing = [name for name in table.columns if name not in frame]
    if missing:
        raise ValueError(f"the feature table lacks {', '.join(missing)}")
    rows, problems = read(table.columns, frame)
    wrong = next((f"{name} expects {why}" for name, each in problems.items() for _, why in each.values()), None)
    if wrong:
        raise ValueError(f"the feature table does not fit its description: {wrong}")
    return dict(rows.columns)


def _shown(value: str | None) -> str:
    return "missing" if value is None else repr(value[:100])
