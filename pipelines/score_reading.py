"""A table that is scored, read by spans: each by one process, so that none holds more than a span of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.fs
import pyarrow.parquet as pq

PARQUET, CSV = (".parquet", ".pq"), (".csv",)

BATCH_ROWS = 4_096

NOWHERE = -1

_QUOTED = pyarrow.csv.ParseOptions(newlines_in_values=True)


@dataclass(frozen=True, slots=True)
class Span:
    """The rows of ``file`` from ``start`` until before ``stop``; ``number``: in the order of the table."""

    number: int
    file: str
    start: int
    stop: int


def spans(rows: Mapping[str, int], most: int) -> list[Span]:
    """All rows of the files, in their order, ``most`` to a span. ``rows``: how many each has."""
    found: list[Span] = []
    for file, count in rows.items():
        for start in range(0, count, most):
            found.append(Span(len(found), file, start, min(start + most, count)))
    return found


def rows_of(filesystem: pyarrow.fs.FileSystem, file: str) -> int:
    """A CSV tells how many it has only to who reads it. Raises OSError, and ArrowException for what is no table."""
    if file.endswith(PARQUET):
        return int(pq.read_metadata(file, filesystem=filesystem).num_rows)
    first = columns(filesystem, file)[:1]
    told = pyarrow.csv.ConvertOptions(include_columns=first, column_types=dict.fromkeys(first, pa.string()))
    return sum(map(len, _streamed(filesystem, file, told)))


def columns(filesystem: pyarrow.fs.FileSystem, file: str) -> list[str]:
    """Raises OSError, and ArrowException for what is no table."""
    if file.endswith(PARQUET):
        return list(pq.read_schema(file, filesystem=filesystem).names)
    with filesystem.open_input_stream(file) as stream:
        return list(pyarrow.csv.open_csv(stream, parse_options=_QUOTED).schema.names)


class Reader:
    """``wanted``: the columns that are read, of those that a file has. One process asks for its spans in their order,
    so that a file is gone through once: what lies between two of them is passed over, by row groups where it can be."""

    def __init__(self, filesystem: pyarrow.fs.FileSystem, wanted: Collection[str]) -> None:
        self._filesystem, self._wanted = filesystem, wanted
        self._open: _OpenFile | None = None

    def read(self, span: Span) -> Iterator[pa.Table]:
        """Raises OSError, and ArrowException for what is no table."""
        if self._open is None or self._open.name != span.file:
            opened = _parquet if span.file.endswith(PARQUET) else _csv
            self._open = opened(self._filesystem, span.file, self._wanted)
        return self._open.take(span.start, span.stop)


class _OpenFile:
    """``begins``: the row that reading begins with where ``start`` is wanted; ``batches``: all from there on."""

    def __init__(
        self, name: str, begins: Callable[[int], int], batches: Callable[[int], Iterator[pa.RecordBatch]]
    ) -> None:
        self.name, self._begins, self._batches = name, begins, batches
        self._at, self._coming = NOWHERE, iter(())

    def take(self, start: int, stop: int) -> Iterator[pa.Table]:
        """Tables of all rows from ``start`` until before ``stop``. To be gone through to its end."""
        first = self._begins(start)
        if not first <= self._at <= start:
            self._at, self._coming = first, self._batches(first)
        while self._at < stop:
            batch = next(self._coming)
            ahead, self._at = self._at, self._at + len(batch)
            if self._at > stop:  # the rest is for the next span
                self._coming, self._at = _then(batch.slice(stop - ahead), self._coming), stop
            if self._at > start:
                mine = batch.slice(max(0, start - ahead), self._at - max(ahead, start))
                yield pa.Table.from_batches([mine])


def _then(first: pa.RecordBatch, others: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from others


def _parquet(filesystem: pyarrow.fs.FileSystem, file: str, wanted: Collection[str]) -> _OpenFile:
    found = pq.ParquetFile(filesystem.open_input_file(file))
    groups = [found.metadata.row_group(group).num_rows for group in range(found.num_row_groups)]
    firsts = list(accumulate(groups, initial=0))[:-1]
    names = [name for name in found.schema_arrow.names if name in wanted]

    def begins(start: int) -> int:
        return max((first for first in firsts if first <= start), default=0)

    def batches(first: int) -> Iterator[pa.RecordBatch]:
        chosen = [group for group, row in enumerate(firsts) if row >= first and groups[group]]
        return iter(found.iter_batches(BATCH_ROWS, row_groups=chosen, columns=names, use_threads=False))

    return _OpenFile(file, begins, batches)


def _csv(filesystem: pyarrow.fs.FileSystem, file: str, wanted: Collection[str]) -> _OpenFile:
    """Cells stay text and only empty ones are missing, as wherever a CSV is read: the field decides."""
    names = columns(filesystem, file)
    convert: dict[str, Any] = {"column_types": dict.fromkeys(names, pa.string()), "null_values": [""]}
    chosen = [name for name in names if name in wanted]

    def batches(first: int) -> Iterator[pa.RecordBatch]:
        told = pyarrow.csv.ConvertOptions(**convert, strings_can_be_null=True, include_columns=chosen)
        return iter(_streamed(filesystem, file, told))

    return _OpenFile(file, lambda start: 0, batches)


def _streamed(filesystem: pyarrow.fs.FileSystem, file: str, told: pyarrow.csv.ConvertOptions) -> Any:
    return pyarrow.csv.open_csv(filesystem.open_input_stream(file), parse_options=_QUOTED, convert_options=told)
