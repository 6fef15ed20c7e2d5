"""The labelled rows that come with a use case: from its own file, or from its feature table.

load(use_case, folder, state) -> LabelledRows | None      None: nothing to learn from, a cold start
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines import raw_rows
from pipelines.data_root import DataRoot
from pipelines.feature_tables import materialise
from pipelines.tables import need_columns, read_table
from serve_app.core.errors import BadConfig
from serve_app.core.frames import Problems, read, read_column, text_of
from serve_app.core.redact import redacted_text
from serve_app.core.redact_frames import redacted_frame
from serve_app.core.rows import Rows
from serve_app.core.use_case import Classification, FeatureTable, NumericField, Regression, UseCase

log = logging.getLogger(__name__)

Index = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """``rows``: at least the use case's features; ``target``: (n,) of ``str`` for classes, float64
    for numbers, in the order of ``rows``.

    ``skipped`` rows could not be used, ``reasons`` counts why. Rows of one ``group`` must stay on the
    same side of a split. ``time`` (n,) of days is set for a panel: it must be split by time, and the
    target of a row is known ``horizon_days`` after its day only."""

    rows: Rows
    target: npt.NDArray[Any]
    group: npt.NDArray[Any] | None = None
    skipped: int = 0
    time: npt.NDArray[np.datetime64] | None = None
    horizon_days: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.target)

    def split_by_time(self, share: float) -> tuple[Index, Index]:
        """Earlier rows and the last ``share`` of the days. The days just before the later part are in
        neither: their targets were made of prices of the later part."""
        if self.time is None:
            raise ValueError("these rows have no time to be split by")
        days = np.unique(self.time)
        first = days[min(len(days) - 1, round(len(days) * (1 - share)))]
        known = self.time + np.timedelta64(self.horizon_days, "D")
        return np.flatnonzero(known < first), np.flatnonzero(self.time >= first)


def load(use_case: UseCase, folder: Path, state: Path, root: DataRoot | None = None) -> LabelledRows | None:
    """The labelled rows of a use case, its feature table made first when it has one.

    ``folder`` is the use case's own, ``state`` where everything made is kept, ``root`` where what was
    collected is (None leaves that out). Raises BadConfig for a file that is not there, cannot be read or
    lacks a column."""
    if use_case.feature_table is not None:
        labelled: LabelledRows | None = _from_panel(use_case, folder, state, root)
    else:
        labelled = _from_tables(use_case, folder, root)
    if labelled is not None and labelled.skipped:
        log.info("%s: %d labelled rows skipped: %s", use_case.name, labelled.skipped, dict(labelled.reasons))
    return labelled if labelled is not None and len(labelled) else None


def labelled_rows(use_case: UseCase, frame: pd.DataFrame) -> LabelledRows:
    """The rows of ``frame`` whose fields fit the schema and whose label fits the target. Decision
    values and keys come along when the frame has them, and need not be there."""
    rows, target, why = _read(use_case, frame)
    good = np.setdiff1d(np.arange(len(frame)), np.fromiter(why, dtype=np.intp, count=len(why)))
    reasons = dict(Counter(why.values()).most_common())
    return LabelledRows(rows.take(good), target[good], skipped=len(why), reasons=reasons)


def misfits(use_case: UseCase, frame: pd.DataFrame) -> dict[int, str]:
    """By row of ``frame``, one reason why it cannot be learned from."""
    return _read(use_case, frame)[2]


def _read(use_case: UseCase, frame: pd.DataFrame) -> tuple[Rows, npt.NDArray[Any], dict[int, str]]:
    fields = {n: f for n, f in use_case.fields.items() if n in frame and f.purpose != "decision"}
    rows, problems = read({**use_case.features(), **fields}, frame)
    target, wrong = read_target(use_case, frame)
    return rows, target, _first_problem({name: problems[name] for name in use_case.features()}, wrong)


def read_target(use_case: UseCase, frame: pd.DataFrame) -> tuple[npt.NDArray[Any], dict[int, str]]:
    """The target column, and by row why a label cannot be used."""
    target = use_case.target
    cells = frame[target.column]
    return _classes(use_case, target, cells) if isinstance(target, Classification) else _numbers(target, cells)


def _classes(use_case: UseCase, target: Classification, cells: pd.Series) -> tuple[npt.NDArray[Any], dict[int, str]]:
    labels = text_of(cells)
    known = set(target.classes)
    wrong = {
        row: _unknown(target, redacted_text(use_case, label)) for row, label in enumerate(labels) if label not in known
    }
    return labels, wrong


def _unknown(target: Classification, label: str | None) -> str:
    return f"{target.column}: missing" if not label else f"{target.column}: {label[:40]!r} is not a class"


def _numbers(target: Regression, cells: pd.Series) -> tuple[npt.NDArray[Any], dict[int, str]]:
    values, problems = read_column(NumericField(kind="numeric"), cells)
    wrong = {row: _reason(target.column, *problem) for row, problem in problems.items()}
    if target.scale == "log":
        wrong |= {int(row): f"{target.column}: expected above 0" for row in np.flatnonzero(values <= 0)}
    return values, wrong


def _first_problem(problems: Mapping[str, Problems], wrong: dict[int, str]) -> dict[int, str]:
    """By row, one reason why it is skipped."""
    why = dict(wrong)
    for name, each in problems.items():
        for row, problem in each.items():
            why.setdefault(row, _reason(name, *problem))
    return why


def _reason(name: str, cell: Any, expected: str) -> str:
    return f"{name}: missing" if cell is None else f"{name}: expected {expected}"


def _from_tables(use_case: UseCase, folder: Path, root: DataRoot | None) -> LabelledRows | None:
    """The use case's own file, less the rows that were collected since, and those. All are redacted here,
    also what was collected before the use case asked for it."""
    own = _redacted(use_case, _own_file(use_case, folder))
    collected = None if root is None else _redacted(use_case, raw_rows.read(root, use_case))
    if own is not None and collected is not None:
        own = raw_rows.without(own, collected, raw_rows.key(use_case))
    found = [labelled_rows(use_case, frame) for frame in (own, collected) if frame is not None]
    return joined(use_case, found) if found else None


def _redacted(use_case: UseCase, frame: pd.DataFrame | None) -> pd.DataFrame | None:
    return None if frame is None else redacted_frame(use_case, frame)


def _own_file(use_case: UseCase, folder: Path) -> pd.DataFrame | None:
    if use_case.labelled.file is None:
        return None
    path = Path(folder) / use_case.labelled.file
    frame = read_table(path)
    required = [n for n, f in use_case.features().items() if f.required and f.default is None]
    need_columns(path, frame, [*required, use_case.target.column])
    return frame


def joined(use_case: UseCase, parts: Sequence[LabelledRows]) -> LabelledRows:
    """One after the other; of several only the features are kept."""
    if len(parts) == 1:
        return parts[0]
    columns = {name: np.concatenate([part.rows[name] for part in parts]) for name in use_case.features()}
    reasons: Counter[str] = Counter()
    for part in parts:
        reasons.update(part.reasons)
    target = np.concatenate([part.target for part in parts])
    skipped = sum(part.skipped for part in parts)
    return LabelledRows(Rows(columns), target, skipped=skipped, reasons=dict(reasons.most_common()))


def _from_panel(use_case: UseCase, folder: Path, state: Path, root: DataRoot | None) -> LabelledRows:
    """The days whose target is known. The others are for serving, and not counted as skipped."""
    table = use_case.feature_table
    assert table is not None
    if not isinstance(use_case.target, Regression):
        raise BadConfig(f"{use_case.name}: a panel is for a target of kind regression")
    frame = pd.read_parquet(materialise(use_case, folder, state, root))
    frame = frame[frame[use_case.target.column].notna()].reset_index(drop=True)
    return _with_time(labelled_rows(use_case, frame), table)


def _with_time(labelled: LabelledRows, table: FeatureTable) -> LabelledRows:
    days = labelled.rows[table.maker.day].astype("datetime64[D]")
    return LabelledRows(
        labelled.rows, labelled.target, days, labelled.skipped, days, table.maker.horizon_days, labelled.reasons
    )
