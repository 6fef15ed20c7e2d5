"""Memory of a worker that is free goes back to the machine, twice a minute.

glibc keeps what lies between things that are still in use, and every thread frees into an arena of its own: a replica
grew by 0.4 MB with every swap, and after a burst stayed as large as in it. Fewer arenas (``MALLOC_ARENA_MAX``) would
keep it smaller too, but threads then wait for each other: an ingress answered half as much.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable

EVERY_S = 30.0


def keep_small(every_s: float = EVERY_S) -> None:
    """A thread, for as long as the process lives. Of other C libraries than glibc nothing is asked."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        threading.Thread(target=_keep, args=(trim, every_s), name="heap", daemon=True).start()


def _keep(trim: Callable[[int], object], every_s: float) -> None:
    """Takes milliseconds, in which the interpreter's lock is free."""
    while True:
        time.sleep(every_s)
        trim(0)
