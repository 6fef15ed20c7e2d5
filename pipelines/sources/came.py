"""What a source gave: a frame of text cells, and what was no row at all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from pipelines.quarantine import BadRow
from pipelines.run import Refusal
from serve_app.core.frames import text_of


@dataclass(frozen=True, slots=True)
class Came:
    """``frame``: columns by our names, cells ``str`` or None."""

    frame: pd.DataFrame
    bad: list[BadRow] = field(default_factory=list)


def failed(source: str, why: str) -> Refusal:
    """A source that does not give its rows. ``why`` never holds a key."""
    return Refusal("source_failed", f"source {source}: {why}")


def of_frame(frame: pd.DataFrame, wanted: Sequence[str], renamed: Mapping[str, str]) -> pd.DataFrame:
    """The wanted columns that are there, as text; ``renamed``: ours -> theirs."""
    there = [(name, renamed.get(name, name)) for name in wanted]
    cells = {name: text_of(frame[theirs]) for name, theirs in there if theirs in frame}
    series = {name: pd.Series(column, dtype=object) for name, column in cells.items()}
    return pd.DataFrame(series, index=pd.RangeIndex(len(frame)))


def of_records(source: str, records: Sequence[Any], wanted: Sequence[str], renamed: Mapping[str, str]) -> Came:
    """Records of JSON. What is no object, or holds one in a cell that is wanted, is no row."""
    good, bad = [], []
    for record in records:
        if (why := _problem(record, wanted, renamed)) is None:
            good.append(record)
        else:
            bad.append(BadRow(source, as_json(record), why))
    names = [name for name in wanted if any(renamed.get(name, name) in record for record in good)]
    cells = {name: [record.get(renamed.get(name, name)) for record in good] for name in names}
    series = {name: pd.Series(column, dtype=object) for name, column in cells.items()}
    frame = pd.DataFrame(series, index=pd.RangeIndex(len(good)))
    return Came(of_frame(frame, names, {}), bad)


def as_json(row: Any) -> str:
    return json.dumps(row, default=str)


def _problem(record: Any, wanted: Sequence[str], renamed: Mapping[str, str]) -> str | None:
    if not isinstance(record, dict):
        return "not an object"
    nested = [name for name in wanted if isinstance(record.get(renamed.get(name, name)), dict | list)]
    return f"{nested[0]}: expected one value, not a list or an object" if nested else None
