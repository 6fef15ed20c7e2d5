"""How often a caller may ask: which zone a request belongs to, and what its answer says of it.

The headers are those of the IETF's draft "RateLimit header fields for HTTP" (draft-ietf-httpapi-ratelimit-headers,
version 10): ``RateLimit-Policy`` with quota and window, ``RateLimit`` with what remains and the seconds to the full.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.types import Scope

from serve_app.core.buckets import Bucket, Taken, ZoneName, full_in_s
from serve_app.core.caller import Caller
from serve_app.core.errors import TooOften
from serve_app.core.ports import Buckets

FREE = ("/livez", "/readyz", "/v2/health")
"""Whoever watches over us is not counted."""

AUTH = "/api/v1/auth/"
NATIVE = "/api/v1/"
QUESTIONS = ("/api/v1/predict", "/api/v1/explain", "/api/v1/feedback")
NO_QUESTIONS = ("/reload",)

RawHeaders = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Admission:
    """``headers``: for the answer, whichever it is; ``refusal``: instead of one."""

    headers: RawHeaders
    refusal: TooOften | None = None


EVERYBODY = Admission([])


class Limiter:
    """``zones``: those that are in force."""

    def __init__(self, zones: Mapping[ZoneName, Bucket], buckets: Buckets) -> None:
        self._zones, self._buckets = zones, buckets
        self._policies = {name: _policy(name, bucket) for name, bucket in zones.items()}

    async def admit(self, scope: Scope, caller: Caller) -> Admission:
        zone = zone_of(scope["method"], _path(scope))
        bucket = None if zone is None else self._zones.get(zone)
        if zone is None or bucket is None:
            return EVERYBODY
        taken = await self._buckets.take(keys_of(zone, caller), bucket, 1, 1)
        headers = [(b"ratelimit-policy", self._policies[zone]), (b"ratelimit", _left(zone, bucket, taken))]
        return Admission(headers, None if taken.granted else _refusal(zone, bucket, taken))


def zone_of(method: str, path: str) -> ZoneName | None:
    """None for what is not limited. A POST outside of our own paths is a question to a use case that declares it."""
    if path.startswith(FREE):
        return None
    if method != "POST":
        return "general"
    if path.startswith(AUTH):
        return "auth"
    question = path.startswith(QUESTIONS) or not path.startswith((NATIVE, *NO_QUESTIONS))
    return "predict" if question else "general"


def keys_of(zone: ZoneName, caller: Caller) -> Sequence[str]:
    """Who has a name is known by it, wherever he asks from; but whoever tries names is known by his address."""
    if zone == "auth" and caller.name is not None and caller.known:
        return [f"auth:address:{caller.address}", f"auth:user:{caller.name}"]
    return [f"{zone}:{whose(caller)}"]


def whose(caller: Caller) -> str:
    """The bucket's name, in any zone."""
    return f"user:{caller.name}" if caller.name is not None and caller.known else f"address:{caller.address}"


def _path(scope: Scope) -> str:
    path, root = scope["path"], scope.get("root_path", "")
    return str(path[len(root) :] if root and path.startswith(f"{root}/") else path)


def _policy(zone: ZoneName, bucket: Bucket) -> bytes:
    return f'"{zone}";q={bucket.capacity};w={max(1, math.ceil(bucket.capacity / bucket.rate))}'.encode()


def _left(zone: ZoneName, bucket: Bucket, taken: Taken) -> bytes:
    return f'"{zone}";r={int(taken.left)};t={math.ceil(full_in_s(bucket, taken.left))}'.encode()


def _refusal(zone: ZoneName, bucket: Bucket, taken: Taken) -> TooOften:
    allowed = f"the zone {zone} allows {bucket.rate:g} a second, and {bucket.capacity} at once"
    return TooOften(allowed, max(1, math.ceil(taken.wait_s)))
