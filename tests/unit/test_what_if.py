"""A past period under another policy, beside one that really ran under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from serve_app.core.arbitration import Arbiter, Pair
from serve_app.core.cascade import Cascade
from serve_app.core.grounds import Grounds
from serve_app.core.ledger import Entry
from serve_app.core.savings import Savings
from serve_app.core.use_case import Budget
from serve_app.core.what_if import Policy, WhatIf
from tests.fakes.ledgers import World, accuracy, agreement, answered, refused, use_case_of, world

CASE = use_case_of(threshold=0.7, audit_rate=0.1)
RAN = CASE.cascade


def fixed(**changes: Any) -> Cascade:
    return RAN.model_copy(update=changes)


def replayed(entries: Sequence[Entry], policy: Policy, price: float | None = 0.002) -> dict[str, Any]:
    what_if = WhatIf(CASE, policy, price)
    for start in range(0, len(entries), 700):  # pages
        what_if.add(entries[start : start + 700])
    return what_if.as_dict()


def bill(entries: Sequence[Entry]) -> dict[str, Any]:
    savings = Savings()
    savings.add(entries)
    return savings.as_dict()["whole"]


@pytest.mark.parametrize("policy", [Policy(RAN, defers=True), Policy(RAN, defers=False)], ids=["replayed", "as it was"])
def test_the_same_policy_gives_what_really_happened(policy: Policy) -> None:
    entries = answered(world(1, 1500), RAN, labelled=0.7)
    entries[5:9] = [refused(entry, "timeout") if entry.deferred else entry for entry in entries[5:9]]
    was, found = bill(entries), replayed(entries, policy)
    assert found["calls"] == {"made": was["calls"]["made"], "new": 0, "failed": was["calls"]["failed"]}
    assert found["cost_usd"] == found["known_usd"] == pytest.approx(was["spent_usd"], abs=0)
    assert (found["agreement"], found["accuracy"]) == (was["agreement"], was["accuracy"])
    for name, each in found["classes"].items():
        assert each == {key: was["classes"][name][key] for key in each}
    assert (found["rows"], found["left_out"], found["unanswered"]) == (1500, [], was["unanswered"])


@pytest.mark.parametrize("threshold", [0.4, 0.6, 0.8, 0.95])
def test_another_threshold_is_what_a_period_under_it_would_have_been(threshold: float) -> None:
    held = {"agreement": 0, "accuracy": 0}
    for seed in range(4):
        known, other = world(seed, 1200), fixed(threshold=threshold)
        entries, really = answered(known, RAN, labelled=0.9), answered(known, other)
        found = replayed(entries, Policy(other, defers=True), 0.002)
        assert found["calls"]["made"] == sum(entry.teacher is not None for entry in really)
        true = sum(entry.cost_usd for entry in really)
        assert found["cost_usd"] == pytest.approx(true, rel=0.04)
        if threshold < 0.7:  # fewer are asked, all of whose prices are known
            assert found["cost_usd"] == pytest.approx(true)
        for name, truth in (("agreement", agreement(known, really)), ("accuracy", accuracy(known, really))):
            held[name] += found[name]["low"] <= truth <= found[name]["high"]
    assert min(held.values()) >= 3


def test_thresholds_by_class_are_the_cascades_own() -> None:
    known, other = world(3), fixed(threshold=0.5, per_class={"network": 0.9})
    found = replayed(answered(known, RAN), Policy(other, defers=True))
    assert found["calls"]["made"] == sum(entry.teacher is not None for entry in answered(known, other))


def test_more_calls_without_audits_are_counted_and_their_quality_is_not_guessed() -> None:
    known = world(2)
    entries = answered(known, fixed(audit_rate=0.0))
    more = replayed(entries, Policy(fixed(threshold=0.9, audit_rate=0.0), defers=True))
    assert more["calls"]["new"] > 300
    assert more["agreement"]["value"] is None
    assert "no chance of being audited" in more["agreement"]["reason"]
    assert more["agreement"]["low"] < 0.7


def test_a_price_that_nobody_knows_is_not_made_up() -> None:
    found = replayed(answered(world(2), RAN), Policy(fixed(threshold=0.9), defers=True), price=None)
    assert found["cost_usd"] is None
    assert found["known_usd"] > 0


@pytest.mark.parametrize("rule", ["student", "higher_confidence", "teacher_wins"])
def test_another_arbitration_asks_the_same_and_answers_otherwise(rule: str) -> None:
    known, other = world(5, 2000), fixed(arbitration=rule)
    entries, really = answered(known, RAN, labelled=0.9), answered(known, other)
    found, was = replayed(entries, Policy(other, defers=False)), bill(entries)
    assert (found["calls"]["made"], found["cost_usd"]) == (was["calls"]["made"], pytest.approx(was["spent_usd"]))
    for name, truth in (("agreement", agreement(known, really)), ("accuracy", accuracy(known, really))):
        assert found[name]["low"] <= truth <= found[name]["high"]
    if rule == "student":
        assert found["agreement"]["value"] < was["agreement"]["value"] - 0.03


def test_learned_arbitration_goes_by_the_arbiter_of_the_version_that_answered() -> None:
    entries = answered(world(5), RAN)
    student = Arbiter({}, otherwise="student")
    pairs = {own: {other: Pair("student", 9, 9, 0) for other in ("access", "network", "other")}
             for own in ("access", "network", "other")}  # fmt: skip
    learned = fixed(arbitration="learned")
    by_student = replayed(entries, Policy(fixed(arbitration="student"), defers=False))
    for arbiter in (student, Arbiter(pairs)):
        found = replayed(entries, Policy(learned, defers=False, grounds={"1": Grounds(arbiter=arbiter)}))
        assert found["agreement"] == by_student["agreement"]
    other = replayed(entries, Policy(learned, defers=False, grounds={"2": Grounds(arbiter=student)}))
    assert other["agreement"] == bill(entries)["agreement"]  # the teacher wins until gold says otherwise


def days(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.at.date().isoformat(), []).append(entry)
    return found


def test_a_budget_is_spent_as_the_rows_came_and_never_overspent() -> None:
    entries = answered(world(4, 6000), RAN)
    spent = {day: sum(entry.cost_usd for entry in rows) for day, rows in days(entries).items()}
    half = min(spent.values()) / 2
    found = replayed(entries, Policy(RAN, defers=False, budget=Budget(per_day_usd=half)))
    assert 0.98 * half * len(spent) < found["cost_usd"] <= half * len(spent)
    assert found["calls"]["made"] + found["budget_short"] == sum(entry.teacher is not None for entry in entries)
    assert found["calls"]["new"] == 0
    assert found["agreement"]["value"] < bill(entries)["agreement"]["value"]
    assert found["unanswered"] == 0  # what the teacher thinks of those rows is in the log
    ample = replayed(entries, Policy(RAN, defers=False, budget=Budget(per_day_usd=max(spent.values()) + 1)))
    assert (ample["budget_short"], ample["agreement"]) == (0, bill(entries)["agreement"])


def test_within_a_request_what_is_worth_most_goes_first_and_audits_before() -> None:
    entries = [
        replace(entry, at=entry.at.replace(hour=0, minute=0, second=0)) for entry in answered(world(4, 400), RAN)
    ]
    asked = [entry for entry in entries if entry.teacher is not None]
    audits = [entry for entry in asked if entry.audited]
    exactly = sum(entry.cost_usd for entry in audits)
    found = replayed(entries, Policy(RAN, defers=False, budget=Budget(per_day_usd=exactly + 1e-9)))
    assert found["calls"]["made"] == len(audits)


def test_rows_that_a_review_gets_are_answered_by_nobody() -> None:
    entries = answered(world(4, 1000), RAN)
    found = replayed(entries, Policy(RAN, defers=False, budget=Budget(per_day_usd=0.0, when_short="review")))
    assert found["to_person"] == sum(entry.deferred for entry in entries)
    assert found["calls"]["made"] == 0


def test_what_the_budget_refused_then_is_asked_now_and_nobody_knows_the_answer() -> None:
    entries = [refused(entry) if entry.deferred and n % 2 else entry for n, entry in enumerate(answered(world(4), RAN))]
    lost = sum(entry.deferred and entry.teacher is None for entry in entries)
    found = replayed(entries, Policy(RAN, defers=False, budget=Budget(per_day_usd=1e6)))
    assert (found["calls"]["new"], found["unanswered"]) == (lost, lost)
    assert found["cost_usd"] == pytest.approx(found["known_usd"] + lost * 0.002)
    as_it_was = replayed(entries, Policy(RAN, defers=False))
    assert (as_it_was["calls"]["new"], as_it_was["unanswered"]) == (0, lost)


def test_rows_of_other_classes_are_left_out_and_named() -> None:
    entries = answered(world(4, 500), RAN)
    assert entries[0].student is not None
    others = {**entries[0].student, "label": "gone"}
    found = replayed([replace(entries[0], student=others), *entries[1:]], Policy(RAN, defers=True))
    assert found["rows"] == 499
    assert found["left_out"] == [{"reason": "the classes were others then", "rows": 1}]


def test_a_cold_start_is_replayed_as_such() -> None:
    first = answered(world(4, 300), fixed(threshold=1.0))
    prediction = {"label": "access", "confidence": 0.85}
    cold = [
        replace(entry, student=None, model_version=None, propensity=1.0,
                answer={"prediction": {**prediction, "label": (entry.teacher or {})["label"]}, "source": "teacher",
                        "reason": "cold_start", "degraded": False})
        for entry in first
    ]  # fmt: skip
    found, was = replayed(cold, Policy(fixed(threshold=0.0), defers=True)), bill(cold)
    assert found["calls"]["made"] == was["calls"]["made"] == 300
    assert found["agreement"] == was["agreement"]
    assert found["agreement"]["value"] == 1.0


def test_numbers_are_replayed_under_another_budget() -> None:
    case = use_case_of(threshold=0.7).model_copy(
        update={"target": type(CASE).model_validate({**CASE.model_dump(), "target": {
            "kind": "regression", "column": "price"}}).target}
    )  # fmt: skip
    part = {"value": 10.0, "interval": [9.0, 11.0]}
    first = answered(world(1, 4), RAN)[0]
    rows = [
        replace(first, student=part, answer={"prediction": {"value": value, "interval": None}, "source": "arbitration"},
                teacher={"label": None, "value": value, "provider": "p", "model": "m"}, cost_usd=1.0, propensity=1.0)
        for value in (12.0, 10.5)
    ]  # fmt: skip
    what_if = WhatIf(case, Policy(RAN, defers=False, budget=Budget(per_day_usd=1.0)), 1.0)
    what_if.add(rows)
    told = what_if.as_dict()
    assert (told["calls"]["made"], told["budget_short"], told["cost_usd"]) == (1, 1, 1.0)
    assert isinstance(np.float64(told["agreement"]["value"]), float)


def test_a_world_is_what_it_says() -> None:
    """The simulations rest on it: the student errs more where it is unsure."""
    known: World = world(0, 5000)
    sure = known.chances.max(axis=1)
    agrees = known.student == known.teacher
    assert agrees[sure > 0.9].mean() > agrees[sure < 0.6].mean() + 0.1
