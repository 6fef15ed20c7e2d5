"""The laws of every review queue: in memory, in SQLite, in PostgreSQL."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from serve_app.adapters.memory_reviews import MemoryReviews
from serve_app.adapters.sql_reviews import open_reviews
from serve_app.core.errors import StoreUnavailable
from serve_app.core.ports import Lease, Review, Reviews
from tests.fakes.store_places import KINDS, Place, place_of

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOON + timedelta(minutes=15)
ROWS = [f"r{number:03d}" for number in range(40)]
_numbers = itertools.count(1)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place[Reviews]:
    return place_of(request.param, tmp_path, MemoryReviews, open_reviews)


@pytest.fixture
def reviews(place: Place[Reviews]) -> Iterator[Reviews]:
    opened = place.open()
    yield opened
    opened.close()


def review(prediction_id: str = "r000", **changes: Any) -> Review:
    return replace(Review(f"01J{next(_numbers):023d}", prediction_id, "colours", "ani", NOON, "red"), **changes)


def leased(reviews: Reviews, by: str, limit: int, wanted: list[str] = ROWS, now: datetime = NOON) -> list[str]:
    found = reviews.lease("colours", wanted, by, now, now + timedelta(minutes=15), limit)
    assert all(each == Lease(each.prediction_id, by, now + timedelta(minutes=15)) for each in found)
    return [each.prediction_id for each in found]


def test_the_first_that_are_free_in_the_order_they_are_wanted(reviews: Reviews) -> None:
    assert leased(reviews, "ani", 2, ["r7", "r2", "r9"]) == ["r7", "r2"]
    assert leased(reviews, "budi", 5, ["r2", "r9", "r7", "r1"]) == ["r9", "r1"]
    assert leased(reviews, "cici", 5, ["r2", "r9"]) == []
    assert leased(reviews, "cici", 5, []) == []


def test_who_asks_again_gets_the_same_for_longer(reviews: Reviews) -> None:
    first = leased(reviews, "ani", 3)
    again = leased(reviews, "ani", 3, now=NOON + timedelta(minutes=10))
    assert again == first
    assert reviews.holder(first[0], LATER + timedelta(minutes=5)) == Lease(
        first[0], "ani", LATER + timedelta(minutes=10)
    )


def test_a_lease_ends_by_time(reviews: Reviews) -> None:
    assert leased(reviews, "ani", 1) == ["r000"]
    assert reviews.holder("r000", LATER - timedelta(microseconds=1)) == Lease("r000", "ani", LATER)
    assert reviews.holder("r000", LATER) is None
    assert reviews.holder("r001", NOON) is None
    assert leased(reviews, "budi", 1, now=LATER) == ["r000"]
    assert leased(reviews, "ani", 1, ["r000"], now=LATER) == []


def test_a_review_ends_the_lease_of_whoever_gave_it(reviews: Reviews) -> None:
    leased(reviews, "ani", 2)
    reviews.add(review("r000"))
    reviews.add(review("r001", by="budi"))
    assert reviews.holder("r000", NOON) is None
    assert reviews.holder("r001", NOON) == Lease("r001", "ani", LATER)


def test_what_somebody_has_reviewed_they_are_not_given_again(reviews: Reviews) -> None:
    reviews.add(review("r000"))
    reviews.add(review("r001", label=None))
    assert leased(reviews, "ani", 2) == ["r002", "r003"]
    assert leased(reviews, "budi", 2) == ["r000", "r001"]


def test_reviews_come_back_as_they_were_newest_first(place: Place[Reviews]) -> None:
    nasty = "\x00\ud83d \\u0041 😀"
    given = [
        review("r1", use_case=nasty, by=nasty, label=nasty),
        review("r2", use_case=nasty, at=NOON + timedelta(days=1), label=None, value=0.1 + 0.2),
        review("r3", use_case=nasty, at=NOON.astimezone(timezone(timedelta(hours=7))), label=None),
    ]
    reviews = place.open()
    for each in (*given, review()):
        reviews.add(each)
    reviews.add(replace(given[0], label="other"))
    reviews.close()
    found = place.open().reviewed(nasty)
    assert found == [given[1], given[2], given[0]]
    assert found[1].at.tzinfo == UTC
    assert place.open().reviewed(nasty, limit=1) == [given[1]]
    assert place.open().reviewed("unheard of") == []
    with pytest.raises(ValueError, match="time zone"):
        reviews.add(review(at=datetime(2026, 3, 1)))


def test_names_may_hold_anything(reviews: Reviews) -> None:
    nasty = "\x00\ud83d \\u0041 😀"
    assert leased(reviews, nasty, 1, [nasty]) == [nasty]
    assert reviews.holder(nasty, NOON) == Lease(nasty, nasty, LATER)


def test_of_twenty_who_ask_at_once_no_two_get_the_same_row(place: Place[Reviews]) -> None:
    handles = [place.open() for _ in range(4)]

    def ask(number: int) -> list[str]:
        order = ROWS[:]
        random.Random(number).shuffle(order)
        return leased(handles[number % 4], f"person {number}", 3, order)

    with ThreadPoolExecutor(20) as pool:
        came = list(pool.map(ask, range(20)))
    given = [which for few in came for which in few]
    assert sorted(given) == sorted(set(given)) == ROWS  # forty rows, wanted by sixty hands
    for number, few in enumerate(came):
        assert all(handles[0].holder(which, NOON).by == f"person {number}" for which in few)  # type: ignore[union-attr]
    for handle in handles:
        handle.close()


def test_more_than_one_round_is_looked_at(reviews: Reviews) -> None:
    many = [f"m{number:04d}" for number in range(1100)]
    assert leased(reviews, "ani", 1050, many) == many[:1050]
    assert leased(reviews, "budi", 200, many) == many[1050:]


def test_a_store_that_is_away_says_so_and_comes_back(place: Place[Reviews]) -> None:
    reviews, first = place.open(), review()
    reviews.add(first)
    with place.away():
        calls = (
            lambda: reviews.lease("colours", ROWS, "ani", NOON, LATER, 1),
            lambda: reviews.holder("r000", NOON),
            lambda: reviews.add(review()),
            lambda: reviews.reviewed("colours"),
        )
        for call in calls:
            with pytest.raises(StoreUnavailable):
                call()
    assert reviews.reviewed("colours") == [first]
    reviews.close()
    reviews.close()
