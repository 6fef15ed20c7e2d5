"""What a run of scoring comes to, and how it differs from the run before. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from serve_app.core.jobs import Report

ALERT_ROWS = 1000
NAMED = 100
SAID = ("score", "label", "value")
"""What is told of a row that alerts."""


@dataclass(slots=True)
class Summary:
    """Taken in as the rows come, a column at a time. ``key``: the field by which a row is known again, if there is
    one; ``alert``: actions that count as one."""

    key: str | None
    alert: Sequence[str]
    rows: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    alerts: int = 0
    alert_rows: list[dict[str, Any]] = field(default_factory=list)

    def take(self, rows: pa.Table) -> None:
        """``rows``: with a column ``action``, the key, and what is told of an alert."""
        self.rows += len(rows)
        self.actions.update({each["values"]: each["counts"] for each in pc.value_counts(rows["action"]).to_pylist()})
        alerting = rows.filter(pc.is_in(rows["action"], pa.array(self.alert, pa.string())))
        self.alerts += len(alerting)
        self.alert_rows += map(self._told, alerting.slice(0, ALERT_ROWS - len(self.alert_rows)).to_pylist())

    def add(self, part: Summary) -> None:
        """The rows that come next."""
        self.rows += part.rows
        self.actions.update(part.actions)
        self.alerts += part.alerts
        self.alert_rows += part.alert_rows[: ALERT_ROWS - len(self.alert_rows)]

    def _told(self, row: Mapping[str, Any]) -> dict[str, Any]:
        said = {name: value for name in SAID if (value := row.get(name)) is not None}
        return {"key": None if self.key is None else row[self.key], "action": row["action"], **said}


def actions(tables: Iterable[pa.Table], key: str) -> pd.Series[str]:
    """What was done, by the key as text, about each row that has one, of scored tables; of a key that is there twice
    the last. Nothing of tables without such a column."""
    parts = [each.select([key, "action"]).drop_null() for each in tables if key in each.column_names]
    found = pd.concat(map(_by_key, parts)) if parts else pd.Series([], dtype=str)
    return found[~found.index.duplicated(keep="last")]


def _by_key(part: pa.Table) -> pd.Series[str]:
    keys = part[part.column_names[0]]
    texts = keys.to_pandas() if pa.types.is_string(keys.type) else pd.Series(map(str, keys.to_pylist()), dtype=str)
    return pd.Series(part["action"].to_pandas().to_numpy(), index=pd.Index(texts))


def run_before(reports: Iterable[Report], job_id: str, table: str) -> Report | None:
    """The newest of the same table that is not this job's own, which a repeated step finds as well.
    ``reports``: newest first."""
    return next((each for each in reports if each.id != job_id and each.content.get("table") == table), None)


def changes(before: pd.Series[str], now: pd.Series[str], alert: Sequence[str]) -> dict[str, Any]:
    """Keys that alert and did not, that did and no longer do (the first 100, sorted, and how many), how
    often an action became another, and rows that came or went."""
    both = pd.DataFrame({"before": before, "now": now})
    alerted, alerts = both["before"].isin(alert), both["now"].isin(alert)
    newly, no_longer = sorted(both.index[alerts & ~alerted]), sorted(both.index[alerted & ~alerts])
    moved = both[(both["before"] != both["now"]) & both.notna().all(axis=1)].value_counts()
    return {
        "newly_alerting": newly[:NAMED],
        "newly_alerting_count": len(newly),
        "no_longer_alerting": no_longer[:NAMED],
        "no_longer_alerting_count": len(no_longer),
        "changed": dict(sorted((f"{was} -> {is_now}", int(rows)) for (was, is_now), rows in moved.items())),
        "rows_new": int(both["before"].isna().sum()),
        "rows_gone": int(both["now"].isna().sum()),
    }
