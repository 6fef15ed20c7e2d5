"""Answers looked at one by one, under as many connections as the load has: outside of what is timed."""

from __future__ import annotations

import asyncio

import httpx

from tests.benchmarks.serving.asking import Ask

SAMPLE = 192
"""Requests, and no more rows than this times four."""


def check(url: str, ask: Ask, connections: int) -> list[str]:
    """What is wrong with each wrong answer."""
    count = max(connections, min(SAMPLE, 4 * SAMPLE // ask.rows))
    return asyncio.run(_check(url, ask, connections, count))


async def _check(url: str, ask: Ask, connections: int, count: int) -> list[str]:
    turns = iter(range(count))
    limits = httpx.Limits(max_connections=connections)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits, trust_env=False) as client:

        async def one() -> list[str]:
            return [why for number in turns if (why := await _asked(client, ask, number % len(ask.bodies)))]

        return [why for found in await asyncio.gather(*(one() for _ in range(connections))) for why in found]


async def _asked(client: httpx.AsyncClient, ask: Ask, number: int) -> str | None:
    headers = {"content-type": ask.content_type}
    try:
        reply = await client.post(ask.path, content=ask.bodies[number], headers=headers)
        return ask.wrong(number, reply.status_code, reply.content)
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        return f"{type(error).__name__}: {error}"
