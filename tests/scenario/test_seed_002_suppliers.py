"""Seed 002 over HTTP: a supplier's risk, what moved it, and whether anybody is alerted."""

from __future__ import annotations

import math
from typing import Any

import httpx
import pytest

from tests.fakes.running import Running

pytestmark = pytest.mark.cluster

RISKY = {
    "supplier_id": "SUP-1",
    "annual_revenue": 60000,
    "avg_payment_delay_days": 75,
    "max_payment_delay_days": 160,
    "late_payment_share": 0.95,
    "dispute_count": 6,
    "transaction_count": 12,
    "transaction_volume": 64000,
    "contract_value": 90000,
    "years_in_business": 1,
    "credit_score": 410,
    "contract_text": "The supplier's liability is unlimited. This agreement renews automatically.",
}
SOUND = {
    **RISKY,
    "annual_revenue": 2000000,
    "avg_payment_delay_days": -2,
    "max_payment_delay_days": 4,
    "late_payment_share": 0.0,
    "dispute_count": 0,
    "years_in_business": 25,
    "credit_score": 800,
    "contract_text": "Payment terms are net 60. Both parties keep the terms confidential.",
}


@pytest.fixture
def client(understudy: Running) -> httpx.Client:
    return understudy.client()


def ask(client: httpx.Client, path: str, body: dict[str, Any]) -> Any:
    reply = client.post(path, json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def action(score: float) -> str:
    return "ALERT" if score >= 0.6 else "WATCH" if score >= 0.3 else "OK"


def test_a_risky_supplier_raises_an_alert_and_a_sound_one_does_not(client: httpx.Client) -> None:
    risky, sound = (ask(client, "/supplier_risk/predict", each) for each in (RISKY, SOUND))
    assert (risky["decision"], sound["decision"]) == ("ALERT", "OK")
    assert 0 <= sound["risk_score"] < risky["risk_score"] <= 1


def test_the_decision_follows_the_score(client: httpx.Client) -> None:
    """From sound to risky, one figure after the other: all three actions are passed on the way."""
    steps: list[dict[str, Any]] = [dict(SOUND)]
    for name in RISKY:
        steps.append({**steps[-1], name: RISKY[name]})
    instances = [{**step, "late_payment_share": share} for step in steps for share in (0, 0.3, 0.6, 0.95)]
    reply = client.post("/api/v1/predict/supplier_risk/batch", json={"instances": instances})
    answers = reply.json()["predictions"]
    assert {answer["decision"]["action"] for answer in answers} == {"ALERT", "WATCH", "OK"}
    for answer in answers:
        assert answer["decision"]["action"] == action(answer["prediction"]["score"])


def test_contributions_and_base_sum_to_the_output(client: httpx.Client) -> None:
    explanation = ask(client, "/supplier_risk/explain", RISKY)["explanation"]
    moved = [each["contribution"] for each in explanation["contributions"]]
    assert explanation["base"] + sum(moved) == pytest.approx(explanation["output"], abs=1e-9)
    named = [each["feature"] for each in explanation["contributions"]]
    assert set(named) - {"(other)"} <= set(RISKY) - {"supplier_id"}
    largest = [abs(each["contribution"]) for each in explanation["contributions"] if each["feature"] != "(other)"]
    assert largest == sorted(largest, reverse=True)


def test_the_narrative_is_a_template_and_says_so(client: httpx.Client) -> None:
    answer = ask(client, "/supplier_risk/predict", RISKY)
    assert answer["narrative_source"] == "template"
    assert f"{answer['risk_score']:.2f}: {answer['decision']}" in answer["narrative"]
    top = answer["top_features"][0]
    way = "raises" if top["contribution"] > 0 else "lowers"
    assert f"{way} it by {abs(top['contribution']):.2f}" in answer["narrative"]
    assert top["feature"] in answer["narrative"]


def test_the_contract_moves_the_score(client: httpx.Client) -> None:
    with_clause = ask(client, "/supplier_risk/predict", RISKY)["risk_score"]
    without = ask(client, "/supplier_risk/predict", {**RISKY, "contract_text": ""})["risk_score"]
    assert not math.isclose(with_clause, without, abs_tol=1e-6)


def test_without_a_teacher_an_unsure_answer_is_marked(client: httpx.Client) -> None:
    answer = ask(client, "/supplier_risk/predict", {"annual_revenue": 100000, "avg_payment_delay_days": 45})
    assert max(answer["risk_score"], 1 - answer["risk_score"]) < 0.8
    assert (answer["source"], answer["degraded"], answer["reason"]) == ("student_fallback", True, "no_teacher")


def test_an_impossible_figure_is_refused(client: httpx.Client) -> None:
    reply = client.post("/supplier_risk/predict", json={**RISKY, "credit_score": 900, "dispute_count": 1.5})
    assert reply.status_code == 422
    assert {error["field"] for error in reply.json()["errors"]} == {"credit_score", "dispute_count"}
