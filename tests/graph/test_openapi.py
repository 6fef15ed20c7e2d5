"""The API against its own description: schemathesis makes requests that fit the document and requests
that do not, and holds every answer against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import orjson
import pyarrow as pa
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient

from serve_app.api.app import create_app
from serve_app.api.arrow import write_table
from serve_app.api.batch import MEDIA
from serve_app.core.platform import Limits
from tests.fakes.malformed import told
from tests.fakes.small_graph import SmallGraph

APP = create_app(SmallGraph(), Limits(max_batch=5), "0.1.0")
schema = schemathesis.openapi.from_asgi("/openapi.json", APP)


@schemathesis.serializer(MEDIA["ndjson"])
def lines(_: Any, value: Any) -> bytes:
    """What is no array is sent as one line."""
    return b"\n".join(map(orjson.dumps, value)) if isinstance(value, list) else orjson.dumps(value)


@schemathesis.serializer(MEDIA["arrow"])
def stream(_: Any, value: Any) -> bytes:
    """What no table can hold, such as a column of numbers and texts, is sent as what no table is."""
    try:
        names = list(dict.fromkeys(name for row in value for name in row))
        return write_table(pa.table({name: [_number(row.get(name)) for row in value] for name in names}))
    except (AttributeError, TypeError, ValueError, pa.ArrowException):
        return orjson.dumps(value)


def _number(cell: Any) -> Any:
    return float(cell) if type(cell) is int else cell


@schemathesis.deserializer(MEDIA["ndjson"])
def items(_: Any, response: Any) -> Any:
    return [orjson.loads(line) for line in response.content.splitlines()]


@schemathesis.deserializer(MEDIA["arrow"])
def rows(_: Any, response: Any) -> Any:
    return pa.ipc.open_stream(response.content).read_all().to_pylist()


BEYOND_A_SCHEMA = (
    "/infer", "prices", "/fair_price", "/api/v1/predict/", "/api/v1/predict/batch",
    "/alerts", "/audit", "/jobs", "/train/", "/train/{use_case}", "/preprocess", "/build-features", "/score",
    "/override",
    "/savings", "/what-if",
)  # fmt: skip
"""Ends of paths whose requests obey more than JSON Schema can say: a date's bounds, a tensor's shape, a cursor
that a page came with, an Idempotency-Key that was not used for something else, a path that may be read, a moment
within thirty days."""


def excluded(case: schemathesis.Case) -> list[Any]:
    beyond = "prices" in case.path or case.path.endswith(BEYOND_A_SCHEMA)
    return [positive_data_acceptance] if beyond else []


def tells_nothing(_: Any, response: Any, case: schemathesis.Case) -> None:
    """No trace and no path of ours, whatever was asked."""
    sent = f"{case.path_parameters}{case.query}{case.headers}{case.body}".encode(errors="replace")
    if response.status_code >= 400 and (words := told(response.content, sent)):
        raise AssertionError(f"the answer gives away {words!r}")


@schema.parametrize()
@settings(max_examples=6, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_api_is_as_described(case: schemathesis.Case) -> None:
    case.call_and_validate(excluded_checks=excluded(case), additional_checks=[tells_nothing])


def test_nothing_is_left_out_of_what_is_asked() -> None:
    phases = schema.config.phases
    assert all(each.enabled for each in (phases.examples, phases.coverage, phases.fuzzing))


class Conversation(schema.exclude(path_regex="/events$").as_state_machine()):  # type: ignore[misc]
    """What one answer names is asked for by the next request: a job that was begun, a prediction that was made.
    Without the events of jobs, which flow for as long as the job runs."""

    def validate_response(self, response: Any, case: schemathesis.Case, **_: Any) -> None:
        case.validate_response(response, excluded_checks=excluded(case), additional_checks=[tells_nothing])


TestConversation = Conversation.TestCase
TestConversation.settings = settings(
    max_examples=60, stateful_step_count=8, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)


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
    client, asked = TestClient(create_app(SmallGraph(), Limits(max_batch=5), "0.1.0")), 0
    for method, path, operation in operations(document):
        made_before = any(name in path for name in ("{job_id}", "{prediction_id}", "{key}"))
        if "requestBody" in operation and not made_before:
            content = operation["requestBody"]["content"]["application/json"]
            fits(document, content["schema"], content["example"])
            answer = client.request(method, path.replace("{use_case}", "risk"), json=content["example"])
            assert str(answer.status_code) in operation["responses"], (path, answer.text)
            assert answer.status_code in (200, 202), (path, answer.text)
            asked += 1
    assert asked > 25


def test_every_parameter_example_fits_its_schema(document: dict[str, Any]) -> None:
    for _, _, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            fits(document, parameter["schema"], parameter["example"])


def test_every_answer_example_fits_its_schema(document: dict[str, Any]) -> None:
    for _, _, operation in operations(document):
        for status, response in operation["responses"].items():
            if status in ("200", "202"):
                assert response["content"].keys() <= {*MEDIA.values(), "text/event-stream"}
                for content in response["content"].values():
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
