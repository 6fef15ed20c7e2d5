"""Tables as people hand them over."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from serve_app.adapters.table_file import read_table
from serve_app.core.errors import InvalidInput


def saved(tmp_path: Path, content: bytes | str) -> Path:
    file = tmp_path / "table.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


@pytest.mark.parametrize(
    ("content", "columns", "first", "said"),
    [
        ("t,y\na,1\n", ["t", "y"], ["a", "1"], "UTF-8"),
        (b"\xef\xbb\xbft,y\r\na,1\r\n", ["t", "y"], ["a", "1"], "UTF-8"),
        ("t;y\nCafé;1,5\n".encode("latin-1"), ["t", "y"], ["Café", "1,5"], "Windows-1252"),
        ("t;y\nx\x81é;1\n".encode("latin-1"), ["t", "y"], ["x\x81é", "1"], "Latin-1"),
        ("t\ty\na\t1\n".encode("utf-16"), ["t", "y"], ["a", "1"], "UTF-16"),
        ("t|y\na, b; c|1\n", ["t", "y"], ["a, b; c", "1"], "'|'"),
        ('t,y\n"a, ""b""\nc",1\n', ["t", "y"], ['a, "b"\nc', "1"], "','"),
        ("a;b,c;d,y\n1;2,3;4,5\n", ["a;b", "c;d", "y"], ["1;2", "3;4", "5"], "','"),
        ("y\nred\nblue\n", ["y"], ["red"], "CSV"),
        (" t ,  y\n a,1\n\n,\n", ["t", "y"], [" a", "1"], "CSV"),
        ("t,t,y\na,b,1\n", ["t", "t", "y"], ["a", "b", "1"], "CSV"),
        ("t,y\n00123,NA\n", ["t", "y"], ["00123", "NA"], "CSV"),
        ("t,y\n", ["t", "y"], None, "CSV"),
    ],
)
def test_csv_as_it_comes(
    tmp_path: Path, content: bytes | str, columns: list[str], first: list[str] | None, said: str
) -> None:
    found = read_table(saved(tmp_path, content), "y")
    assert list(found.table.columns) == columns
    assert said in found.notes[0]
    assert (None if found.table.empty else found.table.iloc[0].tolist()) == first


def test_semicolons_suggest_decimal_commas(tmp_path: Path) -> None:
    assert read_table(saved(tmp_path, "t;y\na;1,5\n"), "y").comma
    assert not read_table(saved(tmp_path, "t,y\na,1\n"), "y").comma


def test_a_few_odd_rows_are_left_out_and_told(tmp_path: Path) -> None:
    found = read_table(saved(tmp_path, "t,y\n" + "a,1\n" * 200 + "a,b,c\n"), "y")
    assert len(found.table) == 200
    assert found.notes[1] == "1 rows left out that have too many or too few cells"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "empty; expected a header and rows"),
        (" \n", "empty"),
        ("t,y\na,1\nb,2,3\n", "1 of 2 rows do not have the 2 cells of the header; the first of them begins with 'b'"),
        ('{"t": 1}', "JSON; expected CSV or Parquet"),
        (b"PK\x03\x04rest", "a spreadsheet or zip file; expected CSV or Parquet"),
        (b"PAR1 but cut", "a damaged Parquet file"),
    ],
)
def test_files_that_are_no_table(tmp_path: Path, content: bytes | str, expected: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_table(saved(tmp_path, content), "y")
    assert expected in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no such file"):
        read_table(tmp_path / "none.csv", "y")


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    pd.DataFrame({"x": [1.5, None], "y": [True, False]}).to_parquet(tmp_path / "table.data")
    found = read_table(tmp_path / "table.data", "y")
    assert found.table["x"].dtype == float
    assert found.table["y"].dtype == bool
