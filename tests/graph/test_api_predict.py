"""What the API answers when all is well, over the small graph."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from serve_app.api.app import create_app
from serve_app.core.platform import Limits
from serve_app.core.use_case import UseCase
from tests.fakes.small_graph import TICKETS, SmallGraph

TICKET = {"tech_raw_text": "vpn down", "solving": "restart"}


@pytest.fixture
def graph() -> SmallGraph:
    return SmallGraph()


@pytest.fixture
def client(graph: SmallGraph) -> TestClient:
    return TestClient(create_app(graph, Limits(max_batch=100), "0.1.0"))


def test_one_instance_is_answered_and_logged(client: TestClient, graph: SmallGraph) -> None:
    answer = client.post("/api/v1/predict/tickets", json=TICKET).json()
    assert list(answer) == [
        "id", "use_case", "prediction", "source", "student", "teacher", "decision",
        "certificate", "audited", "model_version", "policy_version",
        "degraded", "reason",
    ]  # fmt: skip
    assert answer["decision"]["action"] == "ROUTE"
    assert graph.log[answer["id"]]["answer"] == answer


def test_a_batch_is_answered_in_order(client: TestClient) -> None:
    instances = [{"tech_raw_text": "x" * length} for length in (1, 9, 3, 30)]
    batch = client.post("/api/v1/predict/tickets/batch", json={"instances": instances}).json()["predictions"]
    alone = [client.post("/api/v1/predict/tickets", json=instance).json() for instance in instances]
    assert len({each["prediction"]["label"] for each in batch}) > 1
    assert [each["prediction"] for each in batch] == [each["prediction"] for each in alone]


@pytest.mark.parametrize("path", ["/api/v1/predict", "/api/v1/predict/"])
def test_the_use_case_may_stand_in_the_body(client: TestClient, path: str) -> None:
    assert client.post(path, json={"use_case": "tickets", "instance": TICKET}).json()["use_case"] == "tickets"
    batch = client.post("/api/v1/predict/batch", json={"use_case": "tickets", "instances": [TICKET] * 3})
    assert len(batch.json()["predictions"]) == 3


def test_an_explanation_comes_with_its_answer(client: TestClient, graph: SmallGraph) -> None:
    explained = client.post("/api/v1/explain/risk", json={"on_time_rate": 0.4}).json()
    assert explained["explanation"]["contributions"]
    assert explained["narrative"]["source"] == "template"
    assert explained["id"] in graph.log


def test_a_label_is_kept_with_its_prediction(client: TestClient) -> None:
    made = client.post("/api/v1/predict/tickets", json=TICKET).json()["id"]
    said = client.post(f"/api/v1/feedback/{made}", json={"label": "network", "note": "seen on site"})
    assert said.status_code == 200
    logged = client.get(f"/api/v1/predictions/{made}").json()
    assert [(label["label"], label["note"]) for label in logged["labels"]] == [("network", "seen on site")]


def test_use_cases_show_a_schema_and_an_example_that_works(client: TestClient) -> None:
    names = [each["name"] for each in client.get("/api/v1/use_cases").json()["use_cases"]]
    assert names == ["tickets", "prices", "risk"]
    for name in names:
        shown = client.get(f"/api/v1/use_cases/{name}").json()
        assert shown["schema"]["additionalProperties"] is False
        assert client.post(shown["predict"], json=shown["example"]).status_code == 200


def test_models_are_listed(client: TestClient, graph: SmallGraph) -> None:
    graph.cold = {"risk"}
    models = client.get("/api/v1/predict/models").json()["models"]
    assert [(each["use_case"], each["version"]) for each in models] == [
        ("tickets", "1"),
        ("prices", "1"),
        ("risk", None),
    ]


def test_a_request_id_is_kept_when_it_is_sane(client: TestClient) -> None:
    given = client.get("/livez", headers={"X-Request-ID": "abc 123"}).headers["X-Request-ID"]
    made = client.get("/livez", headers={"X-Request-ID": "x" * 129}).headers["X-Request-ID"]
    torn = client.get("/livez", headers={"X-Request-ID": b"caf\xe9"}).headers["X-Request-ID"]
    assert given == "abc 123"
    assert len(made) == len(torn) == 26


def test_behind_a_server_that_labels_answers_the_id_is_only_taken_over() -> None:
    client = TestClient(create_app(SmallGraph(), Limits(), "0.1.0", labels_answers=False))
    answer = client.get("/nowhere", headers={"X-Request-ID": "theirs"})
    assert "X-Request-ID" not in answer.headers
    assert answer.json()["instance"].endswith(":theirs")


DECLARED: list[tuple[str, Any, Any]] = [
    (
        "/fair_price",
        {"card_id": "charizard_ex_199", "date": "2025-12-01"},
        {
            "card_id": "charizard_ex_199",
            "date": "2025-12-01",
            "market_price": 150.0,
            "fair_price": 145.5,
            "deviation_pct": 4.5 / 145.5,
            "signal": "HOLD",
        },
    ),
    (
        "/signal",
        {"market_price": 90.0, "fair_price": 100.0, "buy_threshold_pct": 0.10, "sell_threshold_pct": 0.15},
        {"signal": "BUY", "deviation_pct": -0.1, "market_price": 90.0, "fair_price": 100.0},
    ),
    (
        "/signal",
        {"market_price": 100, "fair_price": 100},
        {"signal": "HOLD", "deviation_pct": 0.0, "market_price": 100.0, "fair_price": 100.0},
    ),
    ("/api/predict", TICKET, {"category": "other", "method": "student"}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "expected"), DECLARED)
def test_declared_routes_answer_in_their_own_shape(client: TestClient, path: str, body: Any, expected: Any) -> None:
    assert list(client.post(path, json=body).json().items()) == list(expected.items())


def test_declared_values_and_explanations(client: TestClient) -> None:
    assert client.get("/cards").json() == {"cards": ["charizard_ex_199", "pikachu_25"], "count": 2}
    assert list(client.post("/risk/predict", json={"on_time_rate": 0.4}).json()) == ["risk_score", "top", "narrative"]
    assert "explanation" in client.post("/risk/explain", json={"on_time_rate": 0.4}).json()
    assert client.post("/predict", json=TICKET).json()["use_case"] == "tickets"


def test_a_use_case_added_while_running_is_served_with_its_routes(client: TestClient, graph: SmallGraph) -> None:
    assert client.post("/ask", json=TICKET).status_code == 404
    graph.known["more"] = UseCase.model_validate(
        {**TICKETS, "name": "more", "routes": [{"kind": "predict", "path": "/ask"}]}
    )
    assert client.post("/ask", json=TICKET).json()["use_case"] == "more"
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/ask", "/api/v1/predict/more", "/v2/models/more/infer"} <= paths.keys()
    del graph.known["more"]
    assert "/ask" not in client.get("/openapi.json").json()["paths"]


def test_no_use_case_at_all_is_no_error() -> None:
    empty = TestClient(create_app(SmallGraph({}), Limits(), "0.1.0"))
    assert empty.get("/api/v1/use_cases").json() == {"use_cases": []}
    assert empty.get("/openapi.json").status_code == 200
    assert empty.get("/readyz").status_code == 503
