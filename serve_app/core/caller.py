"""Who asks, and from where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["admin", "reviewer", "user"]

RANK: dict[Role, int] = {"user": 0, "reviewer": 1, "admin": 2}
"""Each may do all that those below it may."""


@dataclass(frozen=True, slots=True)
class Caller:
    """``name``: None where nobody is asked who they are (``auth.mode: local``). ``address``: of the client, as far
    as it can be known. ``use_cases``: all that a machine's key is good for; None: every one. ``session``: the family
    of tokens that a login began; None for a key. ``known``: ``name`` is somebody's, and not what all are called who
    have not said who they are."""

    name: str | None = None
    role: Role = "admin"
    address: str = ""
    use_cases: frozenset[str] | None = None
    session: str | None = None
    known: bool = True

    @property
    def by(self) -> str:
        """As the audit log names them."""
        return self.name or "local"

    def may(self, least: Role) -> bool:
        return RANK[self.role] >= RANK[least]

    def may_use(self, use_case: str) -> bool:
        return self.use_cases is None or use_case in self.use_cases

    def sees_all(self) -> bool:
        """Whether no single prediction need be looked at, to know that they may see it."""
        return self.use_cases is None and self.may("reviewer")

    def may_see(self, asked_by: str | None, use_case: str) -> bool:
        """Whether a prediction that ``asked_by`` asked for is theirs to read, to judge and to make again."""
        own = self.name is None or asked_by == self.name
        return self.may_use(use_case) and (own or self.may("reviewer"))
