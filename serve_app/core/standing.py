"""How a certificate stands now: what of it was withdrawn since, and what an operator has overridden.

Kept as a report of the kind ``standing`` (one a use case), which names the version it is of: a new
champion begins with nothing withdrawn and nothing overridden.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from serve_app.core.certificate import Certificate

KIND = "standing"

State = Literal["certified", "not_certified", "withdrawn", "override"]

NEVER = np.inf
"""A threshold that no confidence reaches."""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Why a class is deferred again: of ``rows`` audited since, ``disagreements`` did."""

    at: str
    rows: int
    disagreements: int


@dataclass(frozen=True, slots=True)
class Override:
    """An operator's own thresholds until ``until`` (ISO, with a time zone): of ``classes``, else
    ``threshold`` of every class; None leaves the certificate's."""

    by: str
    reason: str
    until: str
    threshold: float | None = None
    classes: Mapping[str, float] = field(default_factory=dict)

    def of(self, name: str) -> float | None:
        return self.classes.get(name, self.threshold)

    def holds(self, now: datetime) -> bool:
        return now < datetime.fromisoformat(self.until)


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one model version."""

    version: str | None = None
    withdrawn: Mapping[str, Withdrawn] = field(default_factory=dict)
    override: Override | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Standing:
        override = told.get("override")
        withdrawn = {name: Withdrawn(**each) for name, each in told.get("withdrawn", {}).items()}
        return cls(told.get("version"), withdrawn, None if override is None else Override(**override))

    def of(self, version: str) -> Standing:
        """This, or an empty one where it is another version's."""
        return self if self.version == version else Standing(version)


@dataclass(frozen=True, slots=True)
class InForce:
    """``thresholds``: (classes,), ``NEVER`` where every row is deferred; ``states``: by class, in order;
    ``override``: whose they are where a state is ``override``."""

    thresholds: npt.NDArray[np.float64]
    states: tuple[State, ...]
    override: Override | None = None

    def told(self, place: int) -> dict[str, Any]:
        """What an answer says of it: of the class at ``place``."""
        threshold = float(self.thresholds[place])
        told: dict[str, Any] = {"state": self.states[place], "threshold": None if threshold == NEVER else threshold}
        if self.override is None or self.states[place] != "override":
            return told
        return {**told, "by": self.override.by, "reason": self.override.reason, "until": self.override.until}


def in_force(certificate: Certificate | None, standing: Standing, classes: Sequence[str], now: datetime) -> InForce:
    """What holds now. ``standing`` is this version's. An override goes before everything else, a
    withdrawal before the certificate; a class that no certificate names is not certified."""
    override = standing.override if standing.override is not None and standing.override.holds(now) else None
    each = [_of_class(certificate, standing, override, name) for name in classes]
    return InForce(np.array([threshold for threshold, _ in each]), tuple(state for _, state in each), override)


def _of_class(
    certificate: Certificate | None, standing: Standing, override: Override | None, name: str
) -> tuple[float, State]:
    own = None if override is None else override.of(name)
    if own is not None:
        return own, "override"
    if name in standing.withdrawn:
        return NEVER, "withdrawn"
    found = None if certificate is None else certificate.classes.get(name)
    if found is None or found.threshold is None:
        return NEVER, "not_certified"
    return found.threshold, "certified"
