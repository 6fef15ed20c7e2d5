"""The decision: a verdict becomes an action."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from serve_app.core.answers import Act, Acts, Verdict, Verdicts
from serve_app.core.decision import (
    Band,
    Decision,
    Label,
    PriceSignal,
    Route,
    ScoreBands,
    decide,
    decide_all,
    decide_alone,
    looked_at,
)
from serve_app.core.errors import InvalidInput
from serve_app.core.rows import Rows, numeric_column, text_column

NOBODY = Verdict("student_fallback", degraded=True, reason="cold_start, no_teacher")
SIGNAL = PriceSignal(kind="price_signal")
BANDS = ScoreBands(
    kind="score_bands", bands=({"action": "ALERT", "at_least": 0.7}, {"action": "WATCH", "at_least": 0.4})
)
PRICES = st.floats(0.01, 1e6)


def policy(**raw: Any) -> Decision:
    return TypeAdapter(Decision).validate_python(raw)


def signal(market: float | None, fair: float | None, **row: Any) -> Act:
    return decide_alone(SIGNAL, {"market_price": market, "fair_price": fair, **row})


# BUY, SELL, HOLD.


@pytest.mark.parametrize(
    ("market", "fair", "action", "deviation"),
    [
        (90.0, 100.0, "BUY", -0.1),
        (150.0, 145.0, "HOLD", 5 / 145),
        (91.0, 100.0, "HOLD", -0.09),
        (100.0, 100.0, "HOLD", 0.0),
        (115.0, 100.0, "SELL", 0.15),
        (114.99, 100.0, "HOLD", 0.1499),
        (0.0, 100.0, "BUY", -1.0),
    ],
)
def test_a_signal(market: float, fair: float, action: str, deviation: float) -> None:
    act = signal(market, fair)
    assert act.action == action
    assert act.details["deviation_pct"] == pytest.approx(deviation)
    assert act.details["market_price"] == market


def test_the_seeds_own_figures() -> None:
    assert signal(90.0, 100.0).details["deviation_pct"] == -0.1
    assert round(signal(150.0, 145.0).details["deviation_pct"], 4) == 0.0345


def test_a_signal_of_a_prediction_is_that_of_its_value() -> None:
    verdict = Verdict("student", value=100.0, interval=(80.0, 120.0))
    row = {"market_price": 90.0, "fair_price": 1.0}
    assert decide(SIGNAL, verdict, row) == signal(90.0, 100.0)


@pytest.mark.parametrize(
    ("row", "action"),
    [
        ({"buy_threshold_pct": 0.11}, "HOLD"),
        ({"buy_threshold_pct": 0.05}, "BUY"),
        ({"buy_threshold_pct": None}, "BUY"),
        ({"buy_threshold_pct": 0.0}, "BUY"),
        ({"sell_threshold_pct": 0.0}, "BUY"),
    ],
)
def test_thresholds_may_come_with_the_row(row: dict[str, float | None], action: str) -> None:
    assert signal(90.0, 100.0, **row).action == action


def test_a_threshold_of_nought_is_a_threshold() -> None:
    assert signal(99.0, 100.0, buy_threshold_pct=0.0).action == "BUY"
    assert signal(101.0, 100.0, sell_threshold_pct=0.0).action == "SELL"


def test_a_selling_threshold_of_the_row() -> None:
    assert signal(105.0, 100.0, sell_threshold_pct=0.05).action == "SELL"
    assert signal(300.0, 100.0, sell_threshold_pct=2.5).action == "HOLD"


def test_the_columns_may_have_other_names() -> None:
    other = policy(kind="price_signal", market="bid", fair="worth")
    act = decide_alone(other, {"bid": 50.0, "worth": 100.0})
    assert act == Act("BUY", details={"deviation_pct": -0.5, "bid": 50.0})


@pytest.mark.parametrize("fair", [0.0, -1.0])
def test_without_a_positive_fair_price_there_is_no_signal(fair: float) -> None:
    with pytest.raises(InvalidInput) as refused:
        signal(10.0, fair)
    assert refused.value.fields[0].field == "fair_price"


@pytest.mark.parametrize(("market", "fair"), [(None, 100.0), (10.0, None)])
def test_a_price_that_is_missing_is_a_persons(market: float | None, fair: float | None) -> None:
    assert signal(market, fair) == Act("REVIEW")


RANK = {"BUY": 0, "HOLD": 1, "SELL": 2}


@given(fair=PRICES, one=PRICES, other=PRICES)
def test_a_dearer_market_never_moves_the_signal_towards_buying(fair: float, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert RANK[signal(low, fair).action] <= RANK[signal(high, fair).action]


@given(market=PRICES, fair=PRICES)
def test_the_signal_is_what_its_own_deviation_says(market: float, fair: float) -> None:
    act = signal(market, fair)
    deviation = act.details["deviation_pct"]
    expected = "BUY" if deviation <= -0.1 else "SELL" if deviation >= 0.15 else "HOLD"
    assert act.action == expected
    assert (deviation > 0) == (market > fair)


@given(market=PRICES, fair=PRICES, times=st.sampled_from([0.25, 2.0, 1024.0]))
def test_the_currency_does_not_matter(market: float, fair: float, times: float) -> None:
    assert signal(market * times, fair * times).action == signal(market, fair).action


# Bands of a score.


@pytest.mark.parametrize(
    ("score", "action"),
    [(1.0, "ALERT"), (0.7, "ALERT"), (np.nextafter(0.7, 0), "WATCH"), (0.4, "WATCH"), (0.39, "OK"), (0.0, "OK")],
)
def test_a_score_meets_the_highest_band_that_it_reaches(score: float, action: str) -> None:
    verdict = Verdict("student", "yes", 0.9, float(score))
    assert decide(BANDS, verdict, {}) == Act(action, details={"score": float(score)})


def test_a_label_without_a_score_is_a_persons() -> None:
    assert decide(BANDS, Verdict("teacher", "yes", 0.9), {}) == Act("REVIEW")


@given(one=st.floats(0, 1), other=st.floats(0, 1))
def test_a_higher_score_is_never_less_urgent(one: float, other: float) -> None:
    urgency = {"OK": 0, "WATCH": 1, "ALERT": 2}
    low, high = sorted((one, other))
    acts = [decide(BANDS, Verdict("student", "yes", 0.9, score), {}).action for score in (low, high)]
    assert urgency[acts[0]] <= urgency[acts[1]]


@given(limits=st.lists(st.floats(0, 1), min_size=2, max_size=5))
def test_bands_stand_from_the_highest_to_the_lowest_each_once(limits: list[float]) -> None:
    assume(limits != sorted(set(limits), reverse=True))
    with pytest.raises(ValidationError, match="from the highest"):
        policy(kind="score_bands", bands=[{"action": "A", "at_least": limit} for limit in limits])


# Routes and labels.

ROUTE = Route(kind="route", targets={"network": "network-team"}, default="service-desk")


@pytest.mark.parametrize(("label", "target"), [("network", "network-team"), ("other", "service-desk")])
def test_a_label_goes_to_its_queue(label: str, target: str) -> None:
    act = decide(ROUTE, Verdict("student", label, 0.9), {})
    assert act.as_dict() == {"action": "ROUTE", "target": target}


def test_a_route_without_a_default_names_no_target() -> None:
    bare = policy(kind="route", action="FORWARD", targets={"network": "network-team"})
    assert decide(bare, Verdict("student", "other", 0.9), {}).as_dict() == {"action": "FORWARD"}


def test_a_label_is_its_own_action_unless_it_has_another_name() -> None:
    named = Label(kind="label", actions={"spam": "DELETE"})
    assert decide(named, Verdict("student", "spam", 0.9), {}) == Act("DELETE")
    assert decide(named, Verdict("student", "ham", 0.9), {}) == Act("ham")


@pytest.mark.parametrize("each", [ROUTE, SIGNAL, BANDS, Label(kind="label")], ids=lambda each: each.kind)
def test_where_nobody_answered_a_person_looks(each: Decision) -> None:
    assert decide(each, NOBODY, {"market_price": 90.0, "fair_price": 100.0}) == Act("REVIEW")


@pytest.mark.parametrize("each", [ROUTE, BANDS, Label(kind="label")], ids=lambda each: each.kind)
def test_only_prices_can_be_decided_without_a_prediction(each: Decision) -> None:
    with pytest.raises(InvalidInput, match=each.kind):
        decide_alone(each, {"market_price": 90.0, "fair_price": 100.0})


SHELVES = Rows(
    {"market_price": numeric_column([90.0, None, 120.0]), "buy_threshold_pct": numeric_column([None, 0.2, 0.3])}
)
VERDICTS = [Verdict("student", "a", 0.9, 0.9, 100.0), Verdict("student", value=100.0), Verdict("student_fallback")]


@pytest.mark.parametrize(
    "policy",
    [
        Route(kind="route", targets={"a": "desk"}),
        Label(kind="label"),
        PriceSignal(kind="price_signal"),
        PriceSignal(kind="price_signal", market="nowhere"),
        ScoreBands(kind="score_bands", bands=(Band(action="ALERT", at_least=0.5),)),
    ],
    ids=lambda policy: policy.kind,
)
@pytest.mark.parametrize("rows", [SHELVES, Rows({"note": text_column(["x", None, "y"])})], ids=["prices", "texts"])
def test_a_batch_is_decided_as_its_rows_are(policy: Decision, rows: Rows) -> None:
    """Also from no more than the policy looks at, which is what travels."""
    one_by_one = [decide(policy, verdict, record) for verdict, record in zip(VERDICTS, rows.records(), strict=True)]
    assert list(decide_all(policy, VERDICTS, rows)) == one_by_one
    assert list(decide_all(policy, VERDICTS, looked_at(policy, rows))) == one_by_one
    assert "note" not in looked_at(policy, rows).names


def test_verdicts_and_acts_travel_as_they_are() -> None:
    verdicts = Verdicts([Verdict("student", "late", 0.1 + 0.2, interval=(-0.0, 1.0)), NOBODY])
    acts = Acts([Act("BUY", None, {"deviation_pct": -0.1}), Act("ROUTE", "desk")])
    for each in (verdicts, acts):
        there = pickle.loads(pickle.dumps(each))
        assert (type(there), repr(there)) == (type(each), repr(each))
