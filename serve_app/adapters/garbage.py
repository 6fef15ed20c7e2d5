"""Python's garbage collection, for processes that make many small objects and hardly a cycle."""

from __future__ import annotations

import gc

RARELY = (50_000, 20, 100)
"""Python's own (700, 10, 10) soon goes through all that was ever imported, 300,000 objects and 30 ms: a tenth of an
ingress's CPU, and two microseconds for every row that is scored."""


def collect_rarely() -> None:
    """For this process."""
    gc.set_threshold(*RARELY)
