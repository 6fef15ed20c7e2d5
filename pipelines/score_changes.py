"""What a run of scoring comes to, and how it differs from the run before. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from serve_app.core.jobs import Report

ALERT_ROWS = 1000
NAMED = 100
SAID = ("score", "label", "value")
"""What is told of a row that alerts."""

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

    def take(self, rows: Mapping[str, Sequence[Any]]) -> None:
        """``rows``: by column; ``action``, the key, and what is told of an alert."""
        actions = rows["action"]
        self.rows += len(actions)
        self.actions.update(actions)
        keys = [None] * len(actions) if self.key is None else rows[self.key]
        self.by_key.update((str(key), action) for key, action in zip(keys, actions, strict=True) if key is not None)
        alerting = [row for row, action in enumerate(actions) if action in self.alert]
        self.alerts += len(alerting)
        for row in alerting[: ALERT_ROWS - len(self.alert_rows)]:
            said = {name: rows[name][row] for name in SAID if name in rows}
            told = {name: value for name, value in said.items() if value is not None}
            self.alert_rows.append({"key": keys[row], "action": actions[row], **told})

    @property
    def columns(self) -> set[str]:
        """What ``take`` reads."""
        return {"action", *SAID, *([] if self.key is None else [self.key])}


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
