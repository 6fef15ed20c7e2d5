"""A forest of LightGBM's that is asked through machine code: the same bits, several times as fast in batches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from serve_app.adapters.boosted_student import SMALL, Forest
from serve_app.adapters.tree_kernel import kernel
from serve_app.adapters.tree_tables import TreeTables
from serve_app.adapters.tree_walk import LANES, SLOTS
from serve_app.core.student_file import Floats
from serve_app.core.tfidf import Floats32

_ALIGNED = 64


class CompiledForest:
    """``plain``: the same trees in the library's hands. It explains, and is asked for what the code does not take."""

    predictor = "compiled"

    def __init__(self, tables: TreeTables, plain: Forest) -> None:
        self._tables, self._plain = tables, plain
        self._kernel = kernel(tables.bits)
        self._bags, self._scores, self._columns = (int(each) for each in tables.shape)
        numbers = [len(tables.used), self._bags * self._scores, self._scores, self._columns]
        self._slots = np.array([*(getattr(tables, name).ctypes.data for name in SLOTS), *numbers], dtype=np.int64)
        self._at = self._slots.ctypes.data
        # Measured: a block takes 2 ns a node, however few its rows; LightGBM 2.5 µs a bag and 25 ns a tree for a row.
        self._lone_is_plain = 2 * len(tables.column) > 2500 * self._bags + 25 * len(tables.trees)

    def raw(self, matrix: Floats32, threads: int) -> Iterable[Floats]:
        if not self._takes(matrix) or (self._lone_is_plain and len(matrix) == 1):
            return self._plain.raw(matrix, threads)
        found = np.empty((self._bags, len(matrix), self._scores))
        if threads > 1 and len(matrix) > SMALL:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(lambda part: self._walk(matrix, found, *part), _shares(len(matrix), threads)))
        elif len(matrix):
            self._walk(matrix, found, 0, len(matrix))
        return found

    def contributions(self, matrix: Floats32) -> Iterable[Floats]:
        return self._plain.contributions(matrix)

    def _takes(self, matrix: Floats32) -> bool:
        return matrix.dtype == np.float32 and matrix.flags.c_contiguous and matrix.shape[1] == self._columns

    def _walk(self, matrix: Floats32, found: Floats, start: int, count: int) -> None:
        """Rows from ``start`` on. The interpreter is free meanwhile."""
        room = np.empty(4 * LANES * len(self._tables.used) + _ALIGNED, dtype=np.uint8)
        turned = math.ceil(room.ctypes.data / _ALIGNED) * _ALIGNED
        rows = matrix.ctypes.data + 4 * self._columns * start
        self._kernel(self._at, rows, count, len(matrix), turned, found.ctypes.data + 8 * self._scores * start)


def _shares(rows: int, threads: int) -> Sequence[tuple[int, int]]:
    """Start and count of each, in whole blocks."""
    size = LANES * math.ceil(rows / threads / LANES)
    return [(start, min(size, rows - start)) for start in range(0, rows, size)]
