"""The API against its own description: schemathesis makes requests that fit the document and requests
that do not, and holds every answer against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient

from serve_app.api.app import create_app
from serve_app.core.platform import Limits
from tests.fakes.small_graph import SmallGraph

APP = create_app(SmallGraph(), Limits(max_batch=5), "0.1.0")
schema = schemathesis.openapi.from_asgi("/openapi.json", APP)

BEYOND_A_SCHEMA = ("/infer", "prices", "/fair_price", "/api/v1/predict/", "/api/v1/predict/batch")
"""Ends of paths whose bodies obey more than JSON Schema can say: a date's bounds, a tensor's shape."""


@schema.parametrize()
@settings(max_examples=6, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_api_is_as_described(case: schemathesis.Case) -> None:
    beyond = "prices" in case.path or case.path.endswith(BEYOND_A_SCHEMA)
    case.call_and_validate(excluded_checks=[positive_data_acceptance] if beyond else [])


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    described: dict[str, Any] = TestClient(APP).get("/openapi.json").json()
    return described


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def fits(document: Mapping[str, Any], schema: Any, example: Any) -> None:
    """Components are found from the document's root."""
    jsonschema.Draft202012Validator({**schema, "components": document["components"]}).validate(example)


def test_every_request_example_fits_its_schema_and_works(document: dict[str, Any]) -> None:
    client, asked = TestClient(APP), 0
    for method, path, operation in operations(document):
        if method == "post" and "{" not in path:
            content = operation["requestBody"]["content"]["application/json"]
            fits(document, content["schema"], content["example"])
            answer = client.post(path, json=content["example"])
            assert answer.status_code == 200, (path, answer.text)
            asked += 1
    assert asked > 15


def test_every_answer_example_fits_its_schema(document: dict[str, Any]) -> None:
    for _, _, operation in operations(document):
        content = operation["responses"]["200"]["content"]["application/json"]
        fits(document, content["schema"], content["example"])


def test_every_error_has_examples_that_fit(document: dict[str, Any]) -> None:
    for name, response in document["components"]["responses"].items():
        content = response["content"]["application/problem+json"]
        for code, example in content["examples"].items():
            fits(document, content["schema"], example["value"])
            assert example["value"]["code"] == code
            assert name == f"Error{example['value']['status']}"


def test_operations_have_names_of_their_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names)


def test_the_document_is_made_anew_only_when_the_use_cases_changed() -> None:
    graph = SmallGraph()
    app = create_app(graph, Limits(), "0.1.0")
    first = app.openapi()
    assert app.openapi() is first
    del graph.known["risk"]
    assert "/risk/predict" in first["paths"]
    assert "/risk/predict" not in app.openapi()["paths"]
