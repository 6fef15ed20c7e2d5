"""What the target of a table is: classes, or a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from serve_app.core.errors import InvalidInput
from serve_app.core.infer_kinds import GONE, as_numbers

Task = Literal["classification", "regression"]

MOST_CLASSES = 1000
MANY_VALUES = 20
NO_LABEL = GONE - {"na", "-", "?", "."}
"""Only what no one would call a class on purpose; ``none`` and ``-`` may be classes."""


@dataclass(frozen=True)
class TargetGuess:
    """``keys``: the target's part of ``use_case.yaml``; ``labels``: one a row, None or NaN where there
    is none; ``why`` is said to the person who has to agree."""

    task: Task
    keys: dict[str, Any]
    labels: pd.Series[Any]
    why: str


def guess_target(name: str, column: pd.Series[Any], task: Task | None = None, comma: bool = False) -> TargetGuess:
    """Raises InvalidInput for a column that is no target: one value, or nearly as many as rows."""
    texts = label_texts(column)
    numbers = as_numbers(texts, comma)
    if task == "regression" and numbers is None:
        wrong = f"the column {name} holds values that are no numbers, such as {_first_word(texts)}"
        raise InvalidInput(f"{wrong}; expected numbers only for a regression")
    if numbers is not None and (task == "regression" or (task is None and _measures(numbers[0].dropna()))):
        return _regression(name, numbers[0])
    return _classification(name, texts)


def label_texts(column: pd.Series[Any]) -> pd.Series[Any]:
    """Labels as text: 1.0 and 1 are "1", True is "true"; None for a missing one."""
    cells = [None if gone else _label(cell) for cell, gone in zip(column, column.isna(), strict=True)]
    return pd.Series(cells, index=column.index, dtype=object)


def _label(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        value = int(value) if value.is_integer() else value
    text = " ".join(str(value).split())
    return None if text.lower() in NO_LABEL else text


def _measures(numbers: pd.Series[Any]) -> bool:
    """Whether these numbers measure something; 0..k or 1..k, each many times over, number classes."""
    distinct = numbers.unique()
    if len(distinct) <= MANY_VALUES:
        return False
    whole = bool((numbers == numbers.round()).all())
    codes = whole and numbers.min() in (0, 1) and numbers.max() - numbers.min() == len(distinct) - 1
    return not (codes and len(numbers) >= 10 * len(distinct) and len(distinct) <= 200)


def _regression(name: str, labels: pd.Series[Any]) -> TargetGuess:
    present = labels.dropna()
    if present.nunique() < 2:
        raise InvalidInput(f"the column {name} holds one value only; expected at least two, or nothing can be learned")
    wide = bool(present.min() > 0 and present.max() / present.median() > 20)
    scale = "log" if wide else "linear"
    why = f"a number: {present.nunique():,} distinct values, {present.min():g} to {present.max():g}"
    more = "; all above 0 and widely spread, so learned as logarithms" if wide else ""
    return TargetGuess("regression", {"kind": "regression", "column": name, "scale": scale}, labels, why + more)


def _classification(name: str, labels: pd.Series[Any]) -> TargetGuess:
    counts = labels.value_counts()
    lone = set(counts[counts < 2].index)
    if len(counts) > MOST_CLASSES or (len(counts) > 20 and len(lone) > 0.5 * len(counts)):
        wrong = f"the column {name} holds {len(counts):,} distinct values in {counts.sum():,} rows"
        raise InvalidInput(f"{wrong}; expected at most {MOST_CLASSES:,} classes that come back, or numbers")
    kept = counts.drop(list(lone))
    if len(kept) < 2:
        raise InvalidInput(_too_few(name, counts))
    classes = sorted(kept.index, key=_order)
    keys: dict[str, Any] = {"kind": "classification", "column": name, "classes": classes}
    why = f"{len(classes)} classes; the rarest is {kept.index[-1]!r} with {int(kept.iloc[-1]):,} rows"
    if len(classes) == 2:
        keys["positive"] = min(classes, key=lambda each: (counts[each], -classes.index(each)))
        why = f"two classes; {keys['positive']!r}, the rarer one, is the positive class that the score is of"
    if lone:
        why += f"; left out, with a single row each: {', '.join(sorted(lone)[:5])}{' ...' if len(lone) > 5 else ''}"
    return TargetGuess("classification", keys, labels.where(~labels.isin(lone), None), why)


def _too_few(name: str, counts: pd.Series[Any]) -> str:
    if len(counts) == 0:
        return f"the column {name} holds no label; expected at least two classes"
    seen = ", ".join(f"{label!r} ({count:,})" for label, count in counts.head(3).items())
    return f"the column {name} holds {seen}; expected at least two classes with two rows each"


def _first_word(texts: pd.Series[Any]) -> str:
    return next((repr(text) for text in texts.dropna() if not text.replace(".", "").isdigit()), "none at all")


def _order(label: str) -> tuple[bool, float, str]:
    """Numbers by size, then words by the alphabet."""
    try:
        return (False, float(label), label)
    except ValueError:
        return (True, 0.0, label)
