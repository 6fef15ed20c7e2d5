"""The rules of a swap in two steps: every replica prepares the version, then the alias moves, then
every replica commits. One that cannot prepare stops it for all, and nothing has changed anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Aliases = tuple[str, str]
"""(alias, version)."""

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"


@dataclass(frozen=True, slots=True)
class Readiness:
    """What one replica says: whether it serves, or could at once serve, what it was asked for. ``code``
    and ``reason`` are None when it does; ``seconds``: how long it took."""

    replica: str
    ready: bool
    code: str | None = None
    reason: str | None = None
    seconds: float = 0.0


def refusal(version: str, told: Sequence[Readiness]) -> str | None:
    """Why a version must not be promoted; None when every replica is ready."""
    unready = [each for each in told if not each.ready]
    if not unready:
        return None
    why = "; ".join(dict.fromkeys(f"{each.code}: {each.reason}" for each in unready))
    return f"{len(unready)} of {len(told)} replicas cannot serve version {version}: {why}"


def longest(told: Iterable[Readiness]) -> float:
    """Seconds that the slowest replica took."""
    return round(max((each.seconds for each in told), default=0.0), 3)


def moves(version: str, champion: str | None, challenger: str | None) -> tuple[Aliases, ...]:
    """The aliases to set, in this order: after a crash between two of them, doing it again comes to the
    same. ``challenger`` is of no use to a version that has become the champion: "" takes it away."""
    if version == champion:
        return ((CHALLENGER, ""),) if challenger == version else ()
    before = ((PREVIOUS, champion),) if champion is not None else ()
    return (*before, (CHAMPION, version), *(((CHALLENGER, ""),) if challenger == version else ()))
