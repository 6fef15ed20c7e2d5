"""The laws of every store of reports: in memory, in SQLite, in PostgreSQL."""

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

from serve_app.adapters.memory_reports import MemoryReports
from serve_app.adapters.sql_reports import open_reports
from serve_app.core.errors import StoreUnavailable
from serve_app.core.jobs import Report
from serve_app.core.ports import Reports
from tests.fakes.store_places import KINDS, Place, place_of

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
_numbers = itertools.count(1)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place[Reports]:
    return place_of(request.param, tmp_path, MemoryReports, open_reports)


@pytest.fixture
def reports(place: Place[Reports]) -> Iterator[Reports]:
    opened = place.open()
    yield opened
    opened.close()


def report(**changes: Any) -> Report:
    return replace(Report(f"01J{next(_numbers):023d}", "colours", "drift", NOON, {"psi": {"words": 0.25}}), **changes)


def test_a_report_comes_back_as_it_was_after_reopening(place: Place[Reports]) -> None:
    nasty = "\x00\ud83d \\u0041 😀"
    first = report(id=nasty, use_case=nasty, kind=nasty, content={nasty: [1.0, 1, None, {"b": 1, "a": nasty}]})
    reports = place.open()
    reports.put(first)
    reports.close()
    found = place.open().latest(nasty, nasty)
    assert found == first
    assert json.dumps(found.content) == json.dumps(first.content)


def test_a_moment_comes_back_in_utc_and_needs_a_time_zone(reports: Reports) -> None:
    reports.put(report(at=NOON.astimezone(timezone(timedelta(hours=7)))))
    latest = reports.latest("colours", "drift")
    assert latest is not None
    assert latest.at.isoformat() == NOON.isoformat()
    with pytest.raises(ValueError, match="time zone"):
        reports.put(report(at=datetime(2026, 3, 1)))


def test_a_report_replaces_one_of_the_same_id_whole(reports: Reports) -> None:
    first, other = report(), report(at=NOON - timedelta(days=1))
    reports.put(first)
    reports.put(other)
    changed = replace(first, kind="schedule", at=NOON - timedelta(days=2), content={"on": False})
    reports.put(changed)
    reports.put(changed)
    assert reports.newest("colours", "drift") == [other]
    assert reports.newest("colours", "schedule") == [changed]


def test_the_newest_come_first(reports: Reports) -> None:
    rows = [report(at=NOON + timedelta(days=day)) for day in (2, 0, 1)]
    same_day = report(at=NOON + timedelta(days=2))
    for row in (*rows, same_day, report(use_case="shapes"), report(kind="score")):
        reports.put(row)
    assert reports.newest("colours", "drift") == [same_day, rows[0], rows[2], rows[1]]
    assert reports.newest("colours", "drift", limit=2) == [same_day, rows[0]]
    assert reports.latest("colours", "drift") == same_day
    assert reports.latest("colours", "unheard of") is None
    assert reports.newest("unheard of", "drift") == []


def test_a_report_does_not_change_with_its_caller(reports: Reports) -> None:
    content = {"rows": [1]}
    reports.put(report(content=content))
    content["rows"].append(2)
    reports.newest("colours", "drift")[0].content["rows"].append(3)
    assert reports.newest("colours", "drift")[0].content == {"rows": [1]}


def test_of_many_who_put_at_once_one_stays(place: Place[Reports]) -> None:
    handles, first = [place.open(), place.open()], report()
    versions = [replace(first, content={"n": n}) for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: handles[n % 2].put(versions[n]), range(40)))
    [only] = handles[0].newest("colours", "drift")
    assert only in versions


def test_a_store_that_is_away_says_so_and_comes_back(place: Place[Reports]) -> None:
    reports, first = place.open(), report()
    reports.put(first)
    with place.away():
        calls = (
            lambda: reports.put(report()),
            lambda: reports.latest("colours", "drift"),
            lambda: reports.newest("colours", "drift"),
        )
        for call in calls:
            with pytest.raises(StoreUnavailable):
                call()
    assert reports.latest("colours", "drift") == first
    reports.close()
    reports.close()
