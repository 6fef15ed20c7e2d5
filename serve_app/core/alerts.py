"""The alerts of batch runs, and of looks at certificates, as one feed: the newest run first, its rows in their
order."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from serve_app.core.jobs import Report

Place = tuple[datetime, str, int]
"""When the run was, its report's id, and the row in it."""


def feed(reports: Iterable[Report], after: Place | None, limit: int) -> list[tuple[Place, dict[str, Any]]]:
    """Up to ``limit`` alerts from behind ``after`` on, whatever runs have come since: each with its place."""
    found: list[tuple[Place, dict[str, Any]]] = []
    for report in sorted(reports, key=lambda each: (each.at, each.id), reverse=True):
        if after is not None and (report.at, report.id) > after[:2]:
            continue
        begin = after[2] + 1 if after is not None and (report.at, report.id) == after[:2] else 0
        for row, alert in enumerate(
            (report.content.get("alert_rows") or ())[begin : begin + limit - len(found)], begin
        ):
            told = {"use_case": report.use_case, "at": report.at.isoformat(), "run": report.id, "alert": alert}
            found.append(((report.at, report.id, row), told))
        if len(found) == limit:
            break
    return found
