"""What is measured, and how hard each system is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

START, MEMORY, CASCADE = "start", "memory", "cascade"

BATCHES = 16
"""Connections: of four all may fall to one of a peer's two workers, who share a socket."""


@dataclass(frozen=True, slots=True)
class Load:
    """``kind``: of the questions, as ``System.ask`` knows it; ``connections``: each asks one after the other."""

    name: str
    kind: str
    connections: int
    title: str


LOADS = (
    *(Load(f"numbers-{n}", "numbers", n, f"one row of 30 numbers, {n} connections") for n in (1, 32, 128)),
    *(Load(f"texts-{n}", "texts", n, f"one ticket, {n} connections") for n in (1, 32, 128)),
    *(Load(f"batch-{kind.lower()}", f"batch-{kind.lower()}", BATCHES, f"1,000 rows as {kind}, {BATCHES} connections")
      for kind in ("JSON", "Arrow")),
)  # fmt: skip
OTHERS = (START, MEMORY, CASCADE)
TUNED_BY = next(load for load in LOADS if load.name == "numbers-32")
"""By which the best of a peer's settings is chosen."""


class UnknownName(ValueError):
    """A person has named what there is not; the text says what there is."""


def chosen(words: Sequence[str]) -> tuple[list[Load], set[str]]:
    """The loads and the other cases that ``words`` name: a whole name, or the kind before its dash. None: all.
    Raises UnknownName for a word that names nothing."""
    if not words:
        return list(LOADS), set(OTHERS)
    loads = [load for load in LOADS if any(_names(word, load.name) for word in words)]
    others = {name for name in OTHERS if name in words}
    unknown = [w for w in words if w not in OTHERS and not any(_names(w, load.name) for load in LOADS)]
    if unknown:
        raise UnknownName(f"no case {', '.join(unknown)}; there are {', '.join([*(x.name for x in LOADS), *OTHERS])}")
    return loads, others


def _names(word: str, name: str) -> bool:
    return name == word or name.startswith(f"{word}-")
