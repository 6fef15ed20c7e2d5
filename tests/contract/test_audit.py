"""The laws of every audit log: in memory, in SQLite, in PostgreSQL."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from serve_app.adapters.memory_audit import MemoryAudit
from serve_app.adapters.sql_audit import open_audit
from serve_app.core.errors import StoreUnavailable
from serve_app.core.jobs import Audited
from serve_app.core.ports import AuditLog
from tests.fakes.store_places import KINDS, Place, place_of

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
_numbers = itertools.count(1)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place[AuditLog]:
    return place_of(request.param, tmp_path, MemoryAudit, open_audit)


@pytest.fixture
def audit(place: Place[AuditLog]) -> Iterator[AuditLog]:
    opened = place.open()
    yield opened
    opened.close()


def entry(**changes: Any) -> Audited:
    new = Audited(f"01J{next(_numbers):023d}", NOON, "ani", "promote", "colours", {"version": "4", "reason": "better"})
    return replace(new, **changes)


def test_an_entry_comes_back_as_it_was_after_reopening(place: Place[AuditLog]) -> None:
    nasty = "\x00\ud83d \\u0041 😀"
    entries = [entry(), entry(use_case=None), entry(by=nasty, action=nasty, detail={nasty: [1.0, 1, nasty, {}]})]
    audit = place.open()
    for one in entries:
        audit.append(one)
    audit.close()
    found = place.open().page()
    assert found == entries[::-1]
    assert json.dumps(found[0].detail) == json.dumps(entries[2].detail)


def test_a_moment_comes_back_in_utc_and_needs_a_time_zone(audit: AuditLog) -> None:
    audit.append(entry(at=NOON.astimezone(timezone(timedelta(hours=7)))))
    assert audit.page()[0].at.isoformat() == NOON.isoformat()
    with pytest.raises(ValueError, match="time zone"):
        audit.append(entry(at=datetime(2026, 3, 1)))
    assert len(audit.page()) == 1


def test_an_entry_is_never_changed(audit: AuditLog) -> None:
    first = entry()
    audit.append(first)
    audit.append(replace(first, by="mallory", detail={}))
    audit.page()[0].detail["version"] = "5"
    assert audit.page() == [first]


def test_pages_are_newest_first(audit: AuditLog) -> None:
    rows = [entry(use_case=("colours", "shapes", None)[n % 3]) for n in range(9)]
    for n in (3, 0, 7, 1, 5, 2, 8, 4, 6):
        audit.append(rows[n])
    found: list[Audited] = []
    while page := audit.page(before=found[-1].id if found else None, limit=2):
        found += page
    assert found == rows[::-1]
    assert audit.page("shapes") == [rows[7], rows[4], rows[1]]
    assert audit.page("shapes", before=rows[7].id, limit=1) == [rows[4]]
    assert audit.page("unheard of") == []


def test_threads_append_together(place: Place[AuditLog]) -> None:
    logs, rows = [place.open(), place.open()], [entry() for _ in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: logs[n % 2].append(rows[n]), range(40)))
    assert logs[0].page() == rows[::-1]


def test_a_log_that_is_away_says_so_and_comes_back(place: Place[AuditLog]) -> None:
    audit, first = place.open(), entry()
    audit.append(first)
    with place.away():
        for call in (lambda: audit.append(entry()), audit.page):
            with pytest.raises(StoreUnavailable):
                call()
    assert audit.page() == [first]
    audit.close()
    audit.close()
