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
from serve_app.core.audit import GENESIS, Audited, AuditFilter, Head, verified
from serve_app.core.errors import StoreUnavailable
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
    new = Audited(f"01J{next(_numbers):023d}", NOON, "ani", "promote", "colours", {"reason": "better"}, "4", "10.0.0.7")
    return replace(new, **{"before": {"version": "3"}, "after": {"version": "4"}, **changes})


def test_an_entry_comes_back_as_it_was_after_reopening(place: Place[AuditLog]) -> None:
    nasty = "\x00\ud83d\ude00 \\u0041 😀"
    detail = {nasty: [1.0, 1, -0.0, 2**70, float("inf"), nasty, {}], "b": 1, "a": None}
    entries = [
        entry(),
        entry(use_case=None, target=None, address=None, before=None, after=None),
        entry(by=nasty, action=nasty, target=nasty, address=nasty, detail=detail, before=[nasty], after=nasty),
    ]
    audit = place.open()
    for one in entries:
        audit.append(one)
    audit.close()
    again = place.open()
    found = again.page()
    assert found == entries[::-1]
    assert json.dumps(found[0].detail) == json.dumps(entries[2].detail)
    assert verified(again.walk()) == again.head()


def test_what_json_reads_otherwise_is_kept_and_hashed_as_it_is_read(audit: AuditLog) -> None:
    audit.append(entry(detail={10: ("a", {2: None, 1: True})}, before=(1,)))
    assert (audit.page()[0].detail, audit.page()[0].before) == ({"10": ["a", {"2": None, "1": True}]}, [1])
    assert isinstance(verified(audit.walk()), Head)


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


def test_pages_are_newest_first_by_their_place(audit: AuditLog) -> None:
    rows = [entry(use_case=("colours", "shapes", None)[n % 3]) for n in range(9)]
    order = (3, 0, 7, 1, 5, 2, 8, 4, 6)
    for n in order:
        audit.append(rows[n])
    found: list[Audited] = []
    while page := audit.page(before=found[-1].seq if found else None, limit=2):
        found += page
    assert found == [rows[n] for n in reversed(order)]
    assert [each.seq for each in found] == list(range(9, 0, -1))
    shapes = AuditFilter("shapes")
    assert audit.page(shapes) == [rows[4], rows[1], rows[7]]
    assert audit.page(shapes, before=4, limit=1) == [rows[7]]
    assert audit.page(AuditFilter("unheard of")) == []


def test_a_filter_narrows_by_each_of_its_members(audit: AuditLog) -> None:
    odd: dict[str, Any] = {"use_case": "shapes", "by": "budi", "action": "rollback", "target": "5"}
    rows = [entry(), *(entry(**{name: value}) for name, value in odd.items()), entry(at=NOON + timedelta(days=1))]
    for row in rows:
        audit.append(row)
    for place, (name, value) in enumerate(odd.items(), start=1):
        assert audit.page(AuditFilter(**{name: value})) == [rows[place]]
    assert audit.page(AuditFilter("colours", "ani", "promote", "4", NOON, NOON + timedelta(seconds=1))) == [rows[0]]
    assert audit.page(AuditFilter(since=NOON + timedelta(days=1))) == [rows[-1]]
    assert audit.page(AuditFilter(until=NOON)) == []


def test_the_chain_begins_at_genesis_and_ends_at_the_head(audit: AuditLog) -> None:
    assert (audit.head(), list(audit.walk())) == (Head(), [])
    for _ in range(3):
        audit.append(entry())
    third, second, first = audit.page()
    assert (first.previous, second.previous, third.previous) == (GENESIS, first.hash, second.hash)
    assert audit.head() == Head(3, third.hash or "")
    assert verified(audit.walk()) == audit.head()


def test_an_id_that_is_there_takes_no_place(audit: AuditLog) -> None:
    first = entry()
    for one in (first, first, entry()):
        audit.append(one)
    assert verified(audit.walk()) == audit.head()
    assert audit.head().seq == 2


def test_threads_append_together(place: Place[AuditLog]) -> None:
    logs, rows = [place.open(), place.open()], [entry() for _ in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: logs[n % 2].append(rows[n]), range(40)))
    assert sorted(logs[0].page(), key=lambda each: each.id) == rows
    assert verified(logs[1].walk()) == logs[0].head()
    assert logs[0].head().seq == 40


def test_a_log_that_is_away_says_so_and_comes_back(place: Place[AuditLog]) -> None:
    audit, first = place.open(), entry()
    audit.append(first)
    with place.away():
        for call in (lambda: audit.append(entry()), audit.page, audit.head, lambda: list(audit.walk())):
            with pytest.raises(StoreUnavailable):
                call()
    assert audit.page() == [first]
    audit.close()
    audit.close()
