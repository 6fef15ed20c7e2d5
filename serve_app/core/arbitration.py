"""Who is right where student and teacher disagree: by the pair of classes, as gold has shown.

arbitration.json    {"pairs": {"<student's class>": {"<teacher's class>": {"student", "teacher", "rows", ...}}}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

FILE = "arbitration.json"

Winner = Literal["student", "teacher"]


@dataclass(frozen=True, slots=True)
class Pair:
    """What gold says of the rows where the student answered one class and the teacher another: how often
    each was right (``rows``: all of them, also where neither was), and who wins by it."""

    winner: Winner
    rows: int
    student: int
    teacher: int


@dataclass(frozen=True, slots=True)
class Arbiter:
    """``pairs``: student's class -> teacher's class -> Pair; ``otherwise``: who wins for a pair that gold says
    too little of."""

    pairs: Mapping[str, Mapping[str, Pair]]
    otherwise: Winner = "teacher"

    def winner(self, student: str, teacher: str) -> Winner:
        found = self.pairs.get(student, {}).get(teacher)
        return self.otherwise if found is None else found.winner

    def as_json(self) -> bytes:
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Arbiter:
        """Raises ValueError, KeyError, TypeError or AttributeError for what is no arbiter."""
        told: dict[str, Any] = json.loads(content)
        pairs = {own: {other: Pair(**each) for other, each in row.items()} for own, row in told.pop("pairs").items()}
        return cls(pairs=pairs, **told)
