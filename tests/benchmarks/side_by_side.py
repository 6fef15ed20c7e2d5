"""The same work for many names, over processes: what is found does not depend on how many there are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Name = TypeVar("Name")
Found = TypeVar("Found")

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""Read by a process as it starts. Threads of its own would wait for those of its neighbours, and sums of
another order differ in the last bit."""


def side_by_side(
    work: Callable[[Name], Found], names: Iterable[Name], processes: int | None = None, each: int = 1
) -> list[Found]:
    """In the order of ``names``, ``each`` of them handed out at a time. A process is started anew, never forked
    from one in which a library already has threads."""
    os.environ.update(ONE_THREAD)
    with ProcessPoolExecutor(processes or os.cpu_count(), mp_context=get_context("spawn")) as pool:
        return list(pool.map(work, names, chunksize=each))
