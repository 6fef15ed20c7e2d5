"""Making feature tables: raw data of the use case's folder, and what was collected -> a Parquet file in
the state folder."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import raw_rows
from pipelines.data_root import DataRoot
from pipelines.tables import need_columns, read_table
from serve_app.adapters.parquet_feature_tables import table_path
from serve_app.core import panel
from serve_app.core.errors import BadConfig
from serve_app.core.events import digest
from serve_app.core.frames import text_of
from serve_app.core.use_case import FeatureTable, PanelMaker, UseCase

_DIGEST, _COLLECTED = b"understudy.source_digest", b"understudy.collected_digest"


def materialise(use_case: UseCase, folder: Path, state: Path, root: DataRoot | None = None) -> Path:
    """Makes the feature table of ``use_case`` unless the one that is there was made of the same data
    in the same way; returns its path. Readers see the old file or the new one, never a part.

    ``root``: where collected rows are; without it those that the table was made with stay in it.
    Raises BadConfig for raw data that is not there or not usable."""
    table = use_case.feature_table
    if table is None:
        raise BadConfig(f"{use_case.name} has no feature table")
    source, path = Path(folder) / table.maker.source, table_path(state, use_case.name, table)
    there = _made_of(path)
    wanted = {_DIGEST: _described(source, table, use_case.target.column), _COLLECTED: there.get(_COLLECTED, "")}
    if root is not None:
        wanted[_COLLECTED] = raw_rows.state(root, use_case.name)
    if there != wanted:
        collected = None if root is None else raw_rows.read(root, use_case)
        made_of = wanted if root is not None else {**wanted, _COLLECTED: ""}
        _write(_make(source, table, use_case.target.column, collected), path, made_of)
    return path


def _described(source: Path, table: FeatureTable, target: str) -> str:
    """One digest of all that decides the content, but for what was collected: the data, the
    description, the code's version."""
    if not source.is_file():
        raise BadConfig(f"{source}: no such file; `feature_table.maker.source` expects a CSV or Parquet file")
    with source.open("rb") as file:
        data = hashlib.file_digest(file, "sha256").hexdigest()
    described = table.model_dump(mode="json")
    return digest({"data": data, "table": described, "target": target, "version": panel.VERSION})


def _made_of(path: Path) -> dict[bytes, str]:
    """The digests in a table's file; none when there is no such file."""
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowException):
        return {}
    return {name: metadata.get(name, b"").decode() for name in (_DIGEST, _COLLECTED)}


def _make(source: Path, table: FeatureTable, target: str, collected: pd.DataFrame | None) -> pd.DataFrame:
    maker = table.maker
    _check(table, target)
    raw = read_table(source)
    need_columns(source, raw, [maker.item, maker.day, maker.value])
    if collected is not None:
        raw = _with_collected(source, raw, collected, maker)
    made = _features(source, raw, maker, target)
    need_columns(source, made, [*table.keys, *table.columns])
    return made[[*table.keys, *table.columns, target]]


def _with_collected(source: Path, raw: pd.DataFrame, collected: pd.DataFrame, maker: PanelMaker) -> pd.DataFrame:
    """What was collected of an item's day takes the place of what the file has of it."""
    try:
        days = pd.to_datetime(text_of(raw[maker.day])).strftime("%Y-%m-%d")
    except ValueError as error:
        raise BadConfig(f"{source}: {error}") from error
    own = pd.DataFrame({maker.item: text_of(raw[maker.item]), maker.day: days, maker.value: raw[maker.value]})
    return pd.concat([raw_rows.without(own, collected, [maker.item, maker.day]), collected], ignore_index=True)


def _features(source: Path, raw: pd.DataFrame, maker: PanelMaker, target: str) -> pd.DataFrame:
    try:
        raw = raw.assign(**{maker.value: raw[maker.value].astype(np.float64)})
        return panel.make_features(raw.dropna(subset=[maker.item, maker.day]), maker, target)
    except (ValueError, TypeError) as error:
        raise BadConfig(f"{source}: {error}") from error


def _check(table: FeatureTable, target: str) -> None:
    if set(table.keys) != {table.maker.item, table.maker.day}:
        raise BadConfig(f"feature_table.keys: expected the maker's item and day, {table.maker.item}, {table.maker.day}")
    if target in table.columns:
        raise BadConfig(f"feature_table.columns: {target} is the target; a feature of it would know the future")


def _write(frame: pd.DataFrame, path: Path, made_of: Mapping[bytes, str]) -> None:
    """Beside its place, flushed to disk, then renamed over it."""
    content = pa.Table.from_pandas(frame, preserve_index=False)
    content = content.replace_schema_metadata({**(content.schema.metadata or {}), **made_of})
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            pq.write_table(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)  # readable by the serving process, whoever that is
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
