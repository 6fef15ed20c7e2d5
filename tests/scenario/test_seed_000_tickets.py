"""Seed 000 over HTTP: a ticket in, a queue out, the teacher where the student is unsure."""

from __future__ import annotations

import csv
from typing import Any

import httpx
import pytest

from tests.fakes.running import Running

pytestmark = pytest.mark.cluster

SEED = {"tech_raw_text": "tidak bisa login ke MIT", "solving": "Reset password"}
TEAMS = {
    "network": "network-team",
    "account_access": "identity-team",
    "hardware": "hardware-team",
    "software": "application-team",
    "email": "messaging-team",
    "printer": "print-team",
    "security": "security-team",
    "data_request": "data-team",
}


@pytest.fixture
def client(understudy: Running) -> httpx.Client:
    return understudy.client()


@pytest.fixture(scope="module")
def recorded(understudy: Running) -> list[dict[str, str]]:
    with (understudy.configs / "use_cases/it_tickets/recorded_llm.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def deferred(understudy: Running, recorded: list[dict[str, str]]) -> dict[str, list[tuple[dict[str, str], Any]]]:
    """Recorded tickets with their answers, by the answer's source; less those that chance audited."""
    instances = [{name: row[name] for name in SEED} for row in recorded[:1000]]
    answers = understudy.client().post("/api/v1/predict/it_tickets/batch", json={"instances": instances}).json()
    found: dict[str, list[tuple[dict[str, str], Any]]] = {}
    for row, answer in zip(recorded, answers["predictions"], strict=False):
        if not answer["audited"]:
            found.setdefault(answer["source"], []).append((row, answer))
    return found


@pytest.mark.parametrize("path", ["/predict", "/api/predict"])
def test_the_seeds_own_call_is_routed(client: httpx.Client, path: str) -> None:
    reply = client.post(path, json=SEED)
    assert reply.status_code == 200
    answer = reply.json()
    assert answer["prediction"]["label"] == "account_access"
    assert answer["decision"] == {"action": "ROUTE", "target": "identity-team"}
    assert answer["degraded"] is False


def test_a_confident_student_answers_alone(deferred: dict[str, Any]) -> None:
    for _, answer in deferred["student"]:
        assert answer["prediction"]["confidence"] >= 0.8
        assert answer["teacher"] is None
        assert answer["decision"]["target"] == TEAMS[answer["prediction"]["label"]]


def test_a_ticket_below_the_threshold_is_the_recorded_teachers(deferred: dict[str, Any]) -> None:
    asked = [*deferred["agreement"], *deferred["arbitration"]]
    assert len(asked) >= 10
    for row, answer in asked:
        assert answer["student"]["confidence"] < 0.8
        assert answer["teacher"]["provider"] == "recorded"
        assert answer["teacher"]["label"] == row["llm_label"] == answer["prediction"]["label"]


def test_agreement_is_surer_than_the_student_was(deferred: dict[str, Any]) -> None:
    for _, answer in deferred["agreement"]:
        assert answer["prediction"]["confidence"] > answer["student"]["confidence"]


def test_on_disagreement_the_teacher_wins_and_the_reason_is_told(deferred: dict[str, Any]) -> None:
    for _, answer in deferred["arbitration"]:
        assert answer["student"]["label"] != answer["prediction"]["label"] == answer["teacher"]["label"]
        assert answer["reason"] == "teacher_wins"


def test_an_unsure_ticket_that_no_recording_knows_stays_the_students_and_says_so(client: httpx.Client) -> None:
    answer = client.post("/predict", json={"tech_raw_text": "zzz qqq halo", "solving": ""}).json()
    assert answer["student"]["confidence"] < 0.8
    assert (answer["source"], answer["degraded"], answer["reason"]) == ("student_fallback", True, "not_recorded")
    assert answer["prediction"]["label"] == answer["student"]["label"]


def test_a_ticket_without_its_text_is_refused_with_the_field(client: httpx.Client) -> None:
    reply = client.post("/predict", json={"solving": "Reset password", "category": "network"})
    assert reply.status_code == 422
    assert {error["field"] for error in reply.json()["errors"]} == {"tech_raw_text", "category"}
