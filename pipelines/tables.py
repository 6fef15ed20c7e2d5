"""Reading CSV and Parquet files that people bring."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from serve_app.core.errors import BadConfig


def read_table(path: Path) -> pd.DataFrame:
    """A CSV or Parquet file as a data frame. CSV cells stay text ("NA" may be a word; the field
    decides), and only empty ones are missing. Raises BadConfig."""
    path = Path(path)
    if not path.is_file():
        raise BadConfig(f"{path}: no such file; expected a CSV or Parquet file")
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return pd.read_parquet(path)
        return pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""], encoding="utf-8-sig")
    except (ValueError, OSError, pa.ArrowException, pd.errors.ParserError) as error:
        raise BadConfig(f"{path}: cannot be read as a table: {error}") from error


def need_columns(path: Path, frame: pd.DataFrame, names: Sequence[str]) -> None:
    """Raises BadConfig that names every column which is not there, with near misses."""
    missing = [name for name in names if name not in frame]
    if missing:
        told = ", ".join(f"'{name}'{_near(name, list(map(str, frame.columns)))}" for name in missing)
        raise BadConfig(f"{path}: no column {told}; it has: {', '.join(map(str, frame.columns[:30]))}")


def _near(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""
