"""The laws of every answer cache: in memory, in SQLite, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from serve_app.adapters.memory_answer_cache import MemoryAnswerCache
from serve_app.adapters.sql_answer_cache import AT_ONCE, open_answer_cache
from serve_app.core.answers import TeacherAnswer
from serve_app.core.errors import StoreUnavailable
from serve_app.core.ports import AnswerCache, KeptAnswer
from tests.fakes.store_places import KINDS, Place, place_of

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place[AnswerCache]:
    return place_of(request.param, tmp_path, MemoryAnswerCache, open_answer_cache)


@pytest.fixture
def cache(place: Place[AnswerCache]) -> Iterator[AnswerCache]:
    opened = place.open()
    yield opened
    opened.close()


def said(label: str = "network", cost_usd: float = 0.0001) -> TeacherAnswer:
    return TeacherAnswer("gemini", "flash", label=label, confidence=0.1 + 0.2, latency_ms=412.5, cost_usd=cost_usd)


def kept(key: str, answer: TeacherAnswer | None = None, at: datetime = NOON) -> KeptAnswer:
    return KeptAnswer(key, answer or said(), at, at + HOUR)


def test_an_answer_comes_back_as_it_was_given_after_reopening(place: Place[AnswerCache]) -> None:
    nasty = "\x00\ud83d \\u0041 😀"
    answer, number = TeacherAnswer(nasty, nasty, label=nasty), TeacherAnswer("p", "m", value=1e-300, tokens_in=7)
    cache = place.open()
    cache.put([kept(nasty, answer), kept("number", number)])
    cache.close()
    assert place.open().get([nasty, "number", "unheard of"], NOON) == {nasty: answer, "number": number}


def test_an_answer_is_there_until_it_expires_and_not_a_moment_longer(cache: AnswerCache) -> None:
    cache.put([kept("a")])
    assert set(cache.get(["a"], NOON + HOUR - timedelta(microseconds=1))) == {"a"}
    assert cache.get(["a"], NOON + HOUR) == {}


def test_moments_are_compared_whatever_their_time_zone_and_need_one(cache: AnswerCache) -> None:
    jakarta = timezone(timedelta(hours=7))
    cache.put([KeptAnswer("a", said(), NOON.astimezone(jakarta), (NOON + HOUR).astimezone(jakarta))])
    assert set(cache.get(["a"], NOON.astimezone(timezone(-timedelta(hours=3))))) == {"a"}
    assert cache.get(["a"], (NOON + HOUR).astimezone(jakarta)) == {}
    naive = datetime(2026, 3, 1)
    for call in (
        lambda: cache.get(["a"], naive),
        lambda: cache.put([KeptAnswer("b", said(), naive, NOON)]),
        lambda: cache.put([KeptAnswer("b", said(), NOON, naive)]),
        lambda: cache.purge(naive),
    ):
        with pytest.raises(ValueError, match="time zone"):
            call()


def test_a_later_answer_replaces_one_of_the_same_key_with_its_expiry(cache: AnswerCache) -> None:
    cache.put([kept("a"), kept("b")])
    cache.put([kept("a", said("other"), NOON + HOUR)])
    assert cache.get(["a", "b"], NOON) == {"a": said("other"), "b": said()}
    assert cache.get(["a", "b"], NOON + HOUR) == {"a": said("other")}


def test_a_key_that_is_put_twice_at_once_holds_the_last(cache: AnswerCache) -> None:
    cache.put([kept("a"), kept("a", said("last"))])
    assert cache.get(["a", "a"], NOON) == {"a": said("last")}


def test_nothing_to_get_or_put_is_no_error(cache: AnswerCache) -> None:
    cache.put([])
    assert cache.get([], NOON) == {}


def test_a_large_batch_is_one_call(cache: AnswerCache) -> None:
    keys = [f"key {number}" for number in range(2 * AT_ONCE + 1)]
    cache.put([kept(key) for key in keys])
    assert set(cache.get(keys, NOON)) == set(keys)


def test_a_purge_forgets_what_has_expired_and_nothing_else(cache: AnswerCache) -> None:
    cache.put([kept("old"), kept("older", at=NOON - HOUR), kept("young", at=NOON + HOUR)])
    assert cache.purge(NOON + HOUR) == 2
    assert cache.purge(NOON + HOUR) == 0
    assert set(cache.get(["old", "older", "young"], NOON - HOUR)) == {"young"}


def test_of_many_who_put_at_once_one_stays_for_each_key(place: Place[AnswerCache]) -> None:
    handles, answers = [place.open(), place.open()], [said(str(number)) for number in range(40)]
    keys = ["b", "a"]
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(lambda n: handles[n % 2].put([kept(key, answers[n]) for key in keys[:: 1 - n % 2 * 2]]), range(40))
        )
    found = handles[0].get(keys, NOON)
    assert set(found) == {"a", "b"}
    assert set(found.values()) <= set(answers)


def test_a_store_that_is_away_says_so_and_comes_back(place: Place[AnswerCache]) -> None:
    cache = place.open()
    cache.put([kept("a")])
    with place.away():
        for call in (lambda: cache.put([kept("b")]), lambda: cache.get(["a"], NOON), lambda: cache.purge(NOON)):
            with pytest.raises(StoreUnavailable):
                call()
    assert set(cache.get(["a", "b"], NOON)) == {"a"}
    cache.close()
    cache.close()
