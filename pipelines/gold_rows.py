"""Gold as the gate wants it: rows to be answered, and what is true of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.dataset import DAY, SOURCE, Dataset, labelled_of
from pipelines.labelled import LabelledRows
from pipelines.split import digest, lines
from serve_app.core.rows import Column, Rows
from serve_app.core.ruling import Gold
from serve_app.core.use_case import Regression, UseCase


@dataclass(frozen=True, slots=True)
class GoldRows:
    """``digest`` is that of rows and labels, whatever their order."""

    rows: Rows
    gold: Gold
    digest: str

    def __len__(self) -> int:
        return len(self.gold)


def of_dataset(use_case: UseCase, dataset: Dataset) -> GoldRows:
    frame = dataset.frame("gold")
    labelled = labelled_of(use_case, frame, dataset.manifest.horizon_days)
    days = frame[DAY].to_numpy(dtype=object) if dataset.manifest.kind == "panel" else None
    return _gold(use_case, labelled, frame[SOURCE].to_numpy(dtype=object), days)


def of_labelled(use_case: UseCase, labelled: LabelledRows) -> GoldRows:
    """Of rows that came with the use case."""
    return _gold(use_case, labelled, np.full(len(labelled), "file", dtype=object), labelled.time)


def _gold(use_case: UseCase, labelled: LabelledRows, origin: Column, days: Column | None) -> GoldRows:
    target, rows = use_case.target, labelled.rows.select(list(use_case.features()))
    group, baseline = days if days is not None else _alike(rows), None
    if isinstance(target, Regression) and target.relative_to is not None:
        baseline = rows[target.relative_to].astype(np.float64)
    return GoldRows(rows, Gold(labelled.target, origin, group, baseline), digest(rows, labelled.target))


def _alike(rows: Rows) -> Column | None:
    """(n,) the same number for rows that ask the same; None where no two do."""
    asked, group = np.unique(lines(rows, list(rows.columns)), return_inverse=True)
    return group if len(asked) < len(rows) else None
