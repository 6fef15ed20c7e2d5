"""What a run of scoring comes to, and how it differs from the run before. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from serve_app.core.jobs import Report

ALERT_ROWS = 1000
NAMED = 100

Actions = Mapping[str, str]
"""Key -> action."""


@dataclass(slots=True)
class Summary:
    """Taken in as the rows come. ``key``: the field by which a row is known again, if there is one;
    ``alert``: actions that count as one."""

    key: str | None
    alert: Sequence[str]
    rows: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    alerts: int = 0
    alert_rows: list[dict[str, Any]] = field(default_factory=list)
    by_key: dict[str, str] = field(default_factory=dict)

    def take(self, rows: Iterable[Mapping[str, Any]]) -> None:
        for row in rows:
            action = row["action"]
            self.rows += 1
            self.actions[action] += 1
            known = None if self.key is None else row[self.key]
            if known is not None:
                self.by_key[str(known)] = action
            if action in self.alert:
                self.alerts += 1
                if len(self.alert_rows) < ALERT_ROWS:
                    self.alert_rows.append(_alert(row, known))


def run_before(reports: Iterable[Report], job_id: str, table: str) -> Report | None:
    """The newest of the same table that is not this job's own, which a repeated step finds as well.
    ``reports``: newest first."""
    return next((each for each in reports if each.id != job_id and each.content.get("table") == table), None)


def changes(before: Actions, now: Actions, alert: Sequence[str]) -> dict[str, Any]:
    """Keys that alert and did not, that did and no longer do (the first 100, sorted, and how many), how
    often an action became another, and rows that came or went."""
    newly = sorted(key for key, action in now.items() if action in alert and before.get(key) not in alert)
    no_longer = sorted(key for key, action in before.items() if action in alert and now.get(key) not in alert)
    both = before.keys() & now.keys()
    moved = Counter(f"{before[key]} -> {now[key]}" for key in both if before[key] != now[key])
    return {
        "newly_alerting": newly[:NAMED],
        "newly_alerting_count": len(newly),
        "no_longer_alerting": no_longer[:NAMED],
        "no_longer_alerting_count": len(no_longer),
        "changed": dict(sorted(moved.items())),
        "rows_new": len(now.keys() - before.keys()),
        "rows_gone": len(before.keys() - now.keys()),
    }


def _alert(row: Mapping[str, Any], key: Any) -> dict[str, Any]:
    said = {name: row[name] for name in ("score", "label", "value") if row.get(name) is not None}
    return {"key": key, "action": row["action"], **said}
