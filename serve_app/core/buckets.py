"""Token buckets: how often somebody may ask.

A bucket holds ``capacity`` tokens at most and is filled by ``rate`` of them a second; whoever asks takes some out. One
that nobody has touched is full. So a caller may come in a burst of ``capacity`` and then as quickly as ``rate``.

    auth      POST under /api/v1/auth      one a request, by address, and by name as well
    predict   questions and feedback       one a request, however many rows it has: those are bounded by max_batch
    general   everything else              one a request
    llm       the teacher                  one a row that it is asked about; who has none left gets the student's answer
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import PositiveFloat, PositiveInt

from serve_app.core.answers import TeacherFailure, TeacherReply
from serve_app.core.config import Config

ZoneName = Literal["auth", "predict", "general", "llm"]

TOLERANCE = 1e-9
"""Of a token: what sums of floats may be off by, so that who waited as long as he was told is not refused again."""

TOO_OFTEN = TeacherFailure("rate_limited")
"""The reply to a question that was not asked, since its caller asks too often. A provider's own carries its name."""


class Zone(Config):
    """``rate``: tokens a second, None: no limit; ``capacity``: the most that can be saved up, and taken at once."""

    rate: PositiveFloat | None
    capacity: PositiveInt


class Zones(Config):
    """``hold``: where they do. In ``auth.mode: local`` all callers are one, without a name and on this machine: to
    limit each of them would be to limit the whole, which is what ``max_in_flight`` is for."""

    hold: Literal["jwt", "always", "never"] = "jwt"
    auth: Zone = Zone(rate=1.0, capacity=30)
    predict: Zone = Zone(rate=1000.0, capacity=5000)
    general: Zone = Zone(rate=50.0, capacity=500)
    llm: Zone = Zone(rate=10.0, capacity=1000)

    def in_force(self, mode: str) -> dict[ZoneName, Bucket]:
        """Those that limit anybody under ``auth.mode``."""
        if self.hold == "never" or (self.hold == "jwt" and mode != "jwt"):
            return {}
        named: dict[ZoneName, Zone] = {
            "auth": self.auth, "predict": self.predict, "general": self.general, "llm": self.llm,
        }  # fmt: skip
        return {name: Bucket(zone.rate, zone.capacity) for name, zone in named.items() if zone.rate is not None}


@dataclass(frozen=True, slots=True)
class Bucket:
    """A zone that limits: what each bucket of it holds, and how quickly it is filled, in tokens a second."""

    rate: float
    capacity: int


@dataclass(frozen=True, slots=True)
class Level:
    """A bucket as it was left: ``tokens`` at the moment ``at``, in seconds of whichever clock fills it."""

    tokens: float
    at: float


@dataclass(frozen=True, slots=True)
class Taken:
    """``granted`` of the tokens that were wanted; ``left``: in the bucket that has least; ``wait_s``: seconds until as
    many are there as were the least that would do, 0 where they were."""

    granted: int
    left: float
    wait_s: float = 0.0


def filled(level: Level | None, bucket: Bucket, now: float) -> float:
    """The tokens in it ``now``. A clock that goes back fills nothing, and takes nothing."""
    if level is None:
        return float(bucket.capacity)
    return min(float(bucket.capacity), level.tokens + max(0.0, now - level.at) * bucket.rate)


def take(tokens: Sequence[float], bucket: Bucket, wanted: int, least: int) -> Taken:
    """From each of several buckets the same: as many as all can give up to ``wanted``, and none where that is less
    than ``least``."""
    have = min(tokens)
    granted = min(wanted, math.floor(have + TOLERANCE))
    if granted >= least:
        return Taken(granted, max(0.0, have - granted))
    return Taken(0, have, (least - have) / bucket.rate)


def full_in_s(bucket: Bucket, tokens: float) -> float:
    """Seconds until it is."""
    return max(0.0, (bucket.capacity - tokens) / bucket.rate)


def went_too_often(reply: TeacherReply) -> bool:
    return reply == TOO_OFTEN
