"""LightGBM and XGBoost without what they import for convenience: a third of the time and of the memory."""

from __future__ import annotations

import contextlib
import importlib
import sys

# Both import these for conveniences that no student uses.
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
