"""The laws of every budget: in memory, in SQLite, in PostgreSQL, over the Redis protocol."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from serve_app.adapters.budgets import open_budget, open_sql_budget
from serve_app.adapters.memory_budget import MemoryBudget
from serve_app.adapters.redis_budget import RedisBudget
from serve_app.adapters.sql_budget import SqlBudget
from serve_app.adapters.sql_event_log import open_event_log
from serve_app.core import platform, use_case
from serve_app.core.budget import limits_of
from serve_app.core.errors import BadConfig, StoreUnavailable
from serve_app.core.ports import Budget, Limit, Reservation
from tests.fakes.redis_server import redis_server
from tests.fakes.store_places import DATABASES, KINDS, Place, place_of

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
_numbers = itertools.count(1)


def place_for(kind: str, folder: Path) -> Place[Budget]:
    if kind != "redis":
        return place_of(kind, folder, MemoryBudget, open_sql_budget)
    server = redis_server()
    server.empty()
    return Place("redis", server.url, lambda: RedisBudget(server.url), server.stopped, lambda _: server.stopped())


@pytest.fixture(params=[*KINDS, "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place[Budget]:
    return place_for(request.param, tmp_path)


@pytest.fixture
def budget(place: Place[Budget]) -> Iterator[Budget]:
    opened = place.open()
    yield opened
    opened.close()


def limit(usd: float = 1.0, key: str = "colours:day:2026-03-01", resets_at: datetime = MIDNIGHT) -> Limit:
    return Limit(key, usd, resets_at)


def reserve(budget: Budget, usd: float, *limits: Limit, now: datetime = NOON) -> Reservation | Limit:
    return budget.reserve(f"r{next(_numbers)}", limits or [limit()], usd, now)


def made(came: Reservation | Limit) -> Reservation:
    assert isinstance(came, Reservation)
    return came


def of(budget: Budget, each: Limit) -> float:
    return budget.spent([each.key])[each.key]


def test_what_is_set_aside_counts_as_spent_until_it_is_settled(place: Place[Budget]) -> None:
    budget = place.open()
    first = made(reserve(budget, 0.25))
    assert (first.keys, first.usd) == ((limit().key,), 0.25)
    assert place.open().spent([limit().key, "nobody's"]) == {limit().key: 0.25, "nobody's": 0.0}
    budget.settle(first, 0.1, NOON)
    assert of(budget, limit()) == 0.1
    made(reserve(budget, 0.9))
    assert of(budget, limit()) == 1.0
    assert budget.spent([]) == {}


def test_a_limit_is_taken_to_its_end_and_not_beyond(budget: Budget) -> None:
    for _ in range(10):  # 0.1 ten times is more than 1.0 to a float
        made(reserve(budget, 0.1))
    assert reserve(budget, 1e-12) == limit()
    assert of(budget, limit()) == 1.0
    made(reserve(budget, 0.0))
    assert reserve(budget, 0.5, limit(0.4, "other")) == limit(0.4, "other")
    assert reserve(budget, 1e-12, limit(0.0, "none at all")) == limit(0.0, "none at all")
    made(reserve(budget, 1e-12, limit(1.000000000001)))  # a limit that is raised holds at once


def test_of_several_limits_all_are_taken_or_none(budget: Budget) -> None:
    z_day, month, user = limit(1.0, "z"), limit(0.5, "b"), limit(0.3, "c")
    made(reserve(budget, 0.2, z_day, month, user))
    assert reserve(budget, 0.2, z_day, month, user) == user
    assert reserve(budget, 0.4, z_day, month, user) == month, "the first that is short"
    assert reserve(budget, 0.9, z_day, month, user) == z_day
    assert budget.spent(["z", "b", "c"]) == {"z": 0.2, "b": 0.2, "c": 0.2}
    made(reserve(budget, 0.3, z_day, month))
    assert budget.spent(["z", "b", "c"]) == {"z": 0.5, "b": 0.5, "c": 0.2}


def test_without_a_limit_everything_is_granted(budget: Budget) -> None:
    came = made(budget.reserve("free", [], 5.0, NOON))
    assert came.keys == ()
    budget.settle(came, 7.0, NOON)


def test_the_true_cost_takes_the_place_of_what_was_set_aside(budget: Budget) -> None:
    day, month = limit(1.0), limit(5.0, "colours:month:2026-03")
    less, more, none = (made(reserve(budget, 0.3, day, month)) for _ in range(3))
    budget.settle(less, 0.1, NOON)
    budget.settle(more, 0.9, NOON)  # the calls cost more than their worst case: it is told as it is
    budget.settle(none, 0.0, NOON)
    assert (of(budget, day), of(budget, month)) == (1.0, 1.0)
    assert reserve(budget, 1e-12, day, month) == day


def test_settled_again_nothing_happens(place: Place[Budget]) -> None:
    budget, other = place.open(), place.open()
    came = made(reserve(budget, 0.3))
    budget.settle(came, 0.1, NOON)
    other.settle(came, 0.7, NOON)
    budget.settle(came, 0.1, NOON)
    assert of(budget, limit()) == 0.1


def test_what_was_never_made_is_not_settled(budget: Budget) -> None:
    budget.settle(Reservation("unheard of", (limit().key,), 0.5), 0.0, NOON)
    assert of(budget, limit()) == 0.0


def test_the_same_id_again_is_the_same_reservation(place: Place[Budget]) -> None:
    budget, other = place.open(), place.open()
    first = made(budget.reserve("again", [limit()], 0.7, NOON))
    assert other.reserve("again", [limit()], 0.7, NOON) == first
    budget.settle(first, 0.2, NOON)
    assert other.reserve("again", [limit()], 0.7, NOON) == first
    assert of(budget, limit()) == 0.2
    assert budget.reserve("refused", [limit(0.1)], 0.5, NOON) == limit(0.1)
    made(budget.reserve("refused", [limit()], 0.5, NOON))  # one that was refused left nothing behind


def test_a_new_day_begins_with_all_of_its_money(budget: Budget) -> None:
    money = use_case.Budget(per_day_usd=1.0, per_month_usd=1.5)
    late = MIDNIGHT - timedelta(microseconds=1)
    before = made(budget.reserve("before", limits_of(money, "colours", None, late), 1.0, late))
    assert isinstance(budget.reserve("short", limits_of(money, "colours", None, late), 0.5, late), Limit)
    today = limits_of(money, "colours", None, MIDNIGHT)
    after = made(budget.reserve("after", today, 0.5, MIDNIGHT))
    short = budget.reserve("month", today, 0.5, MIDNIGHT)
    assert isinstance(short, Limit)
    assert short.resets_at == datetime(2026, 4, 1, tzinfo=UTC)
    budget.settle(before, 0.25, MIDNIGHT)  # to the day it was asked on
    assert budget.spent([*before.keys, *after.keys]) == {
        "colours:day:2026-03-01": 0.25, "colours:day:2026-03-02": 0.5, "colours:month:2026-03": 0.75,
    }  # fmt: skip


def test_accounts_of_any_name_are_apart(budget: Budget) -> None:
    names = ["\x00\ud83d", "\\u0000", "kim:day", "kim", "😀", "%_"]
    for number, name in enumerate(names):
        made(reserve(budget, (number + 1) / 10, limit(1.0, name)))
    assert budget.spent(names) == {name: (number + 1) / 10 for number, name in enumerate(names)}
    came = made(budget.reserve("\x00\ud83d", [limit(9.0, name) for name in names], 0.5, NOON))
    assert came.keys == tuple(names)
    budget.settle(came, 0.0, NOON)
    assert of(budget, limit(1.0, names[0])) == 0.1


def test_what_is_no_money_and_a_moment_without_a_zone_are_refused(budget: Budget) -> None:
    for usd in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="no amount"):
            reserve(budget, usd)
    with pytest.raises(ValueError, match="time zone"):
        reserve(budget, 0.1, now=datetime(2026, 3, 1))
    assert of(budget, limit()) == 0.0


def test_two_hundred_at_once_never_overspend(place: Place[Budget]) -> None:
    """At the edge: money for 37 of 200, over two limits of which now one, now the other is the shorter."""
    handles = [place.open() for _ in range(4)]
    day, user = limit(0.37), limit(0.2, "colours:user_day:2026-03-01:kim")

    def ask(number: int) -> Reservation | Limit:
        mine = [day, user] if number % 2 else [day]
        return handles[number % 4].reserve(f"at once {number}", mine[:: (1, -1)[number % 3 == 0]], 0.01, NOON)

    with ThreadPoolExecutor(20) as pool:
        came = list(pool.map(ask, range(200)))
    granted = [each for each in came if isinstance(each, Reservation)]
    assert len(granted) == 37
    assert sum(user.key in each.keys for each in granted) <= 20
    spent = handles[0].spent([day.key, user.key])
    assert spent == {day.key: 0.37, user.key: round(0.01 * sum(user.key in each.keys for each in granted), 12)}


def test_settling_at_once_adds_up(place: Place[Budget]) -> None:
    """Each reserves, settles at half and reserves again: what is given back is there for the others, and what
    is spent and set aside is never more than the limit."""
    handles, day = [place.open() for _ in range(4)], limit(0.5)

    def ask(number: int) -> int:
        came = handles[number % 4].reserve(f"half {number}", [day], 0.02, NOON)
        assert of(handles[number % 4], day) <= day.usd
        if isinstance(came, Limit):
            return 0
        handles[number % 4].settle(came, 0.01, NOON)
        return 1

    with ThreadPoolExecutor(8) as pool:
        granted = sum(pool.map(ask, range(100)))
    assert of(handles[0], day) == round(0.01 * granted, 12)
    assert 25 <= granted <= 49


def test_of_many_with_one_id_one_is_made(place: Place[Budget]) -> None:
    handles = [place.open() for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        came = list(pool.map(lambda n: handles[n % 4].reserve("one", [limit()], 0.3, NOON), range(40)))
    assert set(came) == {Reservation("one", (limit().key,), 0.3)}
    assert of(handles[0], limit()) == 0.3


# Forks, so that only one process pays for the imports. Each prints how many reservations it got.
PROCESSES = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from serve_app.adapters.budgets import open_budget
from serve_app.core.platform import Platform
from serve_app.core.ports import Limit, Reservation

now, end = datetime(2026, 3, 1, 12, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
limits = [Limit("day", 0.3, end), Limit("month", 7.0, end)]
for number in range(4):
    if os.fork() == 0:
        budget = open_budget(Platform(state=".", store={"url": "sqlite:///unused.db"}, budget={"url": sys.argv[1]}))

        def ask(which):
            mine = limits[::-1] if which % 2 else limits
            return isinstance(budget.reserve(f"{number}-{which}", mine, 0.01, now), Reservation)

        with ThreadPoolExecutor(3) as pool:
            os.write(1, f"{sum(pool.map(ask, range(25)))}\\n".encode())
        os._exit(0)
for _ in range(4):
    os.wait()
"""


@pytest.mark.parametrize("kind", [*DATABASES, "redis"])
def test_many_processes_at_once_never_overspend(kind: str, tmp_path: Path) -> None:
    place = place_for(kind, tmp_path)
    budget = place.open()  # SQLite's file is made
    assert place.url is not None
    root = Path(__file__).resolve().parents[2]
    told = subprocess.run(
        [sys.executable, "-c", PROCESSES, place.url], cwd=root, capture_output=True, text=True, timeout=60, check=True
    )
    granted = [int(line) for line in told.stdout.split()]
    assert len(granted) == 4, told.stderr
    assert sum(granted) == 30
    assert budget.spent(["day", "month"]) == {"day": 0.3, "month": 0.3}


def test_a_store_that_is_away_says_so_and_comes_back(place: Place[Budget]) -> None:
    budget = place.open()
    first = made(reserve(budget, 0.3))
    with place.away():
        calls = (
            lambda: reserve(budget, 0.1),
            lambda: budget.settle(first, 0.1, NOON),
            lambda: budget.spent([limit().key]),
        )
        for call in calls:
            with pytest.raises(StoreUnavailable):
                call()
    assert of(budget, limit()) == 0.3
    budget.settle(first, 0.1, NOON)
    assert of(budget, limit()) == 0.1
    budget.close()
    budget.close()


def test_over_redis_an_account_ends_after_its_reset() -> None:
    server = redis_server()
    server.empty()
    budget = RedisBudget(server.url)
    came = made(reserve(budget, 0.3))
    with server.client() as client:
        lives = {key.decode().split(":")[2]: client.ttl(key) for key in client.scan_iter()}
        assert lives["spent"] == pytest.approx(12 * 3600 + 3600, abs=60)
        assert lives["reservation"] == pytest.approx(2 * 86_400, abs=60)
        client.delete(*[key for key in client.scan_iter() if b"spent" in key])
        budget.settle(came, 0.1, NOON)  # must not make it again: it would never end
        assert of(budget, limit()) == 0.0
        client.script_flush()
    made(reserve(budget, 0.3))  # a server that was restarted has forgotten the scripts
    budget.close()


@pytest.mark.parametrize("kind", DATABASES)
def test_what_is_long_over_is_forgotten(kind: str, tmp_path: Path) -> None:
    place = place_for(kind, tmp_path)
    made(reserve(place.open(), 0.3))
    soon, long = NOON + timedelta(days=1), NOON + timedelta(days=500)
    budget = place.open()
    assert budget.reserve("r", [replace(limit(), key="b")], 0.1, soon)
    assert of(budget, limit()) == 0.3
    assert budget.reserve("s", [replace(limit(), key="c", resets_at=long)], 0.1, long)
    assert budget.spent([limit().key, "b", "c"]) == {limit().key: 0.0, "b": 0.0, "c": 0.1}


def test_the_budget_lies_where_the_configuration_says(tmp_path: Path) -> None:
    def opened(url: str) -> Budget:
        return open_budget(platform.Platform(state=str(tmp_path), budget=platform.Budget(url=url)))

    own = opened("")
    assert isinstance(own, SqlBudget)
    made(reserve(own, 0.3))
    open_event_log(platform.Store(), tmp_path).close()
    assert [path.name for path in tmp_path.glob("*.db")] == ["events.db"]
    made(reserve(opened("sqlite:///{state}/money.db"), 0.2))
    assert (tmp_path / "money.db").exists()
    assert of(own, limit()) == 0.3
    assert isinstance(opened("redis://localhost:1/0"), RedisBudget)
    with pytest.raises(StoreUnavailable):
        opened("redis://127.0.0.1:1/0").spent(["a"])
    for wrong in ("mysql://there", "redis://here:port/0"):
        with pytest.raises(BadConfig):
            opened(wrong)
