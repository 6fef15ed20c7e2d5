"""What was looked up not long ago: once for all who want it at once, never older than it may be."""

from __future__ import annotations

import asyncio
import threading

import pytest

from serve_app.core.errors import StoreUnavailable
from serve_app.deployments.fresh import Fresh

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Looks:
    """Answers with how often it was asked. ``held``: no answer before it is set; ``away``: none at all."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.held, self.away = threading.Event(), False
        self.held.set()

    def __call__(self, which: str) -> int:
        self.asked.append(which)
        number = len(self.asked)
        self.held.wait(10)
        if self.away:
            raise StoreUnavailable("away")
        return number


async def test_all_who_want_the_same_at_once_share_one_look() -> None:
    looks = Looks()
    fresh = Fresh(looks, 60)
    looks.held.clear()
    asking = [asyncio.create_task(fresh.get("a")) for _ in range(20)]
    await asyncio.sleep(0.05)
    asking[0].cancel()  # one that leaves takes nothing from the others
    looks.held.set()
    assert await asyncio.gather(*asking[1:]) == [1] * 19
    assert [await fresh.get("a"), await fresh.get("b")] == [1, 2]


async def test_it_grows_old_and_can_be_forgotten() -> None:
    fresh = Fresh(Looks(), 0.2)
    assert [await fresh.get("a"), await fresh.get("a")] == [1, 1]
    fresh.forget("a")
    assert await fresh.get("a") == 2
    await asyncio.sleep(0.25)
    assert await fresh.get("a") == 3


async def test_a_look_that_failed_is_not_kept() -> None:
    looks = Looks()
    fresh, looks.away = Fresh(looks, 60), True
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await fresh.get("a")
    looks.away = False
    assert await fresh.get("a") == 3


async def test_no_more_than_so_many_are_kept() -> None:
    fresh = Fresh(Looks(), 60, most=2)
    assert [await fresh.get(which) for which in "abcacb"] == [1, 2, 3, 4, 3, 5]
