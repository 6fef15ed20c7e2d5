"""A certificate: from which confidence on each class of one student may be answered alone, and what that
rests on. ``core/certify.py`` makes it; it lies in the student's bundle and goes with its answers.

    certificate.json    {"target", "reference", "delta", "number", "level", "rows", "classes": {...}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

FILE = "certificate.json"

Reference = Literal["teacher", "gold"]


@dataclass(frozen=True, slots=True)
class ClassCertificate:
    """``threshold``: the least confidence certified, None where nothing is: then every row that the student
    answers so is deferred. ``rows`` of evidence at or above it (of the whole class where nothing is
    certified), ``disagreements`` among them, ``bound``: the upper bound of the risk at the level spent on
    the class; ``needed``: about how many more audit rows (of the whole stream) until something could be
    certified, 0 where something is, None where no number of rows would do."""

    threshold: float | None
    rows: int
    disagreements: int
    bound: float | None
    needed: int | None = 0


@dataclass(frozen=True, slots=True)
class Certificate:
    """``classes``: by the class that the student answers. ``number``: k, which one it is of the use case's,
    from 1; ``level``: the part of ``delta`` that all of it spends, ``delta * 6 / (pi k)**2``; ``rows``: of
    evidence in all. ``per_class``: False where one threshold holds over all classes, which then all have
    the same entry."""

    target: float
    reference: Reference
    delta: float
    number: int
    level: float
    rows: int
    classes: Mapping[str, ClassCertificate]
    per_class: bool = True

    def as_json(self) -> bytes:
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Certificate:
        """Raises ValueError, KeyError or TypeError for what is no certificate."""
        told: dict[str, Any] = json.loads(content)
        classes = {name: ClassCertificate(**each) for name, each in told.pop("classes").items()}
        return cls(**told, classes=classes)
