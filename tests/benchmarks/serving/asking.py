"""What a system is asked and has to answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

Answer = tuple[str, float]
"""Label and confidence of one row."""

CLOSE = 1e-6


@dataclass(frozen=True, slots=True)
class Ask:
    """Requests of one kind as one system takes them: ``bodies[i]`` has to be answered by ``expected[i]``,
    one ``Answer`` a row; ``read`` finds them in a body that came back."""

    path: str
    bodies: Sequence[bytes]
    expected: Sequence[Sequence[Answer]]
    read: Callable[[bytes], list[Answer]]
    content_type: str = "application/json"

    @property
    def rows(self) -> int:
        """Rows a request."""
        return len(self.expected[0])

    def wrong(self, number: int, status: int, body: bytes) -> str | None:
        """What is wrong with the answer to ``bodies[number]``."""
        if status != 200:
            return f"HTTP {status}: {body[:200].decode(errors='replace')}"
        return differs(self.read(body), self.expected[number])


def differs(found: Sequence[Answer], expected: Sequence[Answer]) -> str | None:
    if len(found) != len(expected):
        return f"{len(found)} answers to {len(expected)} rows"
    pairs: Iterable[tuple[Answer, Answer]] = zip(found, expected, strict=True)
    return next((f"{got}, not {meant}" for got, meant in pairs if not _same(got, meant)), None)


def _same(got: Answer, meant: Answer) -> bool:
    return got[0] == meant[0] and abs(got[1] - meant[1]) <= CLOSE


def by_probability(found: Iterable[float]) -> list[Answer]:
    """Of servers that give the probability of the second of two classes."""
    return [("yes", float(p)) if p > 0.5 else ("no", 1.0 - float(p)) for p in found]
