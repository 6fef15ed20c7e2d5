"""What is begun is done, also when whoever waited for it has left."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from contextvars import ContextVar

import pytest

from serve_app.deployments.to_its_end import ToItsEnd

pytestmark = pytest.mark.anyio

REQUEST: ContextVar[str] = ContextVar("request", default="nobody's")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_it_goes_on_without_whoever_waited_for_it() -> None:
    begun, may_end, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await may_end.wait()
        done.set()

    waiting = asyncio.create_task(ToItsEnd().of(work()))
    await begun.wait()
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting
    may_end.set()
    async with asyncio.timeout(5):
        await done.wait()


async def test_it_is_done_on_nobodys_behalf() -> None:
    """On a real Ray: tests/reliability/test_swap.py."""

    async def whose() -> str:
        return REQUEST.get()

    REQUEST.set("a client's")
    assert await whose() == "a client's"
    assert await ToItsEnd().of(whose()) == "nobody's"


async def test_what_it_raises_is_raised() -> None:
    async def work() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await ToItsEnd().of(work())
