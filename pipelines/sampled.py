"""Samples of a table that does not fit into memory, and what a bag may learn from its own.

"Pasting" (L. Breiman 1999, "Pasting small votes for classification in large databases and on-line"): each
bag learns from a sample of its own, and together they have seen more than any of them could hold.

    ring      every row has a place in [0, 1), by a hash of its features
    common    the first ``most`` rows from 0 on: features, folds and calibration are learned from them
    own       of bag b the first ``most`` rows from another start on, but none of the common fold b,
              which stops the bag and judges it

Which rows those are depends on the rows alone: not on the order in which they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from pipelines.dataset import DAY, LABEL, PLACE, SOURCE, labelled_of
from pipelines.labelled import LabelledRows
from pipelines.split import take
from serve_app.core.use_case import UseCase

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Sampled:
    """``place``: (n,) where on the ring each row stands."""

    labelled: LabelledRows
    place: Floats

    def __len__(self) -> int:
        return len(self.labelled)

    def take(self, index: npt.NDArray[np.intp]) -> Sampled:
        return Sampled(take(self.labelled, index), self.place[index])


class Stretch:
    """The ``most`` rows that come first on the ring from ``start`` on; it never holds more, but for the
    batch that was added last."""

    def __init__(self, start: float, most: int) -> None:
        self._start, self._most = start, most
        self._pieces: list[pa.Table] = []
        self._reach = np.inf
        self.held = 0
        self.most_held = 0

    def add(self, batch: pa.Table) -> None:
        near = self._from_start(batch) <= self._reach
        if not near.any():
            return
        self._pieces.append(batch.filter(pa.array(near)))
        self.held += int(near.sum())
        self.most_held = max(self.most_held, self.held)
        if self.held > self._most:
            self._let_go()

    def sampled(self, use_case: UseCase, horizon_days: int) -> Sampled:
        """In one order, whatever the order in which they came. Empties the stretch."""
        frame = _frame(pa.concat_tables(self._pieces))
        self._pieces = []
        labelled = labelled_of(use_case, frame, horizon_days)
        place = frame[PLACE].to_numpy(dtype=np.float64)
        by_day = (place,) if labelled.time is None else (place, frame[DAY].to_numpy(dtype="datetime64[D]"))
        return Sampled(labelled, place[np.lexsort(by_day)])

    def _from_start(self, table: pa.Table) -> Floats:
        return np.asarray((table[PLACE].to_numpy() - self._start) % 1.0, dtype=np.float64)

    def _let_go(self) -> None:
        """Of rows at one place, which are alike in their features, the first by label, source and day stay."""
        whole = pa.concat_tables(self._pieces)
        distance = self._from_start(whole)
        self._reach = float(np.partition(distance, self._most - 1)[self._most - 1])
        kept = np.flatnonzero(distance < self._reach)
        last = np.flatnonzero(distance == self._reach)
        if len(last) > self._most - len(kept):
            told = _frame(whole.select([LABEL, SOURCE, DAY]).take(pa.array(last)))
            last = last[told.sort_values([LABEL, SOURCE, DAY], kind="stable").index[: self._most - len(kept)]]
        self._pieces = [whole.take(pa.array(np.sort(np.concatenate((kept, last)))))]
        self.held = self._most


def gather(batches: Iterable[pa.Table], stretches: Sequence[Stretch]) -> None:
    """One reading fills all of them."""
    for batch in batches:
        for stretch in stretches:
            stretch.add(batch)


def start_of(bag: int, bags: int) -> float:
    """Where bag ``bag`` of ``bags`` begins; the common sample begins at 0."""
    return (bag + 1) / (bags + 1)


def clear_of(own: Sampled, held: Sampled) -> Mask:
    """(n,) rows of ``own`` that may be learned from while ``held`` judges: see ``split.apart``."""
    if own.labelled.time is None or held.labelled.time is None:
        return ~np.isin(own.place, held.place)
    time, stretch = own.labelled.time, held.labelled.time
    reach = np.timedelta64(own.labelled.horizon_days, "D")
    return np.asarray((time + reach < stretch.min()) | (time > stretch.max() + reach))


def found_in(own: Sampled, common: Sampled) -> npt.NDArray[np.intp]:
    """(n,) where in ``common`` a row of the same features stands, -1 where there is none."""
    order = np.argsort(common.place, kind="stable")
    at = np.minimum(np.searchsorted(common.place[order], own.place), len(order) - 1)
    return np.where(common.place[order[at]] == own.place, order[at], -1)


def _frame(table: pa.Table) -> pd.DataFrame:
    return pd.DataFrame({name: _cells(table[name]) for name in table.column_names})


def _cells(column: pa.ChunkedArray) -> pd.Series[Any]:
    if pa.types.is_floating(column.type):
        return pd.Series(column.to_numpy(), dtype=np.float64)
    return pd.Series(column.to_pylist(), dtype=object)
