"""Who asks, and from where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["admin", "reviewer", "user"]


@dataclass(frozen=True, slots=True)
class Caller:
    """``name``: None where nobody is asked who they are (``auth.mode: local``). ``address``: of the client, as far
    as it can be known. ``use_cases``: all that a machine's key is good for; None: every one."""

    name: str | None = None
    role: Role = "admin"
    address: str = ""
    use_cases: frozenset[str] | None = None

    @property
    def by(self) -> str:
        """As the audit log names them."""
        return self.name or "local"
