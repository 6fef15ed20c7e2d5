"""The laws of every store of users, keys and locks: in memory, in SQLite, in PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from serve_app.adapters.memory_identity import MemoryIdentities
from serve_app.adapters.sql_identity import open_identities
from serve_app.core.errors import LastAdmin, StoreUnavailable, UnknownApiKey, UnknownUser
from serve_app.core.identity import ApiKey, Change, Family, User, digest_of
from serve_app.core.identity_ports import Identities
from serve_app.core.login_locks import locks_of
from serve_app.core.platform import Locks
from tests.fakes.store_places import KINDS, Place, place_of

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
MONTH = timedelta(days=30)
RULE = Locks(tries=3, tries_anywhere=5, first_s=2.0, longest_s=60.0)
_numbers = itertools.count(1)


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place[Identities]:
    return place_of(request.param, tmp_path, MemoryIdentities, open_identities)


@pytest.fixture
def store(place: Place[Identities]) -> Iterator[Identities]:
    opened = place.open()
    yield opened
    opened.close()


def user(name: str = "ani", **changes: Any) -> User:
    return replace(User(name, f"{name}@example.org", "admin", "$argon2id$x", True, NOON), **changes)


def family(**changes: Any) -> Family:
    return replace(Family(f"family-{next(_numbers)}", "ani", "first", NOON, NOON + MONTH), **changes)


def key(**changes: Any) -> ApiKey:
    number = next(_numbers)
    new = ApiKey(f"01J{number:023d}", "tills", digest_of(f"{number}"), "user", ["a", "b"], "ani", NOON, NOON + MONTH)
    return replace(new, **changes)


def test_users_come_back_as_they_were_after_reopening(place: Place[Identities]) -> None:
    store, users = place.open(), [user(), user("budi", email=None, role="user", enabled=False)]
    assert [store.add(each) for each in reversed(users)] == [True, True]
    store.close()
    store = place.open()
    assert store.all() == users
    assert (store.get("budi"), store.get("cici")) == (users[1], None)
    store.close()


def test_a_name_is_taken_once_however_many_want_it(place: Place[Identities]) -> None:
    stores, wanted = [place.open(), place.open()], [user(password=f"hash {n}") for n in range(12)]
    with ThreadPoolExecutor(6) as pool:
        got = list(pool.map(lambda n: stores[n % 2].add(wanted[n]), range(12)))
    assert got.count(True) == 1
    assert stores[0].all() == [wanted[got.index(True)]]


def test_a_change_is_told_and_voids_what_was_issued_before(store: Identities) -> None:
    store.add(user())
    store.add(user("budi", role="user"))
    mine, other = family(user="budi"), family()
    store.begin(mine)
    store.begin(other)
    before, after = store.change("budi", Change(role="reviewer", password="new"), later(5))
    assert before == user("budi", role="user")
    assert after == user("budi", role="reviewer", password="new", tokens_from=later(5)) == store.get("budi")
    standing = store.standing("budi", NOON)
    assert standing is not None
    assert (standing.role, standing.enabled, standing.tokens_from) == ("reviewer", True, later(5))
    assert standing.ended == {mine.id}
    assert store.rotate(mine.id, "first", "second", later(6), later(9)) == "ended"
    assert store.rotate(other.id, "first", "second", later(6), later(9)) == "rotated"
    with pytest.raises(UnknownUser):
        store.change("cici", Change(enabled=False), NOON)
    assert store.standing("cici", NOON) is None


def test_the_last_admin_who_may_log_in_stays(place: Place[Identities]) -> None:
    """Also when all leave at once."""
    stores = [place.open(), place.open()]
    names = ["ani", "budi", "cici"]
    for name in names:
        stores[0].add(user(name))
    stores[0].add(user("dewi", enabled=False))

    def leaves(number: int) -> bool:
        change = Change(enabled=False) if number % 2 else Change(role="user")
        try:
            stores[number % 2].change(names[number], change, later(number))
        except LastAdmin:
            return False
        return True

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(leaves, range(3))) == [False, True, True]
    (left,) = [each for each in stores[0].all() if each.enabled and each.role == "admin"]
    assert stores[0].change(left.name, Change(password="another"), later(9))[1].password == "another"


def test_a_refresh_token_is_good_once_and_the_second_time_ends_all(store: Identities) -> None:
    mine = family()
    store.begin(mine)
    assert store.rotate(mine.id, "first", "second", later(1), later(99)) == "rotated"
    assert store.rotate(mine.id, "second", "third", later(2), later(99)) == "rotated"
    assert store.rotate(mine.id, "first", "fourth", later(3), later(99)) == "reused"
    assert store.rotate(mine.id, "third", "fifth", later(4), later(99)) == "ended"
    assert store.rotate("unheard of", "first", "second", later(4), later(99)) == "ended"


def test_of_many_who_show_one_token_at_once_one_is_first(place: Place[Identities]) -> None:
    stores, mine = [place.open(), place.open()], family()
    stores[0].begin(mine)
    turn = lambda n: stores[n % 2].rotate(mine.id, "first", f"new {n}", later(1), later(99))  # noqa: E731
    with ThreadPoolExecutor(6) as pool:
        came = list(pool.map(turn, range(6)))
    assert came.count("rotated") == 1
    assert came.count("reused") == 1


def test_a_family_ends_by_logging_out_and_by_time(store: Identities) -> None:
    store.add(user())
    ended, old = family(), family(expires_at=later(10))
    store.begin(ended)
    store.begin(old)
    assert [store.end(which, later(n)) for n, which in enumerate([ended.id, ended.id, "none"], 1)] == [
        True,
        False,
        False,
    ]
    assert store.rotate(old.id, "first", "second", later(10), later(99)) == "ended"
    standing = store.standing("ani", NOON)
    assert standing is not None
    assert standing.ended == {ended.id}
    later_on = store.standing("ani", later(1))
    assert later_on is not None
    assert later_on.ended == frozenset()


def test_keys_come_back_newest_first_and_are_revoked_for_good(place: Place[Identities]) -> None:
    store, keys = place.open(), [key(), key(use_cases=None, role="reviewer"), key(use_cases=[])]
    for each in keys:
        store.add_key(each)
    store.close()
    store = place.open()
    assert store.keys() == keys[::-1]
    assert store.key_of(keys[1].digest) == keys[1]
    assert store.key_of(digest_of("none")) is None
    gone = replace(keys[0], revoked_at=later(5))
    assert store.revoke_key(keys[0].id, later(5)) == store.revoke_key(keys[0].id, later(9)) == gone
    assert store.key_of(gone.digest) == gone
    with pytest.raises(UnknownApiKey):
        store.revoke_key("none", NOON)
    store.close()


def test_who_guesses_waits_longer_and_longer_and_others_do_not(store: Identities) -> None:
    locks = locks_of("ani", "10.0.0.1", RULE)
    assert [store.try_(locks, later(n)) for n in range(3)] == [None] * 3
    assert store.try_(locks, later(3)) == later(4)
    assert store.try_(locks, later(4)) is None
    assert store.try_(locks, later(5)) == later(8)
    assert store.try_(locks_of("budi", "10.0.0.1", RULE), later(5)) is None
    elsewhere = locks_of("ani", "10.0.0.2", RULE)
    assert store.try_(elsewhere, later(5)) is None  # the fifth from anywhere
    assert store.try_(elsewhere, later(6)) == later(7)
    store.clear(locks)
    assert store.try_(locks, later(6)) is None


def test_waits_have_an_end_and_are_forgotten(store: Identities) -> None:
    locks, now = locks_of("ani", "", RULE), NOON
    for _ in range(12):
        while (until := store.try_(locks, now)) is not None:
            assert until - now <= timedelta(seconds=60)
            now = until
    assert store.try_(locks, now) == now + timedelta(seconds=60)
    now += timedelta(seconds=60 + 60)
    assert [store.try_(locks, now) for _ in range(3)] == [None] * 3


def test_as_many_tries_at_once_as_in_turn(place: Place[Identities]) -> None:
    stores, locks = [place.open(), place.open()], locks_of("ani", "10.0.0.1", RULE)
    with ThreadPoolExecutor(8) as pool:
        came = list(pool.map(lambda n: stores[n % 2].try_(locks, NOON), range(16)))
    assert came.count(None) == 3


def test_a_store_that_is_away_says_so_and_comes_back(place: Place[Identities]) -> None:
    store = place.open()
    store.add(user())
    with place.away():
        for call in (store.all, store.keys, lambda: store.standing("ani", NOON), lambda: store.add(user("budi"))):
            with pytest.raises(StoreUnavailable):
                call()
    assert store.all() == [user()]
    store.close()
    store.close()
