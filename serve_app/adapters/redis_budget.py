"""What the teacher has cost, in a server of the Redis protocol: needs the extra ``redis``.

A script runs as a whole there, so that nothing comes between looking at an account and taking from it. All
keys carry one hash tag: in a cluster they lie on one node. The server must not forget: ``appendonly yes``,
``maxmemory-policy noeviction``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from serve_app.adapters.picodollars import dollars, picodollars
from serve_app.adapters.sql_rows import escaped, utc
from serve_app.core.errors import BadConfig, StoreUnavailable
from serve_app.core.ports import Limit, Reservation

PREFIX = "{understudy:budget}:"

GRACE_S = 3600
"""How long an account outlives its reset: what was asked just before is settled just after."""

KEEP = timedelta(days=2)
"""How long a reservation may wait to be settled."""

# KEYS: the reservation, the accounts. ARGV: amount, the reservation's seconds to live, its keys as JSON; then of
# each account its limit and its seconds to live. Gives 0 when it was made, n when account n is short, or
# the keys and the amount of the one that is there already.
RESERVE = """
local was = redis.call('HMGET', KEYS[1], 'keys', 'amount')
if was[1] then return was end
local amount = tonumber(ARGV[1])
for i = 2, #KEYS do
  if tonumber(redis.call('GET', KEYS[i]) or '0') + amount > tonumber(ARGV[2 * i]) then return i - 1 end
end
for i = 2, #KEYS do
  redis.call('INCRBY', KEYS[i], ARGV[1])
  redis.call('EXPIRE', KEYS[i], ARGV[2 * i + 1])
end
redis.call('HSET', KEYS[1], 'keys', ARGV[3], 'amount', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 0
"""

# KEYS: the reservation, the accounts. ARGV: the true cost, and the amount that was set aside taken off it. An
# account that has expired is not made again: it would never end.
SETTLE = """
if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('HSETNX', KEYS[1], 'settled', ARGV[1]) == 0 then return 0 end
for i = 2, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 then redis.call('INCRBY', KEYS[i], ARGV[2]) end
end
return 1
"""


class RedisBudget:
    """``url``: ``redis://``, ``rediss://`` or ``unix://``. Connects when it is first asked; one object serves
    many threads. ``timeout_s`` bounds a connection and an answer, each. Raises BadConfig without the extra."""

    def __init__(self, url: str, timeout_s: float = 2.0) -> None:
        self._errors, self._redis = _client(url, timeout_s)
        self._reserve = self._redis.register_script(RESERVE)
        self._settle = self._redis.register_script(SETTLE)

    def reserve(self, reservation_id: str, limits: Sequence[Limit], usd: float, now: datetime) -> Reservation | Limit:
        amount = picodollars(usd)
        told = json.dumps([limit.key for limit in limits])
        args: list[Any] = [amount, int(KEEP.total_seconds()), told]
        for limit in limits:
            args += [picodollars(limit.usd), _lives_s(limit, utc(now))]
        with self._reached():
            came = self._reserve(keys=_keys(reservation_id, [limit.key for limit in limits]), args=args)
        if isinstance(came, list):
            return Reservation(reservation_id, tuple(json.loads(came[0])), dollars(int(came[1])))
        if came:
            return limits[came - 1]
        return Reservation(reservation_id, tuple(limit.key for limit in limits), dollars(amount))

    def settle(self, reservation: Reservation, usd: float, now: datetime) -> None:
        utc(now)
        true, aside = picodollars(usd), picodollars(reservation.usd)
        with self._reached():
            self._settle(keys=_keys(reservation.id, reservation.keys), args=[true, true - aside])

    def spent(self, keys: Sequence[str]) -> dict[str, float]:
        if not keys:
            return {}
        with self._reached():
            found = self._redis.mget([_account(key) for key in keys])
        return {key: dollars(int(amount or 0)) for key, amount in zip(keys, found, strict=True)}

    def close(self) -> None:
        self._redis.close()

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """The client's errors as StoreUnavailable; the text names the kind only, since the client's own may
        hold addresses."""
        try:
            yield
        except (*self._errors, OSError) as error:
            raise StoreUnavailable(f"the budget is away: {type(error).__name__}") from error


def _client(url: str, timeout_s: float) -> tuple[tuple[type[Exception], ...], Any]:
    try:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError:
        raise BadConfig("budget.url: a Redis server needs the extra: pip install 'understudy[redis]'") from None
    try:
        # Once more at once, for a connection that the server had closed. Both scripts may run twice.
        client = redis.Redis.from_url(
            url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 1)
        )
    except ValueError:
        raise BadConfig("budget.url cannot be read as the URL of a Redis server") from None
    return (redis.RedisError,), client


def _keys(reservation_id: str, accounts: Sequence[str]) -> list[str]:
    return [f"{PREFIX}reservation:{escaped(reservation_id)}", *(_account(key) for key in accounts)]


def _account(key: str) -> str:
    return f"{PREFIX}spent:{escaped(key)}"


def _lives_s(limit: Limit, now: datetime) -> int:
    return GRACE_S + max(0, round((limit.resets_at - now).total_seconds()))
