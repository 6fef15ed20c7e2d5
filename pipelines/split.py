"""Which rows judge, which rows teach. A row's part depends on the row, not on the others.

Gold rows are never trained on. Without times they are chosen by a hash of the row, so that a row
stays gold when others come in, and the same text asked twice never stands on both sides. With times
(panels) the newest days are gold: a random row of a panel has neighbours that give it away.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from pipelines.labelled import LabelledRows
from serve_app.core.rows import Rows

Mask = npt.NDArray[np.bool_]
Index = npt.NDArray[np.intp]


def split(labelled: LabelledRows, features: Sequence[str], share: float) -> tuple[LabelledRows, LabelledRows]:
    """Rows to learn from, and about ``share`` of the rows as gold."""
    if labelled.time is not None:
        learn, gold = labelled.split_by_time(share)
        return take(labelled, learn), take(labelled, gold)
    chosen = fractions(labelled, features) < share
    return take(labelled, np.flatnonzero(~chosen)), take(labelled, np.flatnonzero(chosen))


def take(labelled: LabelledRows, index: Index) -> LabelledRows:
    """The rows at ``index``, in that order."""
    return replace(
        labelled,
        rows=labelled.rows.take(index),
        target=labelled.target[index],
        group=None if labelled.group is None else labelled.group[index],
        time=None if labelled.time is None else labelled.time[index],
    )


def folds(labelled: LabelledRows, features: Sequence[str], count: int) -> Index:
    """(n,) the fold of each row, 0 to ``count`` - 1: the same mix of classes in each. With times,
    folds are stretches of days."""
    if labelled.time is not None:
        days, at = np.unique(labelled.time, return_inverse=True)
        return np.asarray(at * count // len(days), dtype=np.intp)
    place = fractions(labelled, features, salt="fold")
    if labelled.group is not None:
        return np.asarray((place * count).astype(np.intp))
    within = labelled.target if labelled.target.dtype == object else np.zeros(len(place))
    order = np.lexsort((place, np.unique(within, return_inverse=True)[1]))
    fold = np.empty(len(place), dtype=np.intp)
    fold[order] = np.arange(len(place)) % count
    return fold


def apart(labelled: LabelledRows, fold: Index, held_out: int) -> Mask:
    """(n,) rows that may be learned from while ``held_out`` judges. With times, days so near to the
    held-out stretch that a target reaches into it are left out too."""
    others = fold != held_out
    if labelled.time is None:
        return others
    stretch = labelled.time[~others]
    reach = np.timedelta64(labelled.horizon_days, "D")
    near = (labelled.time + reach >= stretch.min()) & (labelled.time <= stretch.max() + reach)
    return np.asarray(others & ~near)


def fractions(labelled: LabelledRows, features: Sequence[str], salt: str = "gold") -> npt.NDArray[np.float64]:
    """(n,) in [0, 1): each row's place on a ring, by SHA-256 of its features, or of its group."""
    if labelled.group is not None:
        return places([str(group) for group in labelled.group], salt)
    return places(lines(labelled.rows, features), salt)


def lines(rows: Rows, features: Sequence[str]) -> list[str]:
    """Each row's features as one line of JSON: equal for rows that the student cannot tell apart."""
    return [_line(record) for record in rows.select(features).records()]


def places(written: Sequence[str], salt: str) -> npt.NDArray[np.float64]:
    """(n,) in [0, 1) of what ``lines`` gave."""
    return np.array([_fraction(salt + line) for line in written], dtype=np.float64)


def digest(rows: Rows, target: npt.NDArray[np.generic]) -> str:
    """``sha256:…`` of rows and labels, whatever their order."""
    return digest_of_lines(
        [_line([record, value]) for record, value in zip(rows.records(), target.tolist(), strict=True)]
    )


def digest_of_lines(written: Sequence[str]) -> str:
    """``sha256:…`` of lines, whatever their order."""
    return "sha256:" + hashlib.sha256("\n".join(sorted(written)).encode("utf-8", "surrogatepass")).hexdigest()


def _line(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def _fraction(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:6], "big") / 2**48
