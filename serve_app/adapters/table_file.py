"""Tables as people hand them over: Parquet, or CSV with whatever delimiter and encoding.

A CSV is read as text alone, so that nothing is guessed twice: "00123" stays what it was.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from serve_app.core.errors import InvalidInput

DELIMITERS = (",", ";", "\t", "|")
_NOT_TABLES = {
    b"PK\x03\x04": "a spreadsheet or zip file",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"\x1f\x8b": "a gzip file",
    b"%PDF": "a PDF",
}


@dataclass(frozen=True)
class TableFile:
    """``comma``: decimals are likely to be written with a comma; ``notes``: how it was read."""

    table: pd.DataFrame
    comma: bool
    notes: tuple[str, ...]


def read_table(path: Path, target: str) -> TableFile:
    """``target`` is a column that must be there, which tells the delimiter. Raises InvalidInput."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InvalidInput(f"{path}: no such file") from None
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read: {error.strerror}") from None
    if content[:4] == b"PAR1":
        return TableFile(_parquet(path, content), False, ("read as Parquet",))
    for magic, what in _NOT_TABLES.items():
        if content.startswith(magic):
            raise InvalidInput(f"{path}: {what}; expected CSV or Parquet: save it as CSV")
    return _csv(path, content, target)


def _parquet(path: Path, content: bytes) -> pd.DataFrame:
    try:
        return pd.read_parquet(io.BytesIO(content))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path}: a damaged Parquet file: {error}") from None


def _csv(path: Path, content: bytes, target: str) -> TableFile:
    text, encoding = _decoded(content)
    if not text.strip():
        raise InvalidInput(f"{path}: empty; expected a header and rows")
    if text.lstrip()[0] in "[{":
        raise InvalidInput(f"{path}: JSON; expected CSV or Parquet")
    delimiter = _delimiter(text, target)
    header, records, notes = _records(path, text, delimiter)
    table = pd.DataFrame(records, columns=range(len(header)), dtype=object)
    table.columns = pd.Index(header)
    read = f"read as CSV: {encoding}, columns parted by {'tabs' if delimiter == chr(9) else repr(delimiter)}"
    return TableFile(table, delimiter == ";", (read, *notes))


def _decoded(content: bytes) -> tuple[str, str]:
    """UTF-8 is never mistaken for something else; what is not UTF-8 is most often a Windows file."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace"), "UTF-16"
    for encoding, said in (("utf-8-sig", "UTF-8"), ("cp1252", "Windows-1252, since it is not UTF-8")):
        try:
            return content.decode(encoding), said
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1"), "Latin-1, since it is not UTF-8"


def _delimiter(text: str, target: str) -> str:
    """The one that makes ``target`` a column; among several, the one that parts most lines alike."""
    return max(DELIMITERS, key=lambda delimiter: _fit(text, delimiter, target))


def _fit(text: str, delimiter: str, target: str) -> tuple[bool, float, int]:
    rows = [row for row, _ in zip(_rows(text[:200_000], delimiter), range(200), strict=False) if row]
    width = len(rows[0]) if rows else 0
    alike = sum(len(row) == width for row in rows) / max(len(rows), 1)
    return target in [_squeezed(name) for name in (rows[0] if rows else [])], alike if width > 1 else 0.0, width


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(max(csv.field_size_limit(), 10_000_000))
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def _records(path: Path, text: str, delimiter: str) -> tuple[list[str], list[list[str]], list[str]]:
    """Header and rows of its width; a few rows of another width are left out, many are refused."""
    try:
        rows = [row for row in _rows(text, delimiter) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise InvalidInput(f"{path}: not readable as CSV: {error}") from None
    header = [_squeezed(name) for name in rows[0]]
    fitting = [row for row in rows[1:] if len(row) == len(header)]
    odd = len(rows) - 1 - len(fitting)
    if odd > 0.01 * (len(rows) - 1):
        first = next(row for row in rows[1:] if len(row) != len(header))
        wrong = f"{odd:,} of {len(rows) - 1:,} rows do not have the {len(header)} cells of the header"
        raise InvalidInput(f"{path}: {wrong}; the first of them begins with {first[0][:40]!r} and has {len(first)}")
    return header, fitting, [f"{odd:,} rows left out that have too many or too few cells"] if odd else []


def _squeezed(name: str) -> str:
    return " ".join(name.split())
