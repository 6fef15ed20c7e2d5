from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from serve_app.api.app import create_app
from serve_app.core.errors import StoreUnavailable
from serve_app.core.platform import Limits
from tests.fakes.small_graph import SmallGraph


@pytest.fixture
def graph() -> SmallGraph:
    return SmallGraph()


@pytest.fixture
def client(graph: SmallGraph) -> TestClient:
    return TestClient(create_app(graph, Limits(), "0.1.0"))


def test_alive_says_nothing_of_the_parts(client: TestClient, graph: SmallGraph) -> None:
    graph.state["store"] = "failed"
    assert client.get("/livez").json() == {"status": "alive"}


def test_healthy(client: TestClient) -> None:
    health = client.get("/health").json()
    assert (health["status"], health["model_loaded"], health["cards_count"]) == ("healthy", True, 2)
    assert health["parts"]["store"] == {"state": "ready", "detail": "in memory", "real": False}
    assert client.get("/api/v1/predict/health").json() == health


@pytest.mark.parametrize(
    ("state", "ready", "status"),
    [
        ({"use_case:risk": "failed"}, True, "degraded"),
        ({"use_case:risk": "failed", "use_case:tickets": "starting", "use_case:prices": "cold"}, True, "degraded"),
        ({"use_case:risk": "failed", "use_case:tickets": "starting", "use_case:prices": "failed"}, False, "unhealthy"),
        ({"store": "failed"}, False, "unhealthy"),
        ({"store": "degraded"}, True, "degraded"),
    ],
)
def test_ready_as_long_as_anything_can_be_answered(
    client: TestClient, graph: SmallGraph, state: dict[str, str], ready: bool, status: str
) -> None:
    graph.state = state
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (200 if ready else 503, ready)
    assert {part["name"]: part["state"] for part in answer.json()["parts"]}.items() >= state.items()
    assert ("Retry-After" in answer.headers) is not ready
    assert client.get("/v2/health/ready").status_code == answer.status_code
    assert client.get("/health").json()["status"] == status


def test_one_use_case_may_be_away(client: TestClient, graph: SmallGraph) -> None:
    graph.state["use_case:risk"] = "failed"
    assert client.get("/v2/models/risk/ready").status_code == 503
    assert client.get("/v2/models/tickets/ready").json() == {"name": "tickets", "ready": True}


def test_health_still_answers_when_the_values_do_not(client: TestClient, graph: SmallGraph) -> None:
    graph.failure = StoreUnavailable("away")
    assert client.get("/health").json()["cards_count"] is None
