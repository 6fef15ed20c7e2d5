"""Feature tables in Parquet files, as the pipeline materialises them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from serve_app.core.errors import NotFound, Unavailable
from serve_app.core.lookup import Lookup
from serve_app.core.rows import Rows
from serve_app.core.use_case import FeatureTable

log = logging.getLogger(__name__)

Stamp = tuple[int, int, int]
"""Inode, time of change, size: another file under the same name has another stamp."""

Located = tuple[FeatureTable, Path]
Where = Callable[[str], Located | None]
"""A use case's table and its file, None for one that has no table. May raise UnknownUseCase."""


def table_path(state: Path, use_case: str, table: FeatureTable) -> Path:
    """Where the materialised table of a use case lies: the pipeline writes it, serving reads it."""
    return Path(state) / "use_cases" / use_case / table.file


@dataclass(frozen=True, slots=True)
class _Loaded:
    lookup: Lookup
    table: FeatureTable
    stamp: Stamp


class ParquetFeatureTables:
    """Reads a table at first use, and again when its file was replaced; looks at the file at most
    every ``refresh_s`` seconds. A file that vanishes or breaks leaves the last good table in use.

    Safe to share by threads; between processes only what finds the files travels."""

    def __init__(self, where: Where, refresh_s: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._where, self._refresh_s, self._clock = where, refresh_s, clock
        self._loaded: dict[str, _Loaded] = {}
        self._looked: dict[str, float] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return ParquetFeatureTables, (self._where, self._refresh_s)

    def join(self, use_case: str, rows: Rows) -> Rows:
        """``rows`` with the table's columns, or as they are for a use case without a table. Raises
        UnknownKey, InvalidInput for a day outside, Unavailable while there is no table yet."""
        located = self._where(use_case)
        return rows if located is None else self._lookup(use_case, *located).join(rows)

    def values(self, use_case: str, column: str) -> list[str]:
        """The distinct values of a key, sorted. Raises NotFound for anything but a key."""
        located = self._where(use_case)
        if located is None:
            raise NotFound(f"{use_case} has no feature table")
        return self._lookup(use_case, *located).values(column)

    def _lookup(self, use_case: str, table: FeatureTable, path: Path) -> Lookup:
        loaded = self._loaded.get(use_case)
        now = self._clock()
        if loaded is None or loaded.table is not table or now - self._looked[use_case] >= self._refresh_s:
            with self._lock:
                self._looked[use_case] = now
                loaded = self._refreshed(use_case, table, path)
        return loaded.lookup

    def _refreshed(self, use_case: str, table: FeatureTable, path: Path) -> _Loaded:
        current = self._loaded.get(use_case)
        try:
            stamp = _stamp(path)
            if current is None or current.stamp != stamp or current.table != table:
                current = self._loaded[use_case] = _Loaded(_load(table, path), table, stamp)
        except (OSError, pa.ArrowException, KeyError, ValueError) as error:
            if current is None or current.table != table:
                raise Unavailable(_why(use_case, error), 5) from error
            log.warning("the feature table of %s cannot be read again, the last good one serves: %s", use_case, error)
        return current


def _stamp(path: Path) -> Stamp:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


def _load(table: FeatureTable, path: Path) -> Lookup:
    return Lookup(table, pq.read_table(path, columns=[*table.keys, *table.columns]).to_pandas())


def _why(use_case: str, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"the feature table of {use_case} has not been made yet"
    return f"the feature table of {use_case} cannot be read: {error}"
