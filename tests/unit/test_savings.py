"""The bill of a period, and what is said of its quality, in worlds where the truth is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from serve_app.core.estimates import LEAST, Share, Weighed, interval
from serve_app.core.ledger import Entry, fate
from serve_app.core.measured import Measured
from serve_app.core.period import moment
from serve_app.core.savings import Savings
from tests.fakes.ledgers import START, accuracy, agreement, answered, refused, use_case_of, world

AUDITED = use_case_of(threshold=0.7, audit_rate=0.05).cascade
UNAUDITED = use_case_of(threshold=0.7).cascade


def told(entries: list[Entry], **how: float) -> dict:
    savings = Savings()
    savings.add(entries)
    return savings.as_dict(**how)


# Intervals


def test_the_interval_is_clopper_and_pearsons() -> None:
    assert interval(0.9, 100) == pytest.approx((0.8238, 0.9510), abs=1e-4)  # as published tables have it
    assert interval(0.0, 10) == pytest.approx((0.0, 0.3085), abs=1e-4)
    assert interval(1.0, 10) == pytest.approx((0.6915, 1.0), abs=1e-4)
    assert interval(0.5, 0) == (0.0, 1.0)


def periods(seed: int, count: int, rate: float) -> tuple[list[Share], np.ndarray, np.ndarray]:
    """Shares as a period's rows would fill them; the truth of each; and the naive figure over escalated rows."""
    rng = np.random.default_rng(seed)
    deferred, alone = rng.random((count, 3000)) < 0.3, rng.random((count, 3000)) < rate
    same = rng.random(deferred.shape) < np.where(deferred, 0.6, 0.93)  # student and teacher
    truth = np.where(deferred | alone, True, same).mean(axis=1)  # the teacher wins where it was asked
    shares = []
    for late, drawn, agreed in zip(deferred, alone, same, strict=True):
        audits, weight = ~late & drawn, 1 / rate - 1
        rows, hits = int(audits.sum()), float(agreed[audits].sum())
        squares = weight**2 * rows, weight**2 * hits, weight**2 * hits
        stand_ins = Weighed(rows, weight * rows, weight * hits, *squares)
        known = int((late | audits).sum())
        shares.append(Share(known, float(known), float((~late & ~drawn).sum()), 0, stand_ins))
    return shares, truth, np.where(deferred, same, False).sum(axis=1) / deferred.sum(axis=1)


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.5])
def test_the_interval_holds_the_truth_of_19_periods_in_20_and_the_naive_one_does_not(rate: float) -> None:
    shares, truth, naive = periods(11, 400, rate)
    found = [share.estimate() for share in shares]
    held = [each.low <= true <= each.high for each, true in zip(found, truth, strict=True)]
    assert 0.93 <= np.mean(held) <= 0.995
    values = np.array([each.value for each in found], dtype=float)
    assert abs(np.nanmean(values - truth)) < 0.004
    # The same intervals, around what escalated rows say: not one period in a hundred.
    rows = [share.stand_ins.effective for share in shares]
    bounds = [interval(share, count) for share, count in zip(naive, rows, strict=True)]
    assert np.mean([low <= true <= high for (low, high), true in zip(bounds, truth, strict=True)]) < 0.25


def test_unequal_rates_are_weighed() -> None:
    """Half of the time one row in ten is audited, half of the time one in a hundred, and then students err more."""
    rng, held, plain = np.random.default_rng(5), [], []
    for _ in range(300):
        rates = np.repeat([0.1, 0.01], 4000)
        same, drawn = rng.random(8000) < np.repeat([0.95, 0.85], 4000), rng.random(8000) < rates
        share, weights = Share(), 1 / rates - 1
        share.known, share.hits, share.unseen = int(drawn.sum()), float(same[drawn].sum()), float((~drawn).sum())
        for weight, agreed in zip(weights[drawn], same[drawn], strict=True):
            share.stand_ins.add(weight, float(agreed))
        found = share.estimate()
        held.append(found.low <= same.mean() <= found.high)
        low, high = interval(same[drawn].mean(), drawn.sum())
        plain.append(low <= same.mean() <= high)
        assert found.effective < drawn.sum() / 2
    assert np.mean(held) >= 0.93
    assert np.mean(plain) < 0.7


# Of a log


def test_what_the_log_tells_is_the_truth_within_its_interval() -> None:
    held = {"agreement": 0, "accuracy": 0}
    for seed in range(10):
        known = world(seed, 1000)
        entries = answered(known, AUDITED, labelled=0.8)
        whole = told(entries)["whole"]
        for name, truth in (("agreement", agreement(known, entries)), ("accuracy", accuracy(known, entries))):
            held[name] += whole[name]["low"] <= truth <= whole[name]["high"]
        assert whole["agreement"]["rows"] == sum(entry.teacher is not None for entry in entries)
        assert whole["agreement"]["audited"] == sum(entry.audited and not entry.deferred for entry in entries)
        assert whole["accuracy"]["rows"] == sum(entry.audited and entry.person is not None for entry in entries)
    assert min(held.values()) >= 9


def test_rows_that_the_student_answered_alone_count_through_audits_only() -> None:
    entries = answered(world(3), UNAUDITED, labelled=1.0)
    whole = told(entries)["whole"]
    assert whole["agreement"]["value"] is None
    assert "no chance of being audited" in whole["agreement"]["reason"]
    deferred = sum(entry.deferred for entry in entries)
    assert whole["agreement"]["low"] == pytest.approx(deferred / len(entries))  # the teacher won all of those
    assert whole["agreement"]["high"] == 1.0
    assert (whole["accuracy"]["value"], whole["accuracy"]["reason"]) == (None, "no audited row has a person's label")


def test_too_few_audits_give_bounds_and_a_reason() -> None:
    some = answered(world(3, 300), AUDITED)
    few = told(some)["whole"]["agreement"]
    assert few["audited"] < LEAST
    assert few["value"] is None
    assert few["reason"].endswith(f"{LEAST} are needed")
    assert 0 < few["low"] < few["high"] < 1 or few["high"] == 1


def test_every_class_has_figures_of_its_own() -> None:
    known = world(4, 4000)
    entries = answered(known, use_case_of(threshold=0.7, audit_rate=0.2).cascade, labelled=0.9)
    classes = told(entries)["whole"]["classes"]
    assert set(classes) == {"access", "network", "other"}
    assert sum(each["requests"] for each in classes.values()) == 4000
    for name, each in classes.items():
        mine = [row for row, entry in enumerate(entries) if entry.served == name]
        truth = np.mean([known.teacher[row] == known.student[row] if entries[row].teacher is None else True
                         for row in mine])  # fmt: skip
        assert each["agreement"]["low"] <= truth <= each["agreement"]["high"]
        assert each["accuracy"]["rows"] > 150


def test_labels_given_to_disagreements_first_do_not_spoil_the_accuracy() -> None:
    known = world(6, 4000)
    entries = answered(known, use_case_of(threshold=0.5, audit_rate=0.3).cascade, labelled=1.0)
    rng = np.random.default_rng(1)
    queue = [
        entry if rng.random() < (0.9 if entry.taught != entry.alone else 0.1) else replace(entry, person=None)
        for entry in entries
    ]
    found, truth = told(queue)["whole"]["accuracy"], accuracy(known, entries)
    assert found["low"] <= truth <= found["high"]
    labelled = [entry for entry in queue if entry.audited and entry.person is not None]
    assert np.mean([entry.alone == entry.person for entry in labelled]) < found["low"] - 0.1


def test_a_kind_of_row_that_nobody_labelled_is_named() -> None:
    entries = [
        replace(entry, person=None) if entry.taught != entry.alone else entry
        for entry in answered(world(6), use_case_of(threshold=0.7, audit_rate=0.3).cascade, labelled=1.0)
    ]
    found = told(entries)["whole"]["accuracy"]
    assert found["value"] is None
    assert "student and teacher differ has a person's label" in found["reason"]


# Money


def test_the_bill_adds_up() -> None:
    entries = answered(world(1), AUDITED)
    bill = told(entries)
    whole, price = bill["whole"], bill["price"]
    asked = [entry for entry in entries if entry.teacher is not None]
    assert whole["requests"] == 2000
    assert whole["calls"] == {"made": len(asked), "failed": 0, "audits": sum(not each.deferred for each in asked)}
    assert whole["avoided"] == {"student": 2000 - len(asked), "cache": 0, "budget": 0}
    assert whole["spent_usd"] == pytest.approx(sum(each.cost_usd for each in asked))
    assert price == {"usd": pytest.approx(whole["spent_usd"] / len(asked)), "on": "calls", "calls": len(asked)}
    assert whole["saved_usd"]["total"] == pytest.approx(price["usd"] * (2000 - len(asked)))
    assert whole["always_usd"] == pytest.approx(price["usd"] * 2000)
    assert 0 < whole["audits_usd"] < whole["spent_usd"]


def test_every_way_of_not_calling_is_counted_by_itself() -> None:
    entries = [entry for entry in answered(world(1), UNAUDITED) if entry.teacher is not None][:5]
    kept = {**(entries[0].teacher or {}), "cached": True, "saved_usd": 0.5}
    rows = [
        replace(entries[0], teacher=kept, cost_usd=0.0),
        refused(entries[1]),
        refused(entries[2], "cold_start, budget"),
        replace(refused(entries[3], "timeout"), cost_usd=0.25),
        entries[4],
    ]
    assert [fate(row) for row in rows] == ["cache", "budget", "budget", "failed", "called"]
    bill = told(rows)
    whole, usd = bill["whole"], entries[4].cost_usd
    assert whole["calls"] == {"made": 1, "failed": 1, "audits": 0}
    assert whole["avoided"] == {"student": 0, "cache": 1, "budget": 2}
    assert whole["saved_usd"] == {"student": 0.0, "cache": 0.5, "budget": 2 * usd, "total": 0.5 + 2 * usd}
    assert whole["spent_usd"] == usd + 0.25
    assert whole["unanswered"] == 3


def test_without_a_call_the_providers_prices_count_and_without_those_nothing_is_claimed() -> None:
    alone = [entry for entry in answered(world(1), UNAUDITED) if entry.teacher is None]
    bill = told(alone, estimate_usd=0.01)
    assert bill["price"] == {"usd": 0.01, "on": "estimate", "calls": 0}
    assert bill["whole"]["saved_usd"]["total"] == pytest.approx(0.01 * len(alone))
    unknown = told(alone)
    assert unknown["price"] == {"usd": None, "on": None, "calls": 0}
    assert (unknown["whole"]["saved_usd"]["total"], unknown["whole"]["always_usd"]) == (None, None)


def test_days_add_up_to_the_whole() -> None:
    savings = Savings(by_day=True)
    entries = answered(world(2, 4500), AUDITED)
    for start in range(0, 4500, 700):
        savings.add(entries[start : start + 700])
    bill = savings.as_dict()
    assert [day["day"] for day in bill["days"]] == ["2026-03-01", "2026-03-02", "2026-03-03"]
    for name in ("requests", "spent_usd", "always_usd"):
        assert sum(day[name] for day in bill["days"]) == pytest.approx(bill["whole"][name])


def test_numbers_agree_when_the_interval_holds_them() -> None:
    entry = answered(world(1), UNAUDITED)[0]
    part = {"value": 10.0, "interval": [9.0, 11.0]}
    rows = [
        replace(entry, student=part, answer={"prediction": part, "source": "agreement"}, propensity=1.0,
                teacher={"value": value, "label": None}, cost_usd=1.0, at=START + timedelta(seconds=n))
        for n, value in enumerate([9.5, 11.0, 12.0, 8.0])
    ]  # fmt: skip
    measured = Measured()
    for row in rows:
        measured.add(row, row.served, row.alone)
    assert measured.overall.agreement.estimate().value == 0.5
    assert measured.as_dict()["classes"] == {}


def test_a_period_without_rows_says_so() -> None:
    whole = told([])["whole"]
    assert (whole["requests"], whole["spent_usd"], whole["always_usd"]) == (0, 0.0, 0.0)
    assert whole["agreement"]["reason"] == "there is no row of which it is known"


NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("7d", NOW - timedelta(days=7)),
        ("36h", NOW - timedelta(hours=36)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T07:00:00+07:00", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T07:00:00 07:00", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01 07:00", datetime(2026, 3, 1, 7, tzinfo=UTC)),
        ("2026-03-01T00:00:00Z", datetime(2026, 3, 1, tzinfo=UTC)),
        ("yesterday", None), ("7", None), ("0d", None), ("", None), ("99999d", NOW - timedelta(days=99999)),
        ("0001-01-01T00:00:00+14:00", None),
    ],
)  # fmt: skip
def test_a_moment_is_read_as_people_write_it(text: str, wanted: datetime | None) -> None:
    assert moment(text, NOW) == wanted
