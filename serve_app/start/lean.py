"""Ray Serve and MLflow without pandas, which the one imports in every process to write answers that are data frames,
and the other to log them.

None of ours is one. A replica, a proxy and the controller are each 36 MB smaller for it and begin half
a second of CPU earlier, and who asks MLflow is 50 MB smaller; what needs pandas itself still gets it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

WANT = ("ray.serve._private.utils", "mlflow")
"""They do without where pandas is not installed."""


class NoPandas(MetaPathFinder):
    """Only while one of those modules is being imported."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name == "pandas" and any(map(_is_coming, WANT)):
            raise ModuleNotFoundError("no data frame is answered here", name=name)
        return None


def _is_coming(module: str) -> bool:
    return bool(getattr(getattr(sys.modules.get(module), "__spec__", None), "_initializing", False))


def without_pandas() -> None:
    """Before Serve is imported."""
    sys.meta_path.insert(0, NoPandas())
