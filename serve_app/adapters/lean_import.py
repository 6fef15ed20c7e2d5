"""LightGBM without what it imports for convenience: a quarter of the time, a third of the memory."""

from __future__ import annotations

import contextlib
import importlib
import sys

# LightGBM imports these for conveniences that no student uses; without them it starts in half the time.
_CONVENIENCES = ("sklearn", "dask", "matplotlib", "pandas", "pyarrow")


def import_lean(name: str) -> None:
    """Does nothing when ``name`` is imported already. The process can predict, not train on data frames."""
    if name in sys.modules:
        return
    blocked = [other for other in _CONVENIENCES if other not in sys.modules]
    for other in blocked:
        sys.modules[other] = None  # type: ignore[assignment]
    try:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    finally:
        for other in blocked:
            sys.modules.pop(other, None)
