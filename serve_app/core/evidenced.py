"""Certificates that a past period would have given, for another target: by model version, on its own audited rows.

Thresholds that were chosen on rows look better on these than they are. So rows are in ``FOLDS`` parts, by a hash
of their ids, and each part has a certificate of its own that rests on the evidence of all the others: by that it
may be judged.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from serve_app.core.cascade import CertifiedCascade
from serve_app.core.certify import certify
from serve_app.core.evidence import Evidence, thin
from serve_app.core.ledger import Entry
from serve_app.core.standing import InForce, Standing, in_force

FOLDS = 5


def fold_of(row: str) -> int:
    return zlib.crc32(row.encode("utf-8", "surrogatepass")) % FOLDS


@dataclass(frozen=True, slots=True)
class Forces:
    """``whole``: what would hold by all of the evidence; ``without``: by fold, what would hold without it."""

    whole: InForce
    without: tuple[InForce, ...]


@dataclass(slots=True)
class _Rows:
    """Of one version. ``reference``: confidences of the rows that are no evidence, by the class answered."""

    answered: list[int] = field(default_factory=list)
    confidence: list[float] = field(default_factory=list)
    agrees: list[bool] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    draws: list[float] = field(default_factory=list)
    folds: list[int] = field(default_factory=list)
    reference: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


class Evidenced:
    """Takes rows one by one. ``policy`` says who is right: the teacher, or gold (what people say)."""

    def __init__(self, policy: CertifiedCascade, classes: Sequence[str]) -> None:
        self._policy, self._classes = policy, tuple(classes)
        self._versions: defaultdict[str, _Rows] = defaultdict(_Rows)

    def add(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if entry.student is not None and entry.student.get("label") in self._classes:
                self._add(self._versions[entry.model_version or ""], entry, entry.student["label"])

    def _add(self, rows: _Rows, entry: Entry, label: str) -> None:
        confidence = float((entry.student or {})["confidence"])
        said = entry.taught if self._policy.reference == "teacher" else entry.person
        if not entry.audit_rate:
            rows.reference[label].append(confidence)
        elif said is not None:
            rows.answered.append(self._classes.index(label))
            rows.confidence.append(confidence)
            rows.agrees.append(said == label)
            rows.rates.append(entry.audit_rate)
            rows.draws.append(zlib.crc32(entry.id.encode("utf-8", "surrogatepass")) / 2**32)
            rows.folds.append(fold_of(entry.id))

    def forces(self, now: datetime) -> dict[str, Forces]:
        """By version."""
        return {version: self._of(rows, now) for version, rows in self._versions.items()}

    def _of(self, rows: _Rows, now: datetime) -> Forces:
        kept = thin(np.array(rows.rates), np.array(rows.draws))
        folds, evidence = np.array(rows.folds, dtype=np.intp)[kept], _evidence(rows).take(kept)
        reference = {name: np.array(found) for name, found in rows.reference.items()}

        def held(some: Evidence) -> InForce:
            return in_force(certify(some, reference, self._classes, self._policy, 1), Standing(), self._classes, now)

        return Forces(held(evidence), tuple(held(evidence.take(folds != fold)) for fold in range(FOLDS)))


def _evidence(rows: _Rows) -> Evidence:
    return Evidence(
        np.array(rows.answered, dtype=np.intp), np.array(rows.confidence, dtype=np.float64),
        np.array(rows.agrees, dtype=bool),
    )  # fmt: skip
