"""What one round found out about one case of one system."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

NOT_TAKEN = "not taken"
"""Nothing went wrong: the system has no such question."""


@dataclass(frozen=True, slots=True)
class Found:
    """``figures`` by name, or why there are none."""

    round: int
    system: str
    case: str
    figures: dict[str, float] = field(default_factory=dict)
    failed: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {"round": self.round, "system": self.system, "case": self.case,
                **({"failed": self.failed} if self.failed else self.figures)}  # fmt: skip
