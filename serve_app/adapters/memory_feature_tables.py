"""Feature tables in memory, with the laws of the real ones."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from serve_app.core.errors import NotFound, Unavailable
from serve_app.core.lookup import Lookup
from serve_app.core.rows import Rows
from serve_app.core.use_case import FeatureTable


class MemoryFeatureTables:
    """``tables``: use case -> its table's description and its content (None: not made yet)."""

    def __init__(self, tables: Mapping[str, tuple[FeatureTable, pd.DataFrame | None]]) -> None:
        self._described = {name: table for name, (table, _) in tables.items()}
        self._lookups: dict[str, Lookup] = {}
        for name, (_, frame) in tables.items():
            if frame is not None:
                self.replace(name, frame)

    def replace(self, use_case: str, frame: pd.DataFrame) -> None:
        """Another content, as when the pipeline has made the table anew."""
        self._lookups[use_case] = Lookup(self._described[use_case], frame)

    def join(self, use_case: str, rows: Rows) -> Rows:
        return self._lookup(use_case).join(rows) if use_case in self._described else rows

    def values(self, use_case: str, column: str) -> list[str]:
        if use_case not in self._described:
            raise NotFound(f"{use_case} has no feature table")
        return self._lookup(use_case).values(column)

    def _lookup(self, use_case: str) -> Lookup:
        if use_case not in self._lookups:
            raise Unavailable(f"the feature table of {use_case} has not been made yet")
        return self._lookups[use_case]
