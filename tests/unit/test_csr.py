from __future__ import annotations

import numpy as np
import pytest

from serve_app.core.csr import Csr


def rows(count: int, columns: int, seed: int) -> Csr:
    rng = np.random.default_rng(seed)
    each = [np.sort(rng.choice(columns, rng.integers(0, columns), replace=False)) for _ in range(count)]
    starts = np.cumsum([0, *map(len, each)])
    column = np.concatenate([np.zeros(0, np.intp), *each])
    return Csr(starts, column, rng.normal(size=len(column)).astype(np.float32))


@pytest.mark.parametrize("count", [0, 1, 7])
@pytest.mark.parametrize("vectors", [1, 5])
def test_a_product_has_the_bits_of_scipys(count: int, vectors: int) -> None:
    dense = np.random.default_rng(1).normal(size=(40, vectors)).astype(np.float32)
    own = rows(count, 40, seed=2)
    wanted = np.asarray(own.matrix(40) @ dense)
    for found in (own.times(dense), own.times(dense, kernel=None)):
        assert found.dtype == np.float32
        assert found.shape == (count, vectors)
        assert (found.view(np.int32) == wanted.view(np.int32)).all()


def test_squares_are_summed_in_order() -> None:
    own = rows(9, 60, seed=3)
    for row, found in enumerate(own.squares()):
        total = np.float32(0)
        for value in own.value[own.starts[row] : own.starts[row + 1]]:
            total = total + value * value
        assert found == total
