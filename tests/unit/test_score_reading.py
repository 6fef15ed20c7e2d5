"""A table read by spans: whoever reads which of them, together they are the table."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.fs
import pyarrow.parquet as pq
import pytest

from pipelines.score_reading import Reader, Span, columns, rows_of, spans

LOCAL = pyarrow.fs.LocalFileSystem()
ROWS = 10_000


def table(first: int = 0, rows: int = ROWS) -> pa.Table:
    numbers = range(first, first + rows)
    return pa.table({"id": [f"r{n}" for n in numbers], "note": [f'"{n}",\n or' for n in numbers], "more": numbers})


def put(path: Path, of: pa.Table, group: int = 0) -> str:
    if path.suffix == ".csv":
        pyarrow.csv.write_csv(of, path)
    else:
        pq.write_table(of, path, row_group_size=group)
    return str(path)


def read(reader: Reader, span: Span) -> list[str]:
    parts = list(reader.read(span))
    assert all(len(part) > 0 for part in parts)
    assert all(part.column_names == ["id", "note"] for part in parts), "and no column that nobody wants"
    return pa.concat_tables(parts)["id"].to_pylist()


@pytest.mark.parametrize("group", [700, 4_096, ROWS, None])
@pytest.mark.parametrize("seed", range(3))
def test_any_spans_in_their_order(tmp_path: Path, group: int | None, seed: int) -> None:
    rng = np.random.default_rng(seed)
    file = put(tmp_path / ("t.csv" if group is None else "t.parquet"), table(), group or 0)
    cuts = sorted({0, ROWS, *rng.integers(1, ROWS, 9).tolist()})
    all_of_it = [Span(n, file, *cut) for n, cut in enumerate(pairwise(cuts))]
    wanted = table()["id"].to_pylist()
    for some in (all_of_it, all_of_it[::2], all_of_it[1::3], all_of_it[-1:], all_of_it[:1] * 2):
        reader = Reader(LOCAL, {"id", "note", "absent"})
        for span in some:
            assert read(reader, span) == wanted[span.start : span.stop]


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_spans_are_all_rows_in_the_order_of_the_files(tmp_path: Path, suffix: str) -> None:
    files = [
        put(tmp_path / f"{name}{suffix}", table(first, rows), 250)
        for name, first, rows in (("a", 0, 700), ("b", 700, 0), ("c", 700, 300))
    ]
    found = spans({file: rows_of(LOCAL, file) for file in files}, most=300)
    assert [(Path(s.file).stem, s.start, s.stop) for s in found] == [
        ("a", 0, 300), ("a", 300, 600), ("a", 600, 700), ("c", 0, 300),
    ]  # fmt: skip
    assert [span.number for span in found] == [0, 1, 2, 3]
    reader = Reader(LOCAL, {"id", "note"})
    assert [row for span in found for row in read(reader, span)] == [f"r{n}" for n in range(1_000)]
    assert columns(LOCAL, files[0]) == ["id", "note", "more"]


def test_what_lies_before_is_passed_over_by_row_groups(tmp_path: Path) -> None:
    """A group that nobody asks for may be unreadable."""
    file = Path(put(tmp_path / "t.parquet", table(), 1_000))
    begins = pq.ParquetFile(file).metadata.row_group(2).column(0).dictionary_page_offset
    spoilt = bytearray(file.read_bytes())
    spoilt[4:begins] = b"\xff" * (begins - 4)
    file.write_bytes(bytes(spoilt))
    reader = Reader(LOCAL, {"id", "note"})
    assert read(reader, Span(0, str(file), 2_100, 2_200)) == [f"r{n}" for n in range(2_100, 2_200)]
    assert read(reader, Span(1, str(file), 9_500, 9_600)) == [f"r{n}" for n in range(9_500, 9_600)]
    with pytest.raises((OSError, pa.ArrowException)):
        read(Reader(LOCAL, {"id", "note"}), Span(0, str(file), 0, 10))


def test_a_span_that_is_asked_for_once_more(tmp_path: Path) -> None:
    """As after the loss of who had it."""
    file, reader = put(tmp_path / "t.parquet", table(), 1_000), Reader(LOCAL, {"id", "note"})
    for start in (3_000, 0, 5_000, 3_000):
        assert read(reader, Span(0, file, start, start + 500)) == [f"r{n}" for n in range(start, start + 500)]
