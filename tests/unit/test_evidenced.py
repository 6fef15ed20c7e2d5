"""Certificates of a past period: each part of the rows is judged by one that does not rest on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from serve_app.core.cascade import CertifiedCascade
from serve_app.core.evidenced import FOLDS, Evidenced, Forces, fold_of
from serve_app.core.ledger import Entry
from serve_app.core.standing import NEVER, InForce
from serve_app.core.what_if import Policy, WhatIf
from tests.fakes.ledgers import CLASSES, answered, use_case_of, world

CASE = use_case_of(threshold=0.7, audit_rate=0.3)
TARGET = CertifiedCascade(kind="certified", target=0.8, audit_rate=0.3)
ENTRIES = answered(world(1, 4000), CASE.cascade)
NOW = datetime(2026, 3, 9, tzinfo=UTC)


def forces_of(entries: Sequence[Entry]) -> Forces:
    evidenced = Evidenced(TARGET, CLASSES)
    evidenced.add(entries)
    return evidenced.forces(NOW)["1"]


def contradicted(entry: Entry) -> Entry:
    """The teacher says something else than the student."""
    if entry.teacher is None or entry.student is None:
        return entry
    other = next(name for name in CLASSES if name != entry.student["label"])
    return replace(entry, teacher={**entry.teacher, "label": other})


def told(force: InForce) -> list[float]:
    return force.thresholds.tolist()


def test_a_part_of_the_rows_has_no_say_in_what_it_is_judged_by() -> None:
    before = forces_of(ENTRIES)
    assert min(told(before.whole)) < NEVER
    after = forces_of([contradicted(entry) if fold_of(entry.id) == 2 else entry for entry in ENTRIES])
    assert told(after.without[2]) == told(before.without[2])
    assert told(after.whole) != told(before.whole)
    assert told(after.without[0]) != told(before.without[0])


def test_each_row_is_judged_by_the_certificate_without_its_part() -> None:
    never, always = (InForce(np.full(3, value), ("certified",) * 3) for value in (NEVER, 0.0))
    without = tuple(never if fold == 3 else always for fold in range(FOLDS))
    what_if = WhatIf(CASE, Policy(TARGET, defers=True, forces={"1": Forces(always, without)}), 0.002)
    what_if.add(ENTRIES)
    asked = [entry for entry in ENTRIES if fold_of(entry.id) == 3 or entry.audited]
    assert 0 < len(asked) < len(ENTRIES)
    assert what_if.as_dict()["calls"]["made"] == len(asked)


def test_the_parts_are_about_alike() -> None:
    sizes = np.bincount([fold_of(entry.id) for entry in ENTRIES], minlength=FOLDS)
    assert sizes.min() > 0.8 * len(ENTRIES) / FOLDS
