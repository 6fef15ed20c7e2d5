"""The rule of a token bucket, and which zones hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.core.answers import TeacherFailure
from serve_app.core.buckets import (
    TOO_OFTEN,
    Bucket,
    Level,
    Taken,
    Zones,
    filled,
    full_in_s,
    take,
    went_too_often,
)

TEN = Bucket(rate=2.0, capacity=10)


@pytest.mark.parametrize(
    ("level", "now", "tokens"),
    [
        (None, 5.0, 10.0),
        (Level(0.0, 5.0), 5.0, 0.0),
        (Level(0.0, 5.0), 6.5, 3.0),
        (Level(9.0, 5.0), 60.0, 10.0),
        (Level(4.0, 5.0), 1.0, 4.0),
    ],
    ids=["untouched is full", "at once", "by the rate", "no more than it holds", "a clock that goes back"],
)
def test_a_bucket_is_filled(level: Level | None, now: float, tokens: float) -> None:
    assert filled(level, TEN, now) == tokens


@pytest.mark.parametrize(
    ("tokens", "wanted", "least", "taken"),
    [
        ([10.0], 1, 1, Taken(1, 9.0)),
        ([0.5], 1, 1, Taken(0, 0.5, 0.25)),
        ([3.7], 5, 0, Taken(3, pytest.approx(0.7))),  # type: ignore[arg-type]
        ([0.2], 5, 0, Taken(0, 0.2)),
        ([10.0, 0.0], 1, 1, Taken(0, 0.0, 0.5)),
        ([1 - 1e-12], 1, 1, Taken(1, 0.0)),
    ],
    ids=["one of ten", "too early", "as many as there are", "none will do", "the emptier one says", "sums of floats"],
)
def test_tokens_are_taken(tokens: list[float], wanted: int, least: int, taken: Taken) -> None:
    assert take(tokens, TEN, wanted, least) == taken


@given(st.lists(st.floats(0, 3), max_size=60), st.floats(0.1, 50), st.integers(1, 20))
def test_never_more_than_a_burst_and_the_rate(pauses: list[float], rate: float, capacity: int) -> None:
    bucket, level, now, granted = Bucket(rate, capacity), None, 0.0, 0
    for pause in pauses:
        now += pause
        had = filled(level, bucket, now)
        taken = take([had], bucket, 1, 1)
        granted += taken.granted
        level = Level(had - taken.granted, now)
        if not taken.granted:
            assert take([filled(level, bucket, now + taken.wait_s)], bucket, 1, 1).granted == 1, "it waits long enough"
    assert granted <= capacity + rate * now + 1e-6


def test_how_long_until_it_is_full() -> None:
    assert full_in_s(TEN, 4.0) == 3.0
    assert full_in_s(TEN, 10.0) == 0.0


def test_zones_hold_where_callers_are_told_apart() -> None:
    assert Zones().in_force("local") == {}
    assert list(Zones().in_force("jwt")) == ["auth", "predict", "general", "llm"]
    assert Zones(hold="never").in_force("jwt") == {}
    some = Zones.model_validate(
        {"hold": "always", "predict": {"rate": None, "capacity": 1}, "llm": {"rate": 2, "capacity": 3}}
    )
    assert "predict" not in some.in_force("local")
    assert some.in_force("local")["llm"] == Bucket(2.0, 3)


def test_our_own_refusal_is_not_the_providers() -> None:
    assert went_too_often(TOO_OFTEN)
    assert not went_too_often(TeacherFailure("rate_limited", "openai", 12.0))
