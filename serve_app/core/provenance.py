"""Who said what of a row, and which of it is learned.

    people (a person's label, the labelled file)  >  the panel's own future  >  the teacher

Conflicts are settled by rank, and within a rank by number: never by who came first. Of one voice only the
newest word counts; a tie among people is left out, for nobody can say who is right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Origin = Literal["file", "person", "teacher", "panel"]

RANK: dict[Origin, int] = {"person": 0, "file": 0, "panel": 1, "teacher": 2}
"""The lower, the more it counts."""

PEOPLE: frozenset[Origin] = frozenset({"person", "file"})
"""Whose labels may judge."""


@dataclass(frozen=True, slots=True)
class Said:
    """One statement about a row. ``by``: whose voice it is; ``at`` and ``id`` say which of a voice's words
    is its newest; ``label`` is a class, or a number."""

    origin: Origin
    by: str
    at: datetime
    id: str
    label: str | float


@dataclass(frozen=True, slots=True)
class Settled:
    """``label`` is None for a tie; ``conflict``: not everybody said the same, whoever was outranked
    included."""

    label: str | float | None
    origin: Origin
    conflict: bool


def settle(said: Sequence[Said]) -> Settled:
    """What all statements about one row come to; the same for them in any order. Numbers that differ
    come to their median."""
    newest = _newest(said)
    best = min(RANK[each.origin] for each in newest)
    heard = [each for each in newest if RANK[each.origin] == best]
    label = _agreed([each.label for each in heard])
    theirs = [each.origin for each in heard if each.label == label] or [each.origin for each in heard]
    return Settled(label, min(theirs, key=_before), _differ(newest))


def _newest(said: Iterable[Said]) -> list[Said]:
    """The last word of each voice."""
    last: dict[tuple[Origin, str], Said] = {}
    for each in said:
        voice = each.origin, each.by
        if voice not in last or _when(last[voice]) < _when(each):
            last[voice] = each
    return list(last.values())


def _when(each: Said) -> tuple[datetime, str, str]:
    return each.at, each.id, repr(each.label)


def _agreed(labels: Sequence[str | float]) -> str | float | None:
    """The most frequent class, None for a tie; the median of numbers."""
    numbers = sorted(label for label in labels if isinstance(label, float))
    if numbers:
        middle = len(numbers) // 2
        return numbers[middle] if len(numbers) % 2 else numbers[middle - 1] / 2 + numbers[middle] / 2
    counts = Counter(labels).most_common(2)
    return None if len(counts) == 2 and counts[0][1] == counts[1][1] else counts[0][0]


def _differ(said: Iterable[Said]) -> bool:
    return len({each.label for each in said}) > 1


def _before(origin: Origin) -> tuple[int, str]:
    """Of one rank a person goes before a file."""
    return RANK[origin], "" if origin == "person" else origin
