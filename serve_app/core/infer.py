"""A use case out of a labelled table: fields, target, and a clean table, with all that was assumed.

Bounds and allowed values are noted as seen and not enforced: a sample says little about what else is
right, and refusing a request does more harm than an odd prediction. Whoever knows better adds them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from serve_app.core.errors import InvalidInput
from serve_app.core.infer_kinds import Guess, guess
from serve_app.core.infer_target import TargetGuess, Task, guess_target

_SPLIT_NAME = re.compile(r"split|set|subset|partition|fold|usage", re.IGNORECASE)
_SPLITS = {"train", "training", "test", "testing", "dev", "val", "valid", "validation", "eval", "holdout"}
_INDEX_NAME = re.compile(r"|unnamed: ?\d+|index|level_\d+|__index_level_\d+__", re.IGNORECASE)


@dataclass(frozen=True)
class InferredField:
    """``keys``: its part of ``use_case.yaml``."""

    name: str
    keys: dict[str, Any]
    why: str


@dataclass(frozen=True)
class Inferred:
    """``table``: a column a field and one for the target, float64 where numeric, else text with None;
    ``notes``: what else was assumed or left out, a sentence each."""

    fields: tuple[InferredField, ...]
    target: TargetGuess
    table: pd.DataFrame
    notes: tuple[str, ...]


@dataclass
class _Draft:
    """What has been found so far."""

    table: pd.DataFrame
    notes: list[str] = field(default_factory=list)

    def leave_out(self, name: str, why: str) -> None:
        self.table = self.table.drop(columns=name)
        self.notes.append(f"column {name or '(without a name)'} left out: {why}")


def infer(
    table: pd.DataFrame, target: str, drop: Iterable[str] = (), task: Task | None = None, comma: bool = False
) -> Inferred:
    """Raises InvalidInput when there is nothing to learn from, saying what is missing."""
    draft = _Draft(table)
    _name_columns(draft, target)
    _drop_asked(draft, target, drop)
    _drop_asides(draft, target)
    answer = guess_target(target, draft.table[target], task, comma)
    guesses = {name: guess(str(name), draft.table[name], comma) for name in draft.table.columns if name != target}
    for name, each in guesses.items():
        if each.kind == "unusable":
            draft.notes.append(f"column {name} left out: {each.why}")
    usable = {name: each for name, each in guesses.items() if each.kind != "unusable"}
    clean = _clean(draft, usable, answer)
    fields = _fields(draft, usable, clean, answer)
    columns = [each.name for each in fields] + [target]
    return Inferred(tuple(fields), answer, clean[columns].reset_index(drop=True), tuple(draft.notes))


def _name_columns(draft: _Draft, target: str) -> None:
    """Stripped names, each once: a copy of a column is left out, another of the same name renamed."""
    names = [" ".join(str(name).split()) for name in draft.table.columns]
    if target not in names:
        raise InvalidInput(f"no column {target!r}; the columns are: {', '.join(names[:30])}")
    kept: dict[str, pd.Series[Any]] = {}
    for position, name in enumerate(names):
        column = draft.table.iloc[:, position]
        if name in kept and kept[name].equals(column):
            draft.notes.append(f"column {name} stands there twice with the same values: left out once")
            continue
        if name in kept and name == target:
            raise InvalidInput(f"two different columns are called {target!r}; rename one of them")
        fresh = _fresh(name, names, kept)
        if fresh != name:
            draft.notes.append(f"another column is called {name}: this one becomes {fresh}")
        kept[fresh] = column
    draft.table = pd.DataFrame(kept)
    if len(draft.table) == 0:
        raise InvalidInput("the table has a header and no rows")


def _fresh(name: str, names: list[str], kept: Mapping[str, Any]) -> str:
    fresh, number = name, 2
    while fresh in kept:
        fresh, number = (f"{name}_{number}" if f"{name}_{number}" not in names else fresh), number + 1
    return fresh


def _drop_asked(draft: _Draft, target: str, drop: Iterable[str]) -> None:
    for name in drop:
        if name not in draft.table.columns or name == target:
            known = ", ".join(str(each) for each in draft.table.columns if each != target)
            raise InvalidInput(f"cannot drop {name!r}; the columns are: {known}")
        draft.leave_out(name, "as asked")


def _drop_asides(draft: _Draft, target: str) -> None:
    """What is about the table and not about its rows: a split, a row number, one value throughout."""
    for name in [each for each in draft.table.columns if each != target]:
        column = draft.table[name]
        if _is_split(str(name), column):
            draft.leave_out(name, "it says train or test; all rows are taken (choose with --rows COLUMN=VALUE)")
        elif _INDEX_NAME.fullmatch(str(name)) and column.is_unique:
            draft.leave_out(name, "it numbers the rows")
        elif len(column) > 1 and column.map(str).nunique() == 1:
            draft.leave_out(name, f"it holds one value throughout, {str(column.iloc[0])[:40]!r}")


def _is_split(name: str, column: pd.Series[Any]) -> bool:
    if not _SPLIT_NAME.fullmatch(name) or pd.api.types.is_numeric_dtype(column):
        return False
    return {str(value).strip().lower() for value in column.dropna().unique()} <= _SPLITS


def _clean(draft: _Draft, guesses: Mapping[str, Guess], target: TargetGuess) -> pd.DataFrame:
    """Rows with a label and something to learn it from, each once."""
    if not guesses:
        raise InvalidInput("no column beside the target is usable; expected at least one to learn from")
    column = target.keys["column"]
    clean = pd.DataFrame({**{name: each.values for name, each in guesses.items()}, column: target.labels})
    features = [name for name, each in guesses.items() if each.kind != "id"]
    if not features:
        raise InvalidInput(f"beside the target there are only ids ({', '.join(guesses)}); nothing to learn from")
    steps = (
        (clean[column].notna(), "without a label"),
        (clean[features].notna().any(axis=1), "with a label and nothing else"),
        (~clean.duplicated(), "that repeat another row exactly"),
    )
    kept = np.ones(len(clean), dtype=bool)
    for keep, why in steps:
        lost = int((kept & ~keep.to_numpy()).sum())
        if lost:
            draft.notes.append(f"{lost:,} rows left out {why}" if lost > 1 else f"1 row left out {why}")
        kept &= keep.to_numpy()
    if not kept.any():
        raise InvalidInput(f"no row is left to learn from: {'; '.join(draft.notes)}")
    return clean[kept]


def _fields(
    draft: _Draft, guesses: Mapping[str, Guess], clean: pd.DataFrame, target: TargetGuess
) -> list[InferredField]:
    fields = [_field(name, each, clean[name]) for name, each in guesses.items()]
    features = [name for name, each in guesses.items() if each.kind != "id"]
    if target.task == "classification":
        draft.notes.extend(_warnings(clean, features, target))
    return fields


def _field(name: str, found: Guess, column: pd.Series[Any]) -> InferredField:
    present = column.dropna()
    missing = len(column) - len(present)
    keys: dict[str, Any] = {"kind": found.kind}
    if missing:
        keys["required"] = False
    if found.kind == "text":
        keys["max_length"] = max(10_000, 2 * int(present.str.len().max()))
    if found.kind == "id":
        keys["max_length"] = max(200, 2 * int(present.str.len().max()))
    if len(present) and len(str(present.iloc[0])) <= 200:
        keys["example"] = float(present.iloc[0]) if found.kind == "numeric" else present.iloc[0]
    return InferredField(name, keys, found.why + (f"; {missing:,} of {len(column):,} missing" if missing else ""))


def _warnings(clean: pd.DataFrame, features: list[str], target: TargetGuess) -> list[str]:
    column, notes = target.keys["column"], []
    for name in features:
        if len(clean) >= 50 and _gives_away(clean[name], clean[column]):
            notes.append(f"WARNING: {name} has one value for every class: it looks like the answer (--drop {name!r})")
    rare = clean[column].value_counts()
    rare = rare[rare < 10]
    if len(rare):
        notes.append(f"WARNING: {len(rare)} classes have fewer than 10 rows: {', '.join(rare.index[:5])}")
    opposed = int(clean.drop_duplicates([*features, column]).duplicated(features).sum())
    if opposed:
        notes.append(f"{opposed:,} rows say the same as another row and carry another label: kept")
    return notes


def _gives_away(feature: pd.Series[Any], labels: pd.Series[Any]) -> bool:
    if feature.nunique() != labels.nunique() or feature.isna().any():
        return False
    return int(pd.DataFrame({"f": feature, "l": labels}).drop_duplicates().shape[0]) == int(labels.nunique())
