"""Seed 001 over HTTP: fair prices, the list of cards, and the signal, with exactly the seed's fields."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.fakes.running import Running

pytestmark = pytest.mark.cluster

CARD = {"card_id": "charizard_ex_199", "date": "2025-12-01"}
SIGNAL = {"market_price": 90.0, "fair_price": 100.0, "buy_threshold_pct": 0.10, "sell_threshold_pct": 0.15}


@pytest.fixture
def client(understudy: Running) -> httpx.Client:
    return understudy.client()


def ask(client: httpx.Client, path: str, **body: Any) -> Any:
    reply = client.post(path, json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_the_fair_price_has_the_seeds_six_fields(client: httpx.Client) -> None:
    answer = ask(client, "/fair_price", **CARD)
    assert list(answer) == ["card_id", "date", "market_price", "fair_price", "deviation_pct", "signal"]
    assert {name: answer[name] for name in CARD} == CARD
    deviation = (answer["market_price"] - answer["fair_price"]) / answer["fair_price"]
    assert answer["deviation_pct"] == pytest.approx(deviation, abs=1e-12)
    assert answer["signal"] == ("BUY" if deviation <= -0.10 else "SELL" if deviation >= 0.15 else "HOLD")


def test_thresholds_of_the_request_change_the_signal(client: httpx.Client) -> None:
    deviation = ask(client, "/fair_price", **CARD)["deviation_pct"]
    assert deviation != 0
    name = "sell_threshold_pct" if deviation > 0 else "buy_threshold_pct"
    tight = ask(client, "/fair_price", **CARD, **{name: 0.0})
    loose = ask(client, "/fair_price", **CARD, buy_threshold_pct=10, sell_threshold_pct=10)
    assert (tight["signal"], loose["signal"]) == ("SELL" if deviation > 0 else "BUY", "HOLD")
    assert tight["fair_price"] == loose["fair_price"]


def test_the_interval_holds_the_value(client: httpx.Client) -> None:
    answer = ask(client, "/api/v1/predict/card_price", **CARD)
    low, high = answer["prediction"]["interval"]
    assert 0 < low <= answer["prediction"]["value"] <= high
    assert answer["prediction"]["value"] == ask(client, "/fair_price", **CARD)["fair_price"]


def test_the_market_price_is_a_sale_up_to_that_day(client: httpx.Client, understudy: Running) -> None:
    lines = (understudy.configs / "use_cases/card_price/prices.csv").read_text().splitlines()
    sales = [line.split(",") for line in lines if line.startswith(CARD["card_id"] + ",")]
    last = max((day, price) for _, day, price in sales if day <= CARD["date"])
    assert ask(client, "/fair_price", **CARD)["market_price"] == float(last[1])


def test_cards_are_listed_and_counted(client: httpx.Client) -> None:
    listed = client.get("/cards").json()
    assert list(listed) == ["cards", "count"]
    assert CARD["card_id"] in listed["cards"]
    assert listed["count"] == len(set(listed["cards"])) == 40


def test_the_signal_has_the_seeds_figures(client: httpx.Client) -> None:
    answer = ask(client, "/signal", **SIGNAL)
    assert list(answer.items()) == [
        ("signal", "BUY"), ("deviation_pct", -0.1), ("market_price", 90.0), ("fair_price", 100.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("market", "buy", "sell", "expected"),
    [(150.0, 0.10, 0.15, "HOLD"), (150.0, 0.10, 0.03, "SELL"), (140.0, 0.03, 0.15, "BUY"), (145.0, 0.1, 0.1, "HOLD")],
)
def test_the_signal_follows_its_thresholds(
    client: httpx.Client, market: float, buy: float, sell: float, expected: str
) -> None:
    answer = ask(client, "/signal", market_price=market, fair_price=145.0, buy_threshold_pct=buy,
                 sell_threshold_pct=sell)  # fmt: skip
    assert answer["signal"] == expected
    assert answer["deviation_pct"] == pytest.approx((market - 145) / 145)


def test_an_unknown_card_is_not_found(client: httpx.Client) -> None:
    reply = client.post("/fair_price", json={**CARD, "card_id": "nobody_000"})
    assert (reply.status_code, reply.json()["code"]) == (404, "unknown_key")
    assert reply.headers["content-type"] == "application/problem+json"


def test_a_day_outside_the_data_names_the_days_there_are(client: httpx.Client) -> None:
    reply = client.post("/fair_price", json={**CARD, "date": "2035-12-01"})
    assert reply.status_code == 422
    (error,) = reply.json()["errors"]
    assert error["field"] == "date"
    assert "2025-12-31" in error["expected"]


def test_health_is_the_seeds_and_more(client: httpx.Client) -> None:
    health = client.get("/health").json()
    seen = (health["status"], health["model_loaded"], health["cards_count"])
    assert seen == ("healthy", True, 40)
