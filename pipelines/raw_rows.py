"""Collected rows as they came, and reading them back without those that were collected twice.

    <root>/<use case>/raw/<source>/day=YYYY-MM-DD/<job>.parquet

Every cell is text, as in a CSV file, and is read by the same code. A window that is collected again
overlaps the one before: of the rows of a source that are about the same thing, those of the newest
collection count.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pyarrow as pa

from pipelines.data_root import DataRoot
from serve_app.core.events import digest
from serve_app.core.frames import text_of
from serve_app.core.use_case import UseCase

COLLECTED, SOURCE = "__collected", "__source"
AT_ONCE = 8


def wanted(use_case: UseCase) -> list[str]:
    """The columns that a source must give, as far as it has them."""
    if use_case.feature_table is not None:
        maker = use_case.feature_table.maker
        return [maker.item, maker.day, maker.value]
    return [*use_case.fields, use_case.target.column]


def key(use_case: UseCase) -> list[str]:
    """What a row is about: an item on a day, or all that is known of it but the label."""
    if use_case.feature_table is not None:
        return wanted(use_case)[:2]
    return [name for name in wanted(use_case) if name != use_case.target.column]


def write(root: DataRoot, use_case: str, source: str, job_id: str, at: str, frame: pd.DataFrame, days: object) -> int:
    """``at``: when it was collected (ISO); ``days``: the ISO day of each row. Gives the number of files."""
    stamped = frame.assign(**{COLLECTED: f"{at} {job_id}"})
    by_day = {
        (use_case, "raw", source, f"day={day}", f"{job_id}.parquet"): rows
        for day, rows in stamped.groupby(np.asarray(days, dtype=object), sort=True)
    }
    with ThreadPoolExecutor(AT_ONCE) as pool:  # what takes long is waiting for the disk, or for the other side
        written = set(pool.map(lambda parts: _write(root, parts, by_day[parts]), by_day))
    for parts in _files(root, use_case, source):  # an attempt before may have met other days
        if parts[-1] == f"{job_id}.parquet" and parts not in written:
            root.delete_file(*parts)
    return len(written)


def _write(root: DataRoot, parts: tuple[str, ...], rows: pd.DataFrame) -> tuple[str, ...]:
    root.write_table(pa.table({n: pa.array(rows[n].tolist(), type=pa.string()) for n in rows.columns}), *parts)
    return parts


def read(root: DataRoot, use_case: UseCase) -> pd.DataFrame | None:
    """All that was ever collected, each thing once; None when nothing was."""
    files = _files(root, use_case.name)
    if not files:
        return None
    with ThreadPoolExecutor(AT_ONCE) as pool:
        tables = list(pool.map(lambda parts: root.read_table(*parts), files))
    frames = [table.to_pandas().assign(**{SOURCE: parts[2]}) for parts, table in zip(files, tables, strict=True)]
    whole = pd.concat(frames, ignore_index=True)
    columns = [*wanted(use_case), SOURCE, COLLECTED]
    whole = pd.DataFrame({name: _texts(whole, name) for name in columns})
    newest = whole.groupby([SOURCE, *key(use_case)], dropna=False)[COLLECTED].transform("max")
    kept = whole[whole[COLLECTED] == newest]
    return kept.drop(columns=[SOURCE, COLLECTED]).reset_index(drop=True)


def without(frame: pd.DataFrame, collected: pd.DataFrame, about: Sequence[str]) -> pd.DataFrame:
    """Rows of a use case's own file that no collected row is about: the file is the oldest collection."""
    there = [name for name in about if name in frame]
    known = set(zip(*(text_of(collected[name]) for name in there), strict=True))
    keys = zip(*(text_of(frame[name]) for name in there), strict=True)
    return frame[[each not in known for each in keys]].reset_index(drop=True)


def state(root: DataRoot, use_case: str) -> str:
    """A digest of which collections there are (their files never change), empty when there is none."""
    found = [list(parts) for parts in _files(root, use_case)]
    return digest(found) if found else ""


def _files(root: DataRoot, use_case: str, *source: str) -> list[tuple[str, ...]]:
    return [parts for parts in root.files(use_case, "raw", *source) if parts[-1].endswith(".parquet")]


def _texts(frame: pd.DataFrame, name: str) -> pd.Series[str]:
    cells = text_of(frame[name]) if name in frame else [None] * len(frame)
    return pd.Series(cells, dtype=object, index=frame.index)
