"""Sparse rows as plain arrays, and their products, without scipy's matrix around them: to make one takes longer
than to multiply a few rows.

The product is summed row by row in the order of the columns, by scipy's own kernel, so that it has the bits of
``matrix @ dense``. The kernel has no public name; where it is not found, that is what is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

try:
    from scipy.sparse._sparsetools import csr_matvecs
except ImportError:
    csr_matvecs = None

Indices = npt.NDArray[np.intp]
Floats32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Csr:
    """``starts``: (rows + 1,), where the values of each row begin; ``column`` and ``value`` of each, sorted."""

    starts: Indices
    column: Indices
    value: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def matrix(self, columns: int) -> sparse.csr_matrix:
        return sparse.csr_matrix((self.value, self.column, self.starts), shape=(len(self), columns))

    def times(self, dense: Floats32, kernel: Any = csr_matvecs) -> Floats32:
        """(rows, vectors) of float32. ``dense``: (columns, vectors); the values are float32 too."""
        if kernel is None:
            return np.asarray(self.matrix(len(dense)) @ dense)
        columns, vectors = dense.shape
        out = np.zeros((len(self), vectors), dtype=np.float32)
        kernel(len(self), columns, vectors, self.starts, self.column, self.value, dense.ravel(), out.ravel())
        return out

    def squares(self) -> Floats32:
        """(rows,): the sum of the squares of each row, in the order of its columns."""
        first = np.zeros_like(self.column)
        return Csr(self.starts, first, self.value**2).times(_ONE)[:, 0]


_ONE = np.ones((1, 1), dtype=np.float32)
