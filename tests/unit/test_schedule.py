"""When a schedule is due: time zones, missed runs, and the hour that comes twice or not at all."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from serve_app.core.schedule import due, is_ever_due, latest_due, next_due


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_very_minute_counts() -> None:
    assert latest_due("0 2 * * *", "UTC", at("2026-03-02 02:00:30")) == at("2026-03-02 02:00")
    assert next_due("0 2 * * *", "UTC", at("2026-03-02 02:00")) == at("2026-03-03 02:00")


def test_a_time_zone_moves_it() -> None:
    assert latest_due("0 2 * * *", "Asia/Jakarta", at("2026-03-02 12:00")) == at("2026-03-01 19:00")


def test_what_was_missed_is_caught_up_once() -> None:
    since, now = at("2026-03-02 02:00"), at("2026-03-09 12:00")
    first = due("0 2 * * *", "UTC", since, now)
    assert first == at("2026-03-09 02:00")
    assert due("0 2 * * *", "UTC", first, now) is None


def test_an_hour_that_comes_twice_counts_once() -> None:
    """Berlin sets its clocks back at 01:00 UTC on 25 October 2026: 02:30 is at 00:30 and at 01:30 UTC."""
    first = due("30 2 * * *", "Europe/Berlin", at("2026-10-24 12:00"), at("2026-10-25 00:40"))
    assert first == at("2026-10-25 00:30")
    assert due("30 2 * * *", "Europe/Berlin", first, at("2026-10-25 01:30")) is None
    assert due("30 2 * * *", "Europe/Berlin", first, at("2026-10-25 12:00")) is None
    assert next_due("30 2 * * *", "Europe/Berlin", at("2026-10-25 00:40")) == at("2026-10-26 01:30")


def test_an_hour_that_is_left_out_loses_no_day_after_it() -> None:
    """Berlin leaves out 02:00 to 03:00 on 29 March 2026."""
    assert due("30 2 * * *", "Europe/Berlin", at("2026-03-29 12:00"), at("2026-03-30 12:00")) == at("2026-03-30 00:30")


@pytest.mark.parametrize("cron", ["0 0 30 2 *", "61 * * * *", "daily", "* * * * * *", ""])
def test_what_never_comes_is_no_schedule(cron: str) -> None:
    assert not is_ever_due(cron)


@pytest.mark.parametrize("cron", ["0 2 * * *", "0 0 29 2 *", "*/5 * * * mon-fri"])
def test_what_comes_round_is_one(cron: str) -> None:
    assert is_ever_due(cron)
