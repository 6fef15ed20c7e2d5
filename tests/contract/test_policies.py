"""The laws of every store of policies: in memory, in SQLite, in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from serve_app.adapters.memory_policies import MemoryPolicies
from serve_app.adapters.sql_policies import open_policies
from serve_app.core.errors import StoreUnavailable
from serve_app.core.ports import Policies
from tests.fakes.store_places import KINDS, Place, place_of

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place[Policies]:
    return place_of(request.param, tmp_path, MemoryPolicies, open_policies)


@pytest.fixture
def policies(place: Place[Policies]) -> Iterator[Policies]:
    opened = place.open()
    yield opened
    opened.close()


def test_a_policy_comes_back_as_it_was_after_reopening(place: Place[Policies]) -> None:
    nasty = "\x00\ud83d \\u0041 😀"
    content = {nasty: [1.0, 1, None, 0.1 + 0.2, {"b": 1, "a": nasty}], "prompt": nasty}
    policies = place.open()
    policies.put(nasty, nasty, content, NOON)
    policies.close()
    assert json.dumps(place.open().get(nasty)) == json.dumps(content)


def test_one_that_nobody_kept_is_none(policies: Policies) -> None:
    assert policies.get("sha256:unheard of") is None


def test_a_version_that_is_there_is_left_as_it_is(policies: Policies) -> None:
    policies.put("sha256:p", "colours", {"threshold": 0.8}, NOON)
    policies.put("sha256:p", "shapes", {"threshold": 0.1}, NOON)
    assert policies.get("sha256:p") == {"threshold": 0.8}


def test_a_policy_does_not_change_with_its_caller(policies: Policies) -> None:
    content = {"bands": [1]}
    policies.put("sha256:p", "colours", content, NOON)
    content["bands"].append(2)
    found = policies.get("sha256:p")
    assert found is not None
    found["bands"].append(3)
    assert policies.get("sha256:p") == {"bands": [1]}


def test_a_moment_needs_a_time_zone(policies: Policies) -> None:
    with pytest.raises(ValueError, match="time zone"):
        policies.put("sha256:p", "colours", {}, datetime(2026, 3, 1))


def test_of_many_who_put_at_once_the_first_stays(place: Place[Policies]) -> None:
    handles = [place.open(), place.open()]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: handles[n % 2].put("sha256:p", "colours", {"n": n}, NOON), range(24)))
    first = handles[0].get("sha256:p")
    assert first in [{"n": n} for n in range(24)]
    handles[1].put("sha256:p", "colours", {"n": -1}, NOON)
    assert handles[1].get("sha256:p") == first


def test_a_store_that_is_away_says_so_and_comes_back(place: Place[Policies]) -> None:
    policies = place.open()
    policies.put("sha256:p", "colours", {"n": 1}, NOON)
    with place.away():
        with pytest.raises(StoreUnavailable):
            policies.put("sha256:q", "colours", {}, NOON)
        with pytest.raises(StoreUnavailable):
            policies.get("sha256:p")
    assert policies.get("sha256:p") == {"n": 1}
    policies.close()
    policies.close()
