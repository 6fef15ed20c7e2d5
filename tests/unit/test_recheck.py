"""A certificate is withdrawn when the evidence turns, and hardly ever before."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from serve_app.core.certificate import Certificate, ClassCertificate
from serve_app.core.evidence import Evidence
from serve_app.core.recheck import recheck, wealth
from tests.benchmarks.worlds import CLASSES, DELTA, NOW, allowed, certificate, false_alarms, withdrawn_after


def rows(chance: np.random.Generator, risk: float, count: int, confidence: float = 0.9, place: int = 0) -> Evidence:
    agrees = chance.random(count) >= risk
    return Evidence(np.full(count, place), np.full(count, confidence), agrees)


def both(first: Evidence, then: Evidence) -> Evidence:
    names = ("answered", "confidence", "agrees")
    return Evidence(*(np.concatenate([getattr(first, name), getattr(then, name)]) for name in names))


def test_false_alarms_are_at_most_delta_however_often_one_looks() -> None:
    chance = np.random.default_rng(1)
    assert false_alarms(chance, target=0.9, streams=200, size=3000) <= allowed(DELTA, 200)


def test_a_bet_against_what_holds_is_worth_nothing_on_average() -> None:
    """Over every possible sequence of eleven rows, by its chance: a second bet has begun by then."""
    mean = 0.0
    for said in itertools.product((False, True), repeat=11):
        chance = 0.1 ** sum(said) * 0.9 ** (11 - sum(said))
        mean += chance * wealth(np.array(said), 0.1)[-1]
    assert mean == pytest.approx(1.0, abs=1e-9)
    assert wealth(np.zeros(0, dtype=bool), 0.1).tolist() == []


@pytest.mark.parametrize(
    ("good", "times", "most"), [(0, 3.0, 150), (300, 3.0, 250), (2000, 3.0, 350), (2000, 2.0, 900)]
)
def test_drift_is_seen_soon_also_after_a_long_good_time(good: int, times: float, most: int) -> None:
    chance = np.random.default_rng(3)
    found = [withdrawn_after(chance, 0.9, good, times, 3000) for _ in range(20)]
    assert all(each is not None and each > 0 for each in found)
    assert np.median([each or 0 for each in found]) <= most


def test_only_the_class_that_turned_is_withdrawn_and_what_it_rests_on_is_told() -> None:
    chance = np.random.default_rng(4)
    bad, well = rows(chance, 0.5, 200, place=1), rows(chance, 0.01, 200, place=2)
    seen = Evidence(
        *(np.concatenate([getattr(bad, n), getattr(well, n)]) for n in ("answered", "confidence", "agrees"))
    )
    found = recheck(certificate(0.9), seen, CLASSES, NOW)
    assert list(found) == ["b"]
    assert (found["b"].at, found["b"].rows) == (NOW.isoformat(), 200)
    assert found["b"].disagreements == int((~bad.agrees).sum())


def test_once_withdrawn_the_same_rows_and_good_ones_after_them_do_not_bring_it_back() -> None:
    chance = np.random.default_rng(5)
    bad, well = rows(chance, 0.6, 100), rows(chance, 0.0, 3000)
    seen = Evidence(
        *(np.concatenate([getattr(bad, n), getattr(well, n)]) for n in ("answered", "confidence", "agrees"))
    )
    assert list(recheck(certificate(0.9), seen, CLASSES, NOW)) == ["a"]


def test_rows_that_the_student_did_not_answer_alone_say_nothing() -> None:
    chance = np.random.default_rng(6)
    assert recheck(certificate(0.9), rows(chance, 0.9, 500, confidence=0.7), CLASSES, NOW) == {}
    assert recheck(certificate(0.9), rows(chance, 0.9, 0), CLASSES, NOW) == {}


def test_one_threshold_over_all_classes_stands_and_falls_with_all_rows() -> None:
    chance = np.random.default_rng(7)
    entry = ClassCertificate(0.8, 500, 5, 0.1)
    whole = Certificate(0.9, "teacher", DELTA, 1, 0.03, 2500, dict.fromkeys(CLASSES, entry), per_class=False)
    spread = rows(chance, 0.6, 200)
    seen = Evidence(chance.integers(0, 5, 200), spread.confidence, spread.agrees)
    assert list(recheck(whole, seen, CLASSES, NOW)) == list(CLASSES)


def test_a_class_that_is_not_certified_is_not_withdrawn() -> None:
    none = ClassCertificate(None, 10, 2, None, None)
    empty = Certificate(0.9, "teacher", DELTA, 1, 0.03, 50, dict.fromkeys(CLASSES, none))
    assert recheck(empty, rows(np.random.default_rng(8), 0.9, 500), CLASSES, NOW) == {}
