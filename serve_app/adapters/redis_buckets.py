"""Token buckets in a server of the Redis protocol, for all processes together: needs the extra ``redis``.

One script, one round trip. It goes by the server's clock and not by one that is sent along: several machines fill
the same bucket, and where their clocks differ, the one that is ahead would fill it for nothing and the others never.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from serve_app.adapters.sql_rows import escaped
from serve_app.core.buckets import TOLERANCE, Bucket, Taken
from serve_app.core.errors import BadConfig, StoreUnavailable

PREFIX = "{understudy:bucket}:"
"""One hash tag: in a cluster all buckets of a request lie on one node."""

TIMEOUT_S = 0.05
CONNECTIONS = 32
"""Who finds them all taken waits for one; the client's own pool would refuse him."""

# KEYS: the buckets. ARGV: rate, capacity, wanted, least, tolerance. Gives granted, left, and the seconds to wait, as
# ``core/buckets.py: take`` does. A bucket that is full again is gone.
TAKE = """
local rate, capacity = tonumber(ARGV[1]), tonumber(ARGV[2])
local wanted, least = tonumber(ARGV[3]), tonumber(ARGV[4])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local tokens, have = {}, capacity
for i = 1, #KEYS do
  local was = redis.call('HMGET', KEYS[i], 'tokens', 'at')
  tokens[i] = capacity
  if was[1] then
    tokens[i] = math.min(capacity, tonumber(was[1]) + math.max(0, now - tonumber(was[2])) * rate)
  end
  have = math.min(have, tokens[i])
end
local granted = math.min(wanted, math.floor(have + tonumber(ARGV[5])))
local wait = 0
if granted < least then
  wait = (least - have) / rate
  granted = 0
end
for i = 1, #KEYS do
  local rest = tokens[i] - granted
  redis.call('HSET', KEYS[i], 'tokens', string.format('%.17g', rest), 'at', string.format('%.17g', now))
  redis.call('PEXPIRE', KEYS[i], math.ceil((capacity - rest) / rate * 1000) + 1000)
end
return {granted, string.format('%.17g', math.max(0, have - granted)), string.format('%.17g', wait)}
"""


class RedisBuckets:
    """``url``: ``redis://``, ``rediss://`` or ``unix://``. Of one event loop; connects when it is first asked.
    ``timeout_s`` bounds every call. Raises BadConfig without the extra."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._errors, self._redis = _client(url, timeout_s)
        self._take = self._redis.register_script(TAKE)

    async def take(self, keys: Sequence[str], bucket: Bucket, wanted: int, least: int) -> Taken:
        args = [repr(bucket.rate), bucket.capacity, wanted, least, repr(TOLERANCE)]
        granted, left, wait_s = await self._reached(
            self._take(keys=[PREFIX + escaped(key) for key in keys], args=args), self._timeout_s
        )
        return Taken(int(granted), float(left), float(wait_s))

    async def ping(self) -> str | None:
        """Why it cannot be reached, None where it can."""
        try:
            await self._reached(self._redis.ping(), 20 * self._timeout_s)
        except StoreUnavailable as error:
            return str(error)
        return None

    async def close(self) -> None:
        await self._redis.aclose()

    async def _reached(self, asked: Any, patience_s: float) -> Any:
        """The client's errors as StoreUnavailable; the text names the kind only, since the client's own may hold
        addresses."""
        try:
            async with asyncio.timeout(patience_s):
                return await asked
        except (*self._errors, OSError) as error:
            raise StoreUnavailable(f"the buckets are away: {type(error).__name__}") from error


def _client(url: str, timeout_s: float) -> tuple[tuple[type[Exception], ...], Any]:
    try:
        import redis.asyncio
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
    except ImportError:
        raise BadConfig("limits.url: a Redis server needs the extra: pip install 'understudy[redis]'") from None
    try:
        # Not once more: it would take the tokens twice when only the answer was lost.
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError:
        raise BadConfig("limits.url cannot be read as the URL of a Redis server") from None
    return (redis.RedisError,), redis.asyncio.Redis.from_pool(pool)
