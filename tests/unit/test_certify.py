"""What a certificate says, and how often it is wrong (``python -m tests.benchmarks.worlds`` has all figures)."""

from __future__ import annotations

import numpy as np
import pytest

from serve_app.core.certificate import Certificate
from serve_app.core.certify import certify, fewest_rows, grid_of, spent, upper_bound
from serve_app.core.chains import laid_down, walked
from serve_app.core.evidence import Evidence, thin
from tests.benchmarks.worlds import DELTA, Outcome, allowed, outcomes, policy_of, summary

WORLDS = 40
NAMES = ("a", "b", "c")
LEVEL = spent(DELTA, 1)


def evidence_of(chance: np.random.Generator, risks: tuple[float, ...], each: int) -> Evidence:
    """``each`` rows of every class, which disagree at the same risk whatever the confidence."""
    answered = np.repeat(np.arange(len(risks)), each)
    confidence = chance.uniform(0.5, 1.0, len(answered))
    return Evidence(answered, confidence, chance.random(len(answered)) >= np.array(risks)[answered])


def reference_of(chance: np.random.Generator, each: int = 500) -> dict[str, np.ndarray]:
    return {name: chance.uniform(0.5, 1.0, each) for name in NAMES}


def certificate_of(risks: tuple[float, ...], each: int, seed: int = 0, target: float = 0.9) -> Certificate:
    chance = np.random.default_rng(seed)
    return certify(evidence_of(chance, risks, each), reference_of(chance), NAMES, policy_of(target), 1)


@pytest.fixture(scope="module")
def audited() -> list[Outcome]:
    return list(outcomes(WORLDS, seed=1))


def test_the_share_of_false_certificates_is_at_most_delta(audited: list[Outcome]) -> None:
    found = summary(audited)
    assert found.issued > WORLDS
    assert found.false <= allowed(DELTA, found.certificates)
    assert found.false_worlds <= allowed(DELTA, WORLDS)


def test_labels_of_escalated_rows_in_place_of_audited_ones_fail_the_same_test() -> None:
    found = summary(list(outcomes(WORLDS // 4, seed=1, source="escalated")))
    assert found.false > allowed(DELTA, found.certificates)
    assert found.false_worlds > allowed(DELTA, WORLDS // 4)


def test_such_rows_cost_coverage_even_where_the_student_has_not_learned_from_them() -> None:
    few, source = WORLDS // 4, "not learned from"
    found, audited = (summary(list(outcomes(few, seed=1, source=each))) for each in (source, "audit"))
    assert found.coverage < 0.75 * audited.coverage


def test_one_threshold_over_all_classes_reaches_nine_tenths_of_the_best_there_is() -> None:
    found = summary(list(outcomes(WORLDS // 2, seed=1, per_class=False)))
    assert found.false <= allowed(DELTA, found.certificates)
    assert found.coverage >= 0.9 * found.truth


def test_thresholds_by_class_reach_what_their_rows_can_carry(audited: list[Outcome]) -> None:
    found = summary(audited)
    assert found.coverage >= 0.9 * found.hindsight


def test_where_every_threshold_is_false_hardly_any_certificate_names_one() -> None:
    wrong = [
        any(each.threshold is not None for each in certificate_of((0.1001,) * 3, 400, seed).classes.values())
        for seed in range(400)
    ]
    assert np.mean(wrong) <= allowed(LEVEL, len(wrong))


def test_a_student_that_is_right_is_certified_for_all_that_it_answers() -> None:
    found = certificate_of((0.01, 0.01, 0.01), 1000)
    assert {each.threshold for each in found.classes.values()} == {0.0}
    assert all(each.rows == 1000 and each.bound is not None and each.bound <= 0.1 for each in found.classes.values())
    assert all(each.needed == 0 for each in found.classes.values())


def test_a_class_that_is_worse_does_not_spoil_the_others() -> None:
    found = certificate_of((0.01, 0.5, 0.01), 1000).classes
    assert found["a"].threshold is not None
    assert found["c"].threshold is not None
    assert found["b"].threshold is None
    assert found["b"].needed is None  # no number of rows would do
    assert (found["b"].rows, found["b"].disagreements) == (1000, pytest.approx(500, abs=60))


def test_what_is_needed_is_about_enough() -> None:
    short = certificate_of((0.02,) * 3, 30)
    assert all(each.threshold is None and each.needed for each in short.classes.values())
    more = max(each.needed or 0 for each in short.classes.values())
    enough = certificate_of((0.02,) * 3, (90 + 2 * more) // 3)
    assert all(each.threshold is not None for each in enough.classes.values())


def test_without_rows_of_its_own_a_class_is_deferred() -> None:
    chance = np.random.default_rng(0)
    reference = {name: values for name, values in reference_of(chance).items() if name != "c"}
    found = certify(evidence_of(chance, (0.01, 0.01, 0.01), 900), reference, NAMES, policy_of(0.9), 1)
    assert found.classes["c"].threshold is None
    assert found.classes["a"].threshold is not None


def test_nothing_at_all_is_certified_on_nothing() -> None:
    empty = Evidence(np.zeros(0, dtype=np.intp), np.zeros(0), np.zeros(0, dtype=bool))
    for reference in ({}, reference_of(np.random.default_rng(0))):
        for per_class in (True, False):
            found = certify(empty, reference, NAMES, policy_of(0.95, per_class), 1)
            assert [each.threshold for each in found.classes.values()] == [None] * 3
            assert all(each.bound == 1.0 for each in found.classes.values())


def test_one_threshold_over_all_classes_is_the_same_for_each() -> None:
    chance = np.random.default_rng(0)
    made = certify(evidence_of(chance, (0.0, 0.02, 0.05), 500), reference_of(chance), NAMES, policy_of(0.9, False), 2)
    assert len(set(made.classes.values())) == 1
    assert made.classes["c"].threshold is not None
    assert made == Certificate.from_json(made.as_json())
    assert made.level == pytest.approx(DELTA * 6 / (np.pi * 2) ** 2)


def test_what_all_certificates_of_a_use_case_spend_is_delta() -> None:
    assert sum(spent(DELTA, number) for number in range(1, 20_000)) == pytest.approx(DELTA, rel=1e-4)


def test_the_bound_is_exact() -> None:
    assert upper_bound(59, 0, 0.05) == pytest.approx(1 - 0.05 ** (1 / 59))
    assert upper_bound(0, 0, 0.05) == 1.0
    assert fewest_rows(0.95, 0.05) == pytest.approx(58.4, abs=0.1)


def test_the_grid_falls_from_what_covers_enough_to_everything() -> None:
    grid = grid_of(np.linspace(0, 1, 1001), 0.1)
    assert grid[0] == pytest.approx(0.9, abs=0.01)
    assert grid[-1] == 0.0
    assert (np.diff(grid) < 0).all()
    assert grid_of(np.full(50, 0.7), 0.1).tolist() == [0.7, 0.0]


def chains_of(levels: list[float], values: list[list[float]]) -> list[list[bool]]:
    deposits = [laid_down(level, len(each)) for level, each in zip(levels, values, strict=True)]
    return [passed.tolist() for passed, _ in walked(deposits, [np.array(each) for each in values])]


def test_a_walk_carries_what_it_has_on_and_stumbles_only_where_nothing_lies() -> None:
    # five deposits of 0.01, one at each step
    assert chains_of([0.05], [[0.01, 0.02, 0.03, 0.04, 0.05]]) == [[True] * 5]
    assert chains_of([0.05], [[0.5, 0.01, 0.03, 0.01, 0.02]]) == [[False, True, False, True, True]]


def test_a_chain_that_is_through_hands_its_level_to_the_others() -> None:
    through, short = [0.0] * 5, [0.05, 0.06, 0.07, 0.08, 0.09]
    assert chains_of([0.05, 0.05], [[1.0] * 5, short])[1] == [False] * 5
    assert chains_of([0.05, 0.05], [through, short]) == [[True] * 5] * 2
    assert chains_of([0.05, 0.05], [short, through]) == [[True] * 5] * 2
    assert chains_of([0.05, 0.05, 0.0], [through, short, []])[1] == [True] * 5


def test_chains_reject_no_true_hypothesis_more_often_than_their_level() -> None:
    """Some chains are false throughout, which hands levels on; the others are true and independent."""
    chance, level, count = np.random.default_rng(3), 0.1, 2000
    wrong = 0
    for _ in range(count):
        values = [np.zeros(6), chance.random(6), np.concatenate([np.zeros(2), chance.random(6)])]
        passed = [each for each, _ in walked([laid_down(level / 3, len(each)) for each in values], values)]
        wrong += bool(passed[1].any() or passed[2][2:].any())
    assert 0.5 * level < wrong / count <= allowed(level, count)


def test_rows_audited_at_different_rates_are_made_alike() -> None:
    chance = np.random.default_rng(0)
    chosen = np.repeat([0.02, 0.2], 20_000)
    kept = thin(chosen, chance.random(40_000))
    assert kept[:20_000].all()
    assert kept[20_000:].mean() == pytest.approx(0.1, abs=0.01)
    assert thin(np.zeros(0), np.zeros(0)).tolist() == []
