"""The API with a login against its own description, and what the description says of who may."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient

from serve_app.api.app import create_app
from serve_app.api.openapi import document
from serve_app.core.platform import Auth, Limits, Locks
from tests.fakes.small_graph import SmallGraph
from tests.fakes.small_identity import PASSWORD, SmallIdentity

RULE = Auth(mode="jwt", locks=Locks(tries=10_000, tries_anywhere=10_000))
SMALL = SmallIdentity({"root": "admin", "ani": "user"}, RULE)
APP = create_app(SMALL.graph, Limits(max_batch=5), "0.1.0")
schema = schemathesis.openapi.from_asgi("/openapi.json", APP).include(path_regex="^/api/v1/auth/")

BEYOND_A_SCHEMA = ("/login", "/refresh", "/users", "/users/{name}", "/keys", "/keys/{key_id}", "/logout")
"""Whose requests obey more than JSON Schema can say: who is there, what was used before."""


@schema.parametrize()
@settings(max_examples=6, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_logins_are_as_described(case: schemathesis.Case) -> None:
    checks = [positive_data_acceptance] if case.path.endswith(BEYOND_A_SCHEMA) else []
    case.call_and_validate(headers=SMALL.bearer("root"), excluded_checks=checks)


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    told: dict[str, Any] = TestClient(APP).get("/openapi.json").json()
    return told


def test_every_call_but_what_is_public_names_its_refusals(described: dict[str, Any]) -> None:
    client, public = TestClient(APP), set()
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            told, filled = operation["responses"].keys(), path.replace("{", "").replace("}", "")
            if operation["security"] == []:
                public.add(path)
                assert client.request(method, filled).status_code != 403
            else:
                assert told >= {"401", "403"}, path
                assert client.request(method, filled).status_code == 401, path
    assert {path for path in public if "health" not in path} == {
        "/livez", "/readyz", "/api/v1/auth/login", "/api/v1/auth/refresh",
    }  # fmt: skip


def test_a_browser_finds_where_to_log_in(described: dict[str, Any]) -> None:
    """What the button Authorize of /docs does."""
    client = TestClient(create_app(SmallIdentity({"ani": "user"}).graph, Limits(), "0.1.0"))
    flow = described["components"]["securitySchemes"]["login"]["flows"]["password"]
    form = {"grant_type": "password", "username": "ani", "password": PASSWORD}
    told = client.post(flow["tokenUrl"], data=form, headers={"authorization": "Basic Og=="}).json()
    bearer = {"authorization": f"{told['token_type']} {told['access_token']}"}
    assert client.get("/api/v1/auth/me", headers=bearer).json()["name"] == "ani"
    assert client.get("/docs").status_code == client.get("/static-offline-docs/swagger-ui.css").status_code == 200


def test_examples_fit(described: dict[str, Any]) -> None:
    for path, methods in described["paths"].items():
        for operation in methods.values() if path.startswith("/api/v1/auth") else ():
            contents = [*operation.get("requestBody", {}).get("content", {}).values()]
            answers = [answer.get("content", {}) for answer in operation["responses"].values()]
            contents += [content for answer in answers for content in answer.values()]
            for content in contents:
                whole = {**content["schema"], "components": described["components"]}
                jsonschema.Draft202012Validator(whole).validate(content["example"])


def test_all_else_is_described_as_without_a_login(described: dict[str, Any]) -> None:
    plain = document(SmallGraph().use_cases(), "0.1.0", 5)
    for path, methods in plain["paths"].items():
        for method, operation in methods.items():
            guarded = described["paths"][path][method]
            assert guarded["operationId"] == operation["operationId"]
            assert guarded.keys() - {"security"} == operation.keys()
            assert guarded["responses"].keys() - {"401", "403"} == operation["responses"].keys()
