"""Rows that cannot be used: kept in a file with the reason, counted, and too many of them refused."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from pipelines.data_root import DataRoot
from pipelines.run import Refusal
from serve_app.core.redact import redacted_text, redacted_values
from serve_app.core.use_case import UseCase

TOLD = 5
"""So many of the reasons are told, the most frequent first."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """``row``: as it came, as JSON; ``source``: where it came from."""

    source: str
    row: str
    reason: str


def redacted(use_case: UseCase, bad: Sequence[BadRow]) -> list[BadRow]:
    """Every text in them, whatever its field: a row may be bad because its columns are mixed up."""
    if use_case.redaction is None:
        return list(bad)
    return [_redacted(use_case, each) for each in bad]


def _redacted(use_case: UseCase, bad: BadRow) -> BadRow:
    row = json.dumps(redacted_values(use_case, json.loads(bad.row)))
    return replace(bad, row=row, reason=str(redacted_text(use_case, bad.reason)))


def keep(root: DataRoot, use_case: str, job_id: str, bad: Sequence[BadRow]) -> str | None:
    """The address of the file, None when every row is good."""
    parts = (use_case, "quarantine", f"{job_id}.parquet")
    if not bad:
        root.delete_file(*parts)  # of an attempt before, which met another answer
        return None
    columns = {name: [getattr(each, name) for each in bad] for name in ("source", "row", "reason")}
    root.write_table(pa.table(columns, schema=pa.schema([(name, pa.string()) for name in columns])), *parts)
    return root.address(*parts)


def refuse_too_many(good: int, bad: Sequence[BadRow], share: float, kept: str | None) -> None:
    """Raises Refusal when more than ``share`` of all rows are bad."""
    every = good + len(bad)
    if every and len(bad) / every > share:
        counted = Counter(each.reason for each in bad).most_common(TOLD)
        why = "; ".join(f"{count} × {reason}" for reason, count in counted)
        raise Refusal(
            "too_many_bad_rows",
            f"{len(bad)} of {every} rows cannot be used ({len(bad) / every:.0%}, retraining.bad_share allows "
            f"{share:.0%}): {why}. They are kept in {kept}",
        )
