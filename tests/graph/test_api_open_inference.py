from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from serve_app.api.app import create_app
from serve_app.core.platform import Limits
from tests.fakes.small_graph import SmallGraph

INFER = "/v2/models/risk/infer"


@pytest.fixture
def graph() -> SmallGraph:
    return SmallGraph()


@pytest.fixture
def client(graph: SmallGraph) -> TestClient:
    return TestClient(create_app(graph, Limits(max_batch=10), "0.1.0"))


def tensor(name: str, data: list[Any], datatype: str = "FP64", shape: list[int] | None = None) -> dict[str, Any]:
    return {"name": name, "shape": shape or [len(data)], "datatype": datatype, "data": data}


def test_the_same_rows_get_the_same_answers_as_by_the_native_api(client: TestClient, graph: SmallGraph) -> None:
    rates, orders = [0.1, 0.9, 0.5], [5, None, 123456]
    inputs = [tensor("on_time_rate", [[r] for r in rates], "FP32", [3, 1]), tensor("orders", orders, "INT64")]
    answer = client.post(INFER, json={"id": "q1", "inputs": inputs}).json()
    instances = [{"on_time_rate": r, "orders": o} for r, o in zip(rates, orders, strict=True)]
    native = client.post("/api/v1/predict/risk/batch", json={"instances": instances}).json()["predictions"]
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("risk", "1", "q1")
    outputs = {output["name"]: output for output in answer["outputs"]}
    for name in ("label", "confidence", "score"):
        assert outputs[name]["data"] == [each["prediction"][name] for each in native]
        assert outputs[name]["shape"] == [3]
    assert set(outputs["ids"]["data"]) <= graph.log.keys()


def test_a_regression_answers_with_its_interval(client: TestClient) -> None:
    inputs = [tensor("card_id", ["pikachu_25"], "BYTES"), tensor("date", ["2025-12-01"], "BYTES")]
    answer = client.post(
        "/v2/models/prices/infer", json={"inputs": inputs, "outputs": [{"name": "high"}, {"name": "value"}]}
    )
    assert [output["name"] for output in answer.json()["outputs"]] == ["high", "value"]
    assert answer.json()["outputs"][1]["data"] == [12.12]


def test_a_cold_use_case_answers_null(client: TestClient, graph: SmallGraph) -> None:
    graph.cold = {"risk"}
    answer = client.post(INFER, json={"inputs": [tensor("on_time_rate", [0.5])]}).json()
    assert "model_version" not in answer
    assert {output["name"]: output["data"][0] for output in answer["outputs"]}["label"] is None


def test_metadata_names_the_tensors(client: TestClient) -> None:
    shown = client.get("/v2/models/risk").json()
    assert [(one["name"], one["datatype"]) for one in shown["inputs"]][:3] == [
        ("on_time_rate", "FP64"), ("orders", "FP64"), ("region", "BYTES"),
    ]  # fmt: skip
    assert [one["name"] for one in shown["outputs"]] == ["label", "confidence", "score", "ids"]
    assert shown["versions"] == ["1"]
    assert client.get("/v2").json()["name"] == "understudy"
    assert client.get("/v2/health/live").json() == {"live": True}


RATE = tensor("on_time_rate", [0.5])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"inputs": []},
        {"inputs": [3]},
        {"inputs": [{**RATE, "shape": [2]}]},
        {"inputs": [{**RATE, "shape": [1, 2]}]},
        {"inputs": [{**RATE, "shape": "1"}]},
        {"inputs": [{**RATE, "datatype": "BYTES"}]},
        {"inputs": [{**RATE, "datatype": "INT64"}]},
        {"inputs": [{**RATE, "datatype": "FP8"}]},
        {"inputs": [{**RATE, "datatype": []}]},
        {"inputs": [{**RATE, "name": 3}]},
        {"inputs": [{**RATE, "name": "rate"}]},
        {"inputs": [{**RATE, "data": []}]},
        {"inputs": [{**RATE, "data": [[0.5, 0.6]]}]},
        {"inputs": [{**RATE, "data": [0.5] * 11, "shape": [11]}]},
        {"inputs": [RATE, RATE]},
        {"inputs": [RATE, tensor("orders", [1, 2])]},
        {"inputs": [RATE], "outputs": [{"name": "nothing"}]},
        {"inputs": [RATE], "outputs": 3},
        {"inputs": [RATE], "outputs": [{"name": "ids", "more": 1}]},
        {"inputs": [RATE], "id": 3},
        {"inputs": [RATE], "parameters": 3},
        {"inputs": [tensor("on_time_rate", [7.5])]},
    ],
)
def test_bad_tensors_are_refused(client: TestClient, graph: SmallGraph, body: Any) -> None:
    answer = client.post(INFER, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert answer.json()["errors"]
    assert answer.json()["error"] == answer.json()["detail"]
    assert not graph.log
