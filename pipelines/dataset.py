"""What a student is trained on and judged by, as ``prepare`` leaves it: Parquet under the data root.

    <data root>/<use case>/processed/<job>/learn/day=YYYY-MM-DD/*.parquet
    <data root>/<use case>/processed/<job>/gold/day=YYYY-MM-DD/*.parquet
    <data root>/<use case>/processed/<job>/audit/day=YYYY-MM-DD/*.parquet       rows that chance chose (audit.py)
    <data root>/<use case>/processed/<job>/manifest.json       written last: without it there is no dataset

Every file has a column for each feature of the use case, as ``core/frames.py`` writes rows, and the
columns below. The same bits as at prediction time: float64 and ``str``.

Whoever reads the files through something of their own, such as Ray Data, ignores the folders' ``day=``
(it repeats DAY and may share its name with a feature) and hands the frame to ``labelled_of``, which
puts the rows into the one order that does not depend on who read what first.
"""

from __future__ import annotations

import json
import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.fs

from pipelines.audit import PREDICTION, Audit, audit_of, no_audit
from pipelines.data_root import DataRoot, put, put_table, read_table
from pipelines.labelled import LabelledRows
from pipelines.split import digest_of_lines, lines, places, take
from serve_app.core.errors import NotFound
from serve_app.core.frames import text_of
from serve_app.core.platform import Platform
from serve_app.core.rows import Column, Rows
from serve_app.core.use_case import Classification, NumericField, UseCase

LABEL = "__label"
"""str for classes, float64 for numbers."""

PLACE = "__place"
"""float64 in [0, 1): the row's place on the ring of folds and samples, by a hash of its features
(``split.fractions`` with the salt "fold"). Independent of the ring that gold is cut from."""

SOURCE = "__source"
"""Where the label comes from: ``file``, ``person``, ``teacher``, ``panel``."""

DAY = "__day"
"""ISO day that the row belongs to (for a panel: its own day), for partitions and splits by time."""

TEACHER = "__teacher"
"""Of gold rows of classes: what the teacher answered when it was asked about such a row, None where it was not."""

MANIFEST = "manifest.json"
ROWS_A_FILE = 100_000
AT_ONCE = 8

Name = Literal["learn", "gold", "audit"]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows with where their labels come from and the ISO day of each: (n,) of ``str``. ``teacher``: (n,) its
    own answers where they are known."""

    labelled: LabelledRows
    source: Column
    day: Column
    teacher: Column | None = None

    def __len__(self) -> int:
        return len(self.labelled)

    def take(self, index: npt.NDArray[Any]) -> Part:
        teacher = None if self.teacher is None else self.teacher[index]
        return Part(take(self.labelled, index), self.source[index], self.day[index], teacher)


def part_of(labelled: LabelledRows, source: str = "file", day: str = "1970-01-01") -> Part:
    """All of one source; a panel's rows have days of their own."""
    days = np.full(len(labelled), day, dtype=object)
    if labelled.time is not None:
        days = labelled.time.astype("datetime64[D]").astype(str).astype(object)
    return Part(labelled, np.full(len(labelled), source, dtype=object), days)


@dataclass(frozen=True, slots=True)
class Manifest:
    """``rows`` and ``files`` (below the dataset's folder) by part; ``label_mix`` and ``gold_mix``: sources
    of what is learned from and of gold; ``classes``: labels of what is learned from, counted; ``kind``:
    a ``panel`` is split by time, a ``table`` is not; ``features``: name -> ``numeric`` or ``text``; ``audit``:
    of the audited rows, how many there are, the teacher answered, people labelled."""

    use_case: str
    kind: Literal["panel", "table"]
    rows: dict[str, int]
    digest: str
    label_mix: dict[str, int]
    gold_mix: dict[str, int]
    classes: dict[str, int]
    horizon_days: int
    features: dict[str, str]
    numeric_label: bool
    files: dict[str, list[str]]
    audit: dict[str, int] = field(default_factory=dict)


class Dataset:
    """``path`` is a folder of ``filesystem``."""

    def __init__(self, filesystem: pyarrow.fs.FileSystem, path: str, manifest: Manifest) -> None:
        self.filesystem, self.path, self.manifest = filesystem, path, manifest

    def files(self, part: Name) -> list[str]:
        """Paths for ``filesystem``, sorted; none of a part that a dataset of before does not have."""
        return [posixpath.join(self.path, file) for file in self.manifest.files.get(part, ())]

    def frame(self, part: Name) -> pd.DataFrame:
        """Features and the columns above, in the order of ``read``: float64 and object of ``str``, None."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            tables = list(pool.map(lambda file: read_table(self.filesystem, file), self.files(part)))
        whole = pa.concat_tables(tables) if tables else _empty(self.manifest)
        frame = pd.DataFrame({name: _column(whole[name]) for name in whole.column_names})
        return _ordered(frame, self.manifest.kind == "panel")

    def read(self, part: Name) -> LabelledRows:
        """The same rows in the same order, always."""
        manifest = self.manifest
        numeric = {name for name, kind in manifest.features.items() if kind == "numeric"}
        panel = manifest.kind == "panel"
        return _labelled(
            list(manifest.features), numeric, manifest.numeric_label, self.frame(part), panel, manifest.horizon_days
        )

    def audit(self) -> Audit:
        """The audited rows; none in a dataset of before."""
        whole = [read_table(self.filesystem, file) for file in self.files("audit")]
        numbers = self.manifest.numeric_label
        if not whole:
            return no_audit(self.manifest.features, numbers)
        table = pa.concat_tables(whole)
        frame = {name: _column(table[name]).to_numpy() for name in table.column_names}
        return audit_of(frame, list(self.manifest.features), frame[DAY])


def labelled_of(use_case: UseCase, frame: pd.DataFrame, horizon_days: int) -> LabelledRows:
    """Rows of a dataset, read in any order and by anything, as ``Dataset.read`` gives them."""
    features, panel = use_case.features(), use_case.feature_table is not None
    numeric = {name for name, field in features.items() if isinstance(field, NumericField)}
    numbers = not isinstance(use_case.target, Classification)
    return _labelled(list(features), numeric, numbers, _ordered(frame, panel), panel, horizon_days)


def open_dataset(path: str, where: Platform | pyarrow.fs.FileSystem) -> Dataset:
    """``path``: as ``prepare`` told it. Raises NotFound when there is none, or not a whole one."""
    if isinstance(where, Platform):
        root = DataRoot(where)
        filesystem, path = root.filesystem, root.located(path)
    else:
        filesystem = where
    try:
        with filesystem.open_input_stream(posixpath.join(path, MANIFEST)) as stream:
            found = json.loads(stream.read())
    except FileNotFoundError:
        raise NotFound(f"no dataset at {path}") from None
    return Dataset(filesystem, path, Manifest(**found))


def write(
    filesystem: pyarrow.fs.FileSystem,
    path: str,
    use_case: UseCase,
    learn: Part,
    gold: Part,
    horizon_days: int = 0,
    audit: Audit | None = None,
) -> Dataset:
    """The same content gives the same files, so that writing again is harmless. The folder is this
    dataset's alone."""
    features = list(use_case.features())
    files: dict[str, list[str]] = {}
    content: list[str] = []
    parts: tuple[tuple[Name, Part], ...] = (("learn", learn), ("gold", gold))
    for name, part in parts:
        written = lines(part.labelled.rows, features)
        frame = _frame(use_case, part if name == "gold" else replace(part, teacher=None), written)
        frame = _ordered(frame, use_case.feature_table is not None)
        files[name] = _write_part(filesystem, path, name, frame)
        labels = part.labelled.target.tolist()
        content += [f"{name} {label!r} {line}" for label, line in zip(labels, written, strict=True)]
    if audit is not None and len(audit):
        files["audit"] = _write_part(filesystem, path, "audit", _audit_frame(audit, features))
        content += [f"audit {line}" for line in audit.written(features)]
    manifest = Manifest(
        use_case=use_case.name,
        kind="table" if use_case.feature_table is None else "panel",
        rows={"learn": len(learn), "gold": len(gold)},
        digest=digest_of_lines(content),
        label_mix=_counted(learn.source),
        gold_mix=_counted(gold.source),
        classes=_counted(learn.labelled.target) if isinstance(use_case.target, Classification) else {},
        horizon_days=horizon_days,
        features={n: "numeric" if isinstance(f, NumericField) else "text" for n, f in use_case.features().items()},
        numeric_label=not isinstance(use_case.target, Classification),
        files=files,
        audit={} if audit is None else audit.counted(),
    )
    put(filesystem, posixpath.join(path, MANIFEST), json.dumps(asdict(manifest), indent=1).encode())
    return Dataset(filesystem, path, manifest)


def _frame(use_case: UseCase, part: Part, written: Sequence[str]) -> pd.DataFrame:
    columns: dict[str, Column] = {name: part.labelled.rows[name] for name in use_case.features()}
    columns |= {LABEL: part.labelled.target, PLACE: places(written, "fold"), SOURCE: part.source, DAY: part.day}
    columns |= {} if part.teacher is None else {TEACHER: part.teacher}
    return pd.DataFrame({name: pd.Series(column, dtype=column.dtype) for name, column in columns.items()})


def _audit_frame(audit: Audit, features: Sequence[str]) -> pd.DataFrame:
    columns = {**audit.columns(), PLACE: places(lines(audit.rows, features), "fold"), DAY: audit.day}
    frame = pd.DataFrame({name: pd.Series(column, dtype=column.dtype) for name, column in columns.items()})
    return frame.sort_values([DAY, PREDICTION], kind="stable").reset_index(drop=True)


def _write_part(filesystem: pyarrow.fs.FileSystem, path: str, part: str, frame: pd.DataFrame) -> list[str]:
    by_day = frame.sort_values(DAY, kind="stable")
    table, slices = _table(by_day), {}
    days, counts = np.unique(by_day[DAY].to_numpy(dtype=str), return_counts=True)
    for day, first, count in zip(days.tolist(), np.cumsum(counts) - counts, counts, strict=True):
        for number, begin in enumerate(range(0, count, ROWS_A_FILE)):
            file = posixpath.join(part, f"day={day}", f"part-{number:05d}.parquet")
            slices[file] = table.slice(first + begin, min(ROWS_A_FILE, count - begin))
    with ThreadPoolExecutor(AT_ONCE) as pool:  # what takes long is waiting for the disk, or for the other side
        list(pool.map(lambda file: put_table(filesystem, posixpath.join(path, file), slices[file]), slices))
    return list(slices)


def _table(frame: pd.DataFrame) -> pa.Table:
    """NaN stays NaN and None null: a number that is missing and a text that is."""
    arrays = {
        name: pa.array(frame[name].to_numpy(), type=pa.float64(), from_pandas=False)
        if frame[name].dtype == np.float64
        else pa.array(frame[name].tolist(), type=pa.string())
        for name in frame.columns
    }
    return pa.table(arrays)


def _column(found: pa.ChunkedArray) -> pd.Series[Any]:
    if pa.types.is_floating(found.type):
        return pd.Series(found.to_numpy(), dtype=np.float64)
    return pd.Series(found.to_pylist(), dtype=object)


def _empty(manifest: Manifest) -> pa.Table:
    kinds = {**manifest.features, LABEL: "numeric" if manifest.numeric_label else "text", PLACE: "numeric"}
    kinds |= {SOURCE: "text", DAY: "text"}
    return pa.table({n: pa.array([], type=pa.float64() if k == "numeric" else pa.string()) for n, k in kinds.items()})


def _ordered(frame: pd.DataFrame, panel: bool) -> pd.DataFrame:
    """By the rows' own content. A row's place is a hash of its features, so that rows of one place are
    alike in all but label and source."""
    by = [*([DAY] if panel else []), PLACE, LABEL, SOURCE, *([] if panel else [DAY])]
    return frame.sort_values(by, kind="stable").reset_index(drop=True)


def _labelled(
    features: Sequence[str], numeric: set[str], numbers: bool, frame: pd.DataFrame, panel: bool, horizon_days: int
) -> LabelledRows:
    rows = Rows({name: _floats(frame[name]) if name in numeric else text_of(frame[name]) for name in features})
    target = _floats(frame[LABEL]) if numbers else text_of(frame[LABEL])
    time = text_of(frame[DAY]).astype("datetime64[D]") if panel else None
    return LabelledRows(rows, target, time, time=time, horizon_days=horizon_days)


def _floats(cells: pd.Series[Any]) -> Column:
    return np.array(cells.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)


def _counted(values: Column) -> Mapping[str, int]:
    return {str(value): count for value, count in sorted(Counter(values.tolist()).items())}
