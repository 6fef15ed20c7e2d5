"""Any source of a use case, read as its kind is."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd

from pipelines.sources.came import Came, failed, of_frame, of_records
from pipelines.sources.http_rows import http_records
from pipelines.tables import read_table
from serve_app.core.errors import BadConfig
from serve_app.core.use_case import FileSource, HttpSource, Source


def read_source(source: Source, wanted: Sequence[str], folder: Path, days: int | None, until: datetime) -> Came:
    """``days`` goes before the source's own. Raises Refusal."""
    if isinstance(source, HttpSource):
        records = http_records(source, days or source.days, until)
        return of_records(source.name, records, wanted, source.columns)
    return _files(source, wanted, folder)


def _files(source: FileSource, wanted: Sequence[str], folder: Path) -> Came:
    paths = sorted(glob.glob(source.path, root_dir=folder, recursive=True))
    if not paths:
        raise failed(source.name, f"no file fits {source.path!r} in the use case's folder")
    try:
        frames = [of_frame(read_table(folder / path), wanted, source.columns) for path in paths]
    except BadConfig as error:
        raise failed(source.name, str(error)) from None
    whole = pd.concat(frames, ignore_index=True)  # with NaN where a file lacks a column
    return Came(of_frame(whole, wanted, {}))
