"""The laws of token buckets: in memory, over the Redis protocol, and over one that may go away."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from itertools import count

import pytest
from pydantic import SecretStr

from serve_app.adapters.buckets import PAUSE_S, SteadyBuckets, open_buckets
from serve_app.adapters.memory_buckets import MemoryBuckets
from serve_app.adapters.redis_buckets import PREFIX, TIMEOUT_S, RedisBuckets
from serve_app.core.buckets import Bucket, Taken
from serve_app.core.errors import BadConfig, StoreUnavailable
from serve_app.core.platform import Limits
from serve_app.core.ports import Buckets
from tests.fakes.redis_server import redis_server

pytestmark = pytest.mark.anyio

FIVE = Bucket(rate=20.0, capacity=5)
SLOW = Bucket(rate=0.001, capacity=5)
PATIENT_S = 5.0
"""For a test of what it counts, on a machine that is busy with others."""

_names = (f"key-{number}" for number in count())


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["memory", "redis", "steady"])
async def buckets(request: pytest.FixtureRequest) -> AsyncIterator[Buckets]:
    opened: Buckets = MemoryBuckets()
    if request.param != "memory":
        opened = RedisBuckets(redis_server().url, PATIENT_S)
    if request.param == "steady":
        opened = SteadyBuckets(opened)
    yield opened
    await opened.close()


@pytest.fixture
def key() -> str:
    return next(_names)


async def test_a_bucket_gives_what_it_holds_and_no_more(buckets: Buckets, key: str) -> None:
    for left in (4, 3, 2, 1, 0):
        assert await buckets.take([key], SLOW, 1, 1) == Taken(1, pytest.approx(left, abs=0.01))  # type: ignore[arg-type]
    refused = await buckets.take([key], SLOW, 1, 1)
    assert refused.granted == 0
    assert refused.wait_s == pytest.approx(1000, rel=0.05)
    assert (await buckets.take([f"{key}'s neighbour"], SLOW, 1, 1)).granted == 1


async def test_who_waits_as_long_as_he_was_told_is_served(buckets: Buckets, key: str) -> None:
    assert (await buckets.take([key], FIVE, 5, 5)).granted == 5
    wait_s = 0.0
    while not (taken := await buckets.take([key], FIVE, 4, 4)).granted:
        wait_s = taken.wait_s
        assert wait_s <= 0.2
        await asyncio.sleep(wait_s)
    assert wait_s > 0


async def test_as_many_as_there_are_where_fewer_will_do(buckets: Buckets, key: str) -> None:
    assert (await buckets.take([key], SLOW, 3, 0)).granted == 3
    assert (await buckets.take([key], SLOW, 9, 0)).granted == 2
    assert (await buckets.take([key], SLOW, 9, 0)) == Taken(0, pytest.approx(0, abs=0.01))  # type: ignore[arg-type]


async def test_from_several_buckets_all_or_none(buckets: Buckets, key: str) -> None:
    full, empty = f"{key}:full", f"{key}:empty"
    await buckets.take([empty], SLOW, 5, 5)
    assert (await buckets.take([full, empty], SLOW, 1, 1)).granted == 0
    assert (await buckets.take([full], SLOW, 5, 5)).granted == 5, "nothing was taken from it"


async def test_at_once_never_more_than_there_are(buckets: Buckets, key: str) -> None:
    many = Bucket(rate=0.001, capacity=60)
    came = await asyncio.gather(*(buckets.take([key], many, 1, 1) for _ in range(150)))
    assert sum(taken.granted for taken in came) == 60
    assert await buckets.ping() is None


async def test_memory_forgets_who_was_there_longest_ago() -> None:
    now = 0.0
    buckets = MemoryBuckets(lambda: now, most=2)
    for name in ("a", "b", "a", "c"):
        await buckets.take([name], FIVE, 5, 5)
    assert sorted(buckets._levels) == ["a", "c"]


async def test_what_is_full_again_is_gone_from_redis(key: str) -> None:
    server = redis_server()
    buckets = RedisBuckets(server.url, PATIENT_S)
    await buckets.take([key], FIVE, 5, 5)
    with server.client() as client:
        assert 0 < client.pttl(f"{PREFIX}{key}") <= 1300
    await buckets.close()


async def test_a_server_that_is_away_costs_nobody_an_answer(key: str, caplog: pytest.LogCaptureFixture) -> None:
    server, now = redis_server(), [0.0]
    shared = RedisBuckets(server.url, PATIENT_S)
    steady = SteadyBuckets(shared, lambda: now[0])
    with caplog.at_level(logging.WARNING, "understudy.limits"):
        assert (await steady.take([key], SLOW, 4, 4)).granted == 4
        with server.stopped():
            assert [(await steady.take([key], SLOW, 1, 1)).granted for _ in range(7)] == [1] * 5 + [0] * 2
            assert "away" in (await steady.ping() or "")
            now[0] += PAUSE_S
            assert (await steady.take([key], SLOW, 1, 1)).granted == 0, "tried again, and still away"
        now[0] += PAUSE_S
        assert [(await steady.take([key], SLOW, 1, 1)).granted for _ in range(2)] == [1, 0], "what the server knows"
        assert await steady.ping() is None
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "limits are counted by each process for itself", "limits are counted by all processes together again",
    ]  # fmt: skip
    await steady.close()


async def test_a_server_that_hangs_is_waited_for_briefly(key: str) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    buckets = SteadyBuckets(RedisBuckets(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    before = time.monotonic()
    for _ in range(20):
        await buckets.take([key], FIVE, 1, 0)
    assert time.monotonic() - before < 20 * TIMEOUT_S, "it was tried once, and the others did not wait for it"
    await buckets.close()
    server.close()


async def test_it_says_what_is_wrong_and_nothing_secret() -> None:
    buckets = RedisBuckets("redis://:geheim@127.0.0.1:1/0")
    with pytest.raises(StoreUnavailable) as away:
        await buckets.take(["a"], FIVE, 1, 1)
    assert "geheim" not in str(away.value)
    with pytest.raises(BadConfig, match="starts with one of redis://"):
        open_buckets(Limits(url=SecretStr("postgresql://somewhere")))
    assert isinstance(open_buckets(Limits()), MemoryBuckets)
