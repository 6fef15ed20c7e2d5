"""Seed 003 over HTTP: the predict service of the platform, and what stands around a prediction."""

from __future__ import annotations

import csv
import itertools
from typing import Any

import httpx
import pytest

from tests.fakes.running import Running

pytestmark = pytest.mark.cluster

TICKET = {"tech_raw_text": "vpn keeps dropping since the update", "solving": ""}
BUILT_IN = ("card_price", "it_tickets", "supplier_risk")


@pytest.fixture
def client(understudy: Running) -> httpx.Client:
    return understudy.client()


def test_one_prediction_by_the_name_in_the_body(client: httpx.Client) -> None:
    reply = client.post("/api/v1/predict/", json={"use_case": "it_tickets", "instance": TICKET})
    assert reply.status_code == 200
    assert list(reply.json()) == [
        "id", "use_case", "prediction", "source", "student", "teacher", "decision",
        "certificate", "audited", "model_version", "policy_version",
        "degraded", "reason",
    ]  # fmt: skip
    assert reply.json()["prediction"] == client.post("/api/v1/predict/it_tickets", json=TICKET).json()["prediction"]


def test_a_thousand_rows_come_back_in_order(client: httpx.Client, understudy: Running) -> None:
    with (understudy.configs / "use_cases/it_tickets/tickets.csv").open(newline="", encoding="utf-8") as file:
        rows = list(itertools.islice(csv.DictReader(file), 1000))
    instances = [{"tech_raw_text": row["tech_raw_text"], "solving": row["solving"]} for row in rows]
    reply = client.post("/api/v1/predict/batch", json={"use_case": "it_tickets", "instances": instances})
    answers = reply.json()["predictions"]
    assert len(answers) == len({answer["id"] for answer in answers}) == 1000
    for row in (0, 1, 499, 998, 999):
        alone = client.post("/predict", json=instances[row]).json()
        assert alone["student"] == answers[row]["student"]
    right = sum(answer["prediction"]["label"] == row["category"] for answer, row in zip(answers, rows, strict=True))
    assert right >= 800  # shuffled answers would be right one time in eight


def test_models_are_listed_with_version_and_metrics(client: httpx.Client) -> None:
    models = {each["use_case"]: each for each in client.get("/api/v1/predict/models").json()["models"]}
    assert set(BUILT_IN) <= models.keys()
    for name in BUILT_IN:
        assert models[name]["state"] == "ready"
        assert models[name]["version"].isdigit()  # other tests may have swapped it
        assert models[name]["digest"].startswith("sha256:")
    assert 0 <= models["it_tickets"]["metrics"]["ece"] <= 0.1


def test_health_of_the_service(client: httpx.Client) -> None:
    health = client.get("/api/v1/predict/health").json()
    assert (health["status"], health["service"]) == ("healthy", "understudy")


def test_readiness_names_each_part_and_what_is_a_fallback(understudy: Running) -> None:
    parts = understudy.parts()
    named = ["store", "registry", "auth", *(f"{kind}:{name}" for kind in ("use_case", "teacher") for name in BUILT_IN)]
    assert set(named) <= parts.keys()
    assert {parts[name]["state"] for name in named} == {"ready"}
    fallback = {name for name in named if not parts[name]["real"]}
    assert fallback == {"auth", "teacher:it_tickets", "teacher:card_price", "teacher:supplier_risk"}
    assert "UNDERSTUDY_TEACHER__GEMINI__API_KEY" in parts["teacher:it_tickets"]["detail"]
    assert "simulated" in parts["teacher:it_tickets"]["detail"]


REFUSED: list[tuple[str, Any, int, str]] = [
    ("/api/v1/predict/it_tickets", {"solving": 3, "colour": "red"}, 422, "invalid_input"),
    ("/api/v1/predict/it_ticket", TICKET, 404, "unknown_use_case"),
    ("/api/v1/predict/it_tickets/batch", {"instances": [TICKET, {"tech_raw_text": 5}]}, 422, "invalid_input"),
    ("/no/such/route", {}, 404, "not_found"),
    ("/api/v1/feedback/01ARZ3NDEKTSV4RRFFQ69G5FAV", {"label": "network"}, 404, "unknown_prediction"),
]


@pytest.mark.parametrize(("path", "body", "status", "code"), REFUSED)
def test_errors_are_problems(client: httpx.Client, path: str, body: Any, status: int, code: str) -> None:
    reply = client.post(path, json=body)
    assert (reply.status_code, reply.headers["content-type"]) == (status, "application/problem+json")
    assert (reply.json()["status"], reply.json()["code"]) == (status, code)


def test_an_error_names_every_field_and_the_row(client: httpx.Client) -> None:
    one = client.post("/api/v1/predict/it_tickets", json={"solving": 3, "colour": "red"}).json()
    assert {error["field"] for error in one["errors"]} == {"tech_raw_text", "solving", "colour"}
    batch = client.post("/api/v1/predict/it_tickets/batch", json={"instances": [TICKET, {"tech_raw_text": 5}]}).json()
    assert [(error["row"], error["field"]) for error in batch["errors"]] == [(1, "tech_raw_text")]


def test_a_wrong_type_and_a_body_too_large(client: httpx.Client) -> None:
    text = client.post("/predict", content=b"tech_raw_text=x", headers={"content-type": "text/plain"})
    assert (text.status_code, text.json()["code"]) == (415, "unsupported_media")
    large = client.post("/predict", json={"tech_raw_text": "x" * 11_000_000})
    assert large.status_code == 413


def test_a_persons_label_stands_with_its_prediction(client: httpx.Client) -> None:
    answer = client.post("/predict", json=TICKET).json()
    said = client.post(f"/api/v1/feedback/{answer['id']}", json={"label": "network", "note": "seen on site"})
    assert said.status_code == 200, said.text
    logged = client.get(f"/api/v1/predictions/{answer['id']}").json()
    assert logged["answer"] == answer
    assert [(label["label"], label["note"]) for label in logged["labels"]] == [("network", "seen on site")]
    assert client.post(f"/api/v1/feedback/{answer['id']}", json={"label": "no such class"}).status_code == 422


def test_open_inference_answers_like_the_native_api(client: httpx.Client) -> None:
    texts = [TICKET["tech_raw_text"], "printer jams on every page"]
    tensor = {"name": "tech_raw_text", "shape": [2], "datatype": "BYTES", "data": texts}
    outputs = client.post("/v2/models/it_tickets/infer", json={"inputs": [tensor]}).json()["outputs"]
    labels = next(output["data"] for output in outputs if output["name"] == "label")
    alone = [client.post("/predict", json={"tech_raw_text": text}).json() for text in texts]
    assert labels == [answer["prediction"]["label"] for answer in alone]
    assert client.get("/v2/models/it_tickets").json()["inputs"][0]["name"] == "tech_raw_text"
    assert client.get("/v2/health/live").status_code == client.get("/v2/health/ready").status_code == 200


def test_the_document_lists_the_declared_routes(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"].keys()
    declared = {"/predict", "/api/predict", "/fair_price", "/cards", "/signal", "/supplier_risk/predict"}
    assert declared | {"/api/v1/predict/it_tickets", "/supplier_risk/explain"} <= paths
    assert client.get("/docs").status_code == 200
