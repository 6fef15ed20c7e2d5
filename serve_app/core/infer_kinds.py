"""What kind of field a column of a table is, and its values in that kind.

all dates                          -> date         ISO days
all numbers, also as text          -> numeric      "1.234,5" too, but not "00123": that is a code
(nearly) unique and named like one -> id
few distinct values, or short ones -> categorical
everything else                    -> text
"""

from __future__ import annotations

import datetime as dt
import decimal
import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

Kind = Literal["numeric", "categorical", "text", "date", "id", "unusable"]

GONE = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "<na>", "-", "?", "."})
"""What stands for a missing number."""

MAX_CATEGORY = 200
_ID_NAME = re.compile(r"(?:^|[^a-z])(?:id|uuid|guid|key|ref|reference|no|nr|number|code)$|[a-z]I[dD]$|^id[_ ]")
_UUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_CODE = re.compile(r"[-+]?0\d+")
_DAYS = (
    (re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ].*)?"), "ISO8601"),
    (re.compile(r"\d{4}/\d{1,2}/\d{1,2}"), "%Y/%m/%d"),
    (re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}"), "%d.%m.%Y"),
    (re.compile(r"\d{1,2}/\d{1,2}/\d{4}"), "%d/%m/%Y"),
    (re.compile(r"\d{1,2}/\d{1,2}/\d{4}"), "%m/%d/%Y"),
    (re.compile(r"\d{1,2}-\d{1,2}-\d{4}"), "%d-%m-%Y"),
)


@dataclass(frozen=True)
class Guess:
    """``values``: float64 with NaN for missing when numeric, else text with None; ``why`` is said to
    the person who has to agree."""

    kind: Kind
    values: pd.Series[Any]
    why: str


def guess(name: str, column: pd.Series[Any], comma: bool = False) -> Guess:
    """``comma``: the file looks like one that writes decimals with a comma ("1,250" is 1.25)."""
    types = set(map(type, column.dropna())) if column.dtype == object else set()
    if pd.api.types.is_datetime64_any_dtype(column):
        return _date(column, "dates")
    if pd.api.types.is_bool_dtype(column) or types == {bool}:
        return Guess("categorical", _texts(column.map({True: "true", False: "false"})), "true or false")
    if pd.api.types.is_numeric_dtype(column) or (types and types <= {int, float, decimal.Decimal}):
        return _number(name, pd.to_numeric(column).astype("float64"), "numbers")
    if types and types <= {dt.date, dt.datetime, pd.Timestamp}:
        return _date(pd.to_datetime(column), "dates")
    if types & {list, dict, tuple, set, bytes, np.ndarray}:
        return Guess("unusable", column, "its cells are lists, mappings or bytes")
    return _of_text(name, _texts(column), comma)


def _of_text(name: str, texts: pd.Series[Any], comma: bool) -> Guess:
    present = texts.dropna()
    if len(present) == 0:
        return Guess("unusable", texts, "empty")
    numbers = as_numbers(texts, comma)
    if numbers is not None:
        return _number(name, *numbers)
    days = _as_days(present)
    if days is not None:
        return Guess("date", _texts(days[0].reindex(texts.index)), days[1])
    if _is_id(name, present):
        return Guess("id", texts, "nearly every row has another value")
    return _words(texts, present)


def _words(texts: pd.Series[Any], present: pd.Series[Any]) -> Guess:
    distinct, longest = int(present.nunique()), int(present.str.len().max())
    words = float(np.median([len(text.split()) for text in present.head(5000)]))
    few = distinct <= (len(present) / 2 if words < 4 else min(20, len(present) / 5))
    if few and longest <= MAX_CATEGORY:
        return Guess("categorical", texts, f"{distinct:,} distinct values")
    return Guess("text", texts, f"{distinct:,} distinct values, {words:.0f} words, up to {longest:,} characters")


def as_numbers(texts: pd.Series[Any], comma: bool) -> tuple[pd.Series[Any], str] | None:
    """float64, and how they were written; None unless every value is a number or a mark for none."""
    present = texts.dropna()
    marks = present[present.str.lower().isin(GONE)].unique()
    written = present[~present.isin(marks)]
    if len(written) == 0 or len(written) < 0.5 * len(present) or written.str.fullmatch(_CODE).any():
        return None
    for pattern, thousands, point, how in _styles(comma):
        if _all_match(written, pattern):
            plain = written.str.replace(thousands, "", regex=False) if thousands else written
            values = plain.str.replace(point, ".", regex=False).astype("float64")
            said = f"; {', '.join(repr(str(mark)) for mark in marks)} taken as missing" if len(marks) else ""
            return values.reindex(texts.index), how + said
    return None


def _all_match(texts: pd.Series[Any], pattern: str | re.Pattern[str]) -> bool:
    """A look at the first few spares most columns the whole way."""
    return bool(texts.head(50).str.fullmatch(pattern).all() and texts.str.fullmatch(pattern).all())


def _styles(comma: bool) -> list[tuple[str, str, str, str]]:
    """Pattern, thousands separator, decimal point, and how to say it; the likelier first."""
    plain = (r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", "", ".", "numbers")
    english = (r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?|[-+]?\d+(?:\.\d+)?", ",", ".", "numbers with 1,000s")
    latin = (r"[-+]?(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?", ".", ",", "numbers with a decimal comma")
    return [plain, latin, english] if comma else [plain, english, latin]


def _number(name: str, values: pd.Series[Any], how: str) -> Guess:
    finite = values.where(np.isfinite(values))
    present = finite.dropna()
    if len(present) == 0:
        return Guess("unusable", values, "empty")
    if (present == present.round()).all() and present.abs().max() < 2**53 and _is_id(name, present):
        whole = finite.map(lambda value: None if np.isnan(value) else str(int(value)))
        return Guess("id", _texts(whole), "whole numbers, nearly every row has another one")
    infinite = int(np.isinf(values).sum())
    said = f"; {infinite:,} infinite taken as missing" if infinite else ""
    return Guess("numeric", finite, f"{how}, {present.min():g} to {present.max():g}{said}")


def _is_id(name: str, present: pd.Series[Any]) -> bool:
    if present.dtype != np.float64:
        if present.head(200).str.fullmatch(_UUID).all():
            return True
        if present.head(50).str.contains(r"\s").any() or present.str.contains(r"\s").any():
            return False
    return bool(re.search(_ID_NAME, name) or re.search(_ID_NAME, name.lower())) and (
        len(present) >= 5 and present.nunique() >= 0.95 * len(present)
    )


def _as_days(present: pd.Series[Any]) -> tuple[pd.Series[Any], str] | None:
    for pattern, form in _DAYS:
        if _all_match(present, pattern):
            days = pd.to_datetime(present, format=form, errors="coerce", utc=form == "ISO8601")
            if days.notna().all():
                return days.dt.strftime("%Y-%m-%d"), _day_words(present, form)
    return None


def _day_words(present: pd.Series[Any], form: str) -> str:
    if form == "ISO8601":
        return "days" if (present.str.len() == 10).all() else "days; the time of day is left out"
    unsure = "/" in form and form[1] != "Y" and not _only(present, form)
    return f"days written {form}{'; the month could also come first' if unsure else ''}; requests give YYYY-MM-DD"


def _only(present: pd.Series[Any], form: str) -> bool:
    other = "%m/%d/%Y" if form.startswith("%d") else "%d/%m/%Y"
    return bool(pd.to_datetime(present, format=other, errors="coerce").isna().any())


def _date(column: pd.Series[Any], how: str) -> Guess:
    days = column.dt.strftime("%Y-%m-%d")
    midnight = (column.dropna() == column.dropna().dt.normalize()).all()
    return Guess("date", _texts(days), how if midnight else f"{how}; the time of day is left out")


def _texts(column: pd.Series[Any]) -> pd.Series[Any]:
    """Stripped text, None where there is none."""
    cells = [None if gone else str(cell).strip() or None for cell, gone in zip(column, column.isna(), strict=True)]
    return pd.Series(cells, index=column.index, dtype=object)
