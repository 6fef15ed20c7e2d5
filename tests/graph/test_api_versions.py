"""Versions over HTTP: listed with what they are made of, promoted and rolled back by people, and audited."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.testclient import TestClient

from serve_app.api.app import create_app
from serve_app.core.audit import Audited
from serve_app.core.errors import BadBundle, NotFound, RegistryUnavailable, Unavailable
from serve_app.core.events import Label
from serve_app.core.jobs import Report, Shadow
from serve_app.core.platform import Limits
from tests.fakes.events import logged
from tests.fakes.small_desks import DIGEST, WHEN, refused
from tests.fakes.small_graph import SmallGraph

RISK = "/api/v1/train/risk"
BY_HAND = {"version": "3", "reason": "checked by hand"}


@pytest.fixture
def graph() -> SmallGraph:
    return SmallGraph()


@pytest.fixture
def client(graph: SmallGraph) -> TestClient:
    return TestClient(create_app(graph, Limits(), "0.1.0"))


def audited(graph: SmallGraph) -> list[Audited]:
    return graph.learning.stores.audit.page()


def champion(client: TestClient) -> str:
    models = client.get(f"{RISK}/models").json()["models"]
    return str(next(each["version"] for each in models if "champion" in each["aliases"]))


def test_versions_are_listed_with_what_they_are_made_of(client: TestClient) -> None:
    found = client.get(f"{RISK}/models").json()
    newest, _, first = found["models"]
    assert [each["version"] for each in found["models"]] == ["3", "2", "1"]
    assert newest["aliases"] == ["challenger"]
    assert newest["metrics"]["macro_f1"] == pytest.approx(0.83)
    assert (newest["family"], newest["origin"], newest["digest"]) == ("lightgbm", "retrain", DIGEST)
    assert newest["label_mix"] == {"file": 900, "person": 40, "teacher": 60, "panel": 0}
    assert newest["candidates"] == [{"family": "lightgbm", "held_out_loss": 0.41}]
    assert (newest["lineage"]["parent"], newest["lineage"]["until"]) == ("2", WHEN.isoformat())
    assert newest["gate"]["outcome"] == "promote"
    assert newest["gate"]["reasons"] == [{"code": "better", "text": "macro-F1 is not worse"}]
    assert newest["gate"]["figures"] == {"macro_f1": {"difference": 0.01}}
    assert newest["gate"]["gold"]["rows"] == 400
    assert (first["origin"], first["gate"], first["lineage"]["job"]) == ("first champion", None, None)


def test_all_versions_of_all_use_cases(client: TestClient, graph: SmallGraph) -> None:
    found = client.get("/api/v1/train/models").json()["models"]
    assert {(each["use_case"], each["version"]) for each in found} == {(u, v) for u in graph.known for v in "123"}


def test_metrics_are_the_champions_beside_the_last_ruling(client: TestClient, graph: SmallGraph) -> None:
    found = client.get("/api/v1/train/metrics/risk").json()
    assert found["champion"] == "2"
    assert found["metrics"] == {"macro_f1": pytest.approx(0.82), "ece": 0.03}
    assert (found["gate"]["version"], found["gate"]["outcome"]) == ("3", "promote")
    labels = {"people": 0, "teacher": 0}
    assert found["counts"] == {"versions": 3, "predictions": 0, "new_labels": labels, "last_retrain": None}
    graph.learning.registry.kept["risk"] = []
    cold = client.get("/api/v1/train/metrics/risk").json()
    assert (cold["champion"], cold["metrics"], cold["gate"]) == (None, {}, None)


def test_a_person_promotes_and_it_is_audited(client: TestClient, graph: SmallGraph) -> None:
    answer = client.post(f"{RISK}/promote", json=BY_HAND)
    assert answer.status_code == 200
    assert (answer.json()["use_case"], answer.json()["version"], answer.json()["previous"]) == ("risk", "3", "2")
    assert champion(client) == "3"
    (entry,) = audited(graph)
    assert (entry.action, entry.by, entry.use_case) == ("promote", "local", "risk")
    assert (entry.detail["reason"], entry.detail["version"], entry.detail["previous"]) == ("checked by hand", "3", "2")


def test_and_rolls_back(client: TestClient, graph: SmallGraph) -> None:
    answer = client.post(f"{RISK}/rollback", json={"reason": "it misroutes"})
    assert (answer.status_code, answer.json()["version"], champion(client)) == (200, "1", "1")
    assert [(each.action, each.detail["reason"]) for each in audited(graph)] == [("rollback", "it misroutes")]


@pytest.mark.parametrize(
    ("trouble", "status", "code"),
    [
        (refused(), 409, "promotion_refused"),
        (RegistryUnavailable("MLflow is away"), 503, "registry_unavailable"),
        (NotFound("no such version"), 404, "not_found"),
    ],
)
def test_a_refusal_changes_nothing_and_is_audited_as_one(
    client: TestClient, graph: SmallGraph, trouble: Any, status: int, code: str
) -> None:
    graph.learning.registry.trouble[""] = trouble
    answer = client.post(f"{RISK}/promote", json=BY_HAND)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"] == trouble.detail
    assert champion(client) == "2"
    (entry,) = audited(graph)
    assert entry.action == "promote_refused"
    assert entry.detail == {**BY_HAND, "code": code, "detail": trouble.detail}


def test_an_unknown_version_is_refused(client: TestClient, graph: SmallGraph) -> None:
    answer = client.post(f"{RISK}/promote", json={**BY_HAND, "version": "17"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert [each.action for each in audited(graph)] == ["promote_refused"]


BAD: list[tuple[str, str, Any, str]] = [
    ("POST", "promote", {"version": "3"}, "reason"),
    ("POST", "promote", {"version": "3", "reason": ""}, "reason"),
    ("POST", "promote", {"version": "3", "reason": "x" * 501}, "reason"),
    ("POST", "promote", {"version": 3, "reason": "x"}, "version"),
    ("POST", "promote", {"reason": "x"}, "version"),
    ("POST", "promote", {**BY_HAND, "force": True}, "force"),
    ("POST", "rollback", {}, "reason"),
    ("POST", "rollback", {"reason": None}, "reason"),
    ("POST", "fetch-best-model", {"version": "3"}, "version"),
    ("PATCH", "schedule", {}, "enabled"),
    ("PATCH", "schedule", {"enabled": 1}, "enabled"),
]


@pytest.mark.parametrize(("method", "path", "body", "field"), BAD)
def test_a_bad_request_moves_nothing(
    client: TestClient, graph: SmallGraph, method: str, path: str, body: Any, field: str
) -> None:
    answer = client.request(method, f"{RISK}/{path}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert champion(client) == "2"
    assert audited(graph) == []


@pytest.mark.parametrize("path", ["promote", "rollback"])
def test_who_moves_the_champion_says_so_as_json(client: TestClient, path: str) -> None:
    assert client.post(f"{RISK}/{path}").status_code == 415
    assert client.post(f"/api/v1/train/riks/{path}", content=b"{").json()["code"] == "unknown_use_case"


def test_the_best_model_is_fetched_through_the_gate(client: TestClient, graph: SmallGraph) -> None:
    answer = client.post(f"{RISK}/fetch-best-model")
    assert (answer.status_code, answer.json()["promoted"], champion(client)) == (200, True, "3")
    assert [each.action for each in audited(graph)] == ["fetch_best_model"]


def test_without_the_pipelines_nobody_can_compare(client: TestClient, graph: SmallGraph) -> None:
    graph.learning.pipelines.away = True
    answer = client.post(f"{RISK}/fetch-best-model", json={"reason": "quick"})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert [each.action for each in audited(graph)] == ["fetch_best_model_refused"]


def test_without_the_audit_log_it_is_not_said_to_be_done(client: TestClient, graph: SmallGraph) -> None:
    graph.learning.stores.audit.away = True  # type: ignore[attr-defined]
    answer = client.post(f"{RISK}/promote", json=BY_HAND)
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert "was done, but is not in the audit log" in answer.json()["detail"]


def test_an_act_goes_on_when_the_client_is_gone(graph: SmallGraph) -> None:
    """It was begun, so it is ended and written down, whoever still waits for it."""
    slow = graph.learning.registry.promote

    async def promote(*args: Any) -> dict[str, Any]:
        await asyncio.sleep(0.3)
        return slow(*args)

    graph.learning.registry.promote = promote  # type: ignore[method-assign,assignment]
    app = create_app(graph, Limits(request_timeout_s=0.1), "0.1.0")
    with TestClient(app) as client:
        answer = client.post(f"{RISK}/promote", json=BY_HAND)
        assert (answer.status_code, answer.json()["code"]) == (503, "timeout")
        for _ in range(100):  # the application's loop runs only while the client is open
            client.portal.call(asyncio.sleep, 0.1)  # type: ignore[union-attr]
            if audited(graph):
                break
    assert [each.action for each in audited(graph)] == ["promote"]


def test_reload_reads_every_alias_again(client: TestClient, graph: SmallGraph) -> None:
    answer = client.post("/reload")
    assert answer.status_code == 200
    each = {"version": "2", "replicas": 1}
    assert answer.json() == {"status": "reloaded", "use_cases": dict.fromkeys(graph.known, each), "cards_count": 2}


def test_or_that_of_one(client: TestClient) -> None:
    answer = client.post("/reload", json={"use_case": "risk"})
    assert answer.json()["use_cases"] == {"risk": {"version": "2", "replicas": 1}}
    assert client.post("/reload", json={"use_case": "riks"}).status_code == 404
    assert client.post("/reload", json={"name": "risk"}).status_code == 422
    assert client.post("/reload", headers={"origin": "https://elsewhere.example"}).status_code == 415


@pytest.mark.parametrize("trouble", [BadBundle("digest differs"), RegistryUnavailable("away"), Unavailable("away")])
def test_where_a_reload_fails_the_present_model_stays(client: TestClient, graph: SmallGraph, trouble: Any) -> None:
    graph.learning.registry.trouble["risk"] = trouble
    answer = client.post("/reload")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert f"risk: {trouble.detail}; the present model stays" in answer.json()["detail"]
    assert "tickets" not in answer.json()["detail"]
    assert int(answer.headers["Retry-After"]) > 0
    graph.learning.registry.trouble.clear()
    assert client.post("/reload").status_code == 200


def test_a_use_case_without_a_champion_has_nothing_to_reload(client: TestClient, graph: SmallGraph) -> None:
    graph.learning.registry.trouble["risk"] = NotFound("risk has no champion yet")
    assert client.post("/reload").json()["use_cases"]["risk"] == {"version": None, "replicas": 0}


def test_the_challenger_is_compared_with_the_champion(client: TestClient, graph: SmallGraph) -> None:
    log, at = graph.learning.stores.log, WHEN
    rows = [("no", "no", None), ("no", "yes", "yes"), ("yes", "yes", "no")]
    for place, (champion_says, challenger_says, person) in enumerate(rows):
        log.append([logged(id=f"p{place}", use_case="risk", student={"label": champion_says}, teacher=None)])
        log.add_shadows([Shadow(f"p{place}", "risk", "3", at, {"label": challenger_says, "confidence": 0.8})])
        if person is not None:
            log.add_label(Label(f"l{place}", f"p{place}", at, "kim", label=person))
    found = client.get(f"{RISK}/shadow").json()
    assert (found["champion_version"], found["challenger_version"]) == ("2", "3")
    assert (found["rows"], found["measure"]) == (3, "agreement")
    assert found["between"] == {"rows": 3, "share": pytest.approx(2 / 3)}
    assert found["champion"]["people"] == {"rows": 2, "share": 0.0}
    assert found["challenger"]["people"] == {"rows": 2, "share": 0.5}
    assert found["challenger"]["teacher"] == {"rows": 0, "share": None}


def test_without_a_challenger_there_is_nothing_to_compare(client: TestClient, graph: SmallGraph) -> None:
    graph.learning.registry.kept["risk"] = []
    found = client.get(f"{RISK}/shadow").json()
    assert (found["challenger_version"], found["rows"], found["between"]) == (None, 0, {"rows": 0, "share": None})


def test_drift_shows_its_newest_figures(client: TestClient, graph: SmallGraph) -> None:
    assert client.get("/api/v1/train/drift/risk").json() == {"use_case": "risk", "at": None, "drift": None}
    figures = {"features": {"orders": 0.31}, "score": 0.02, "drifted": True}
    graph.learning.stores.reports.put(Report("drift:risk:2", "risk", "drift", WHEN, figures))
    found = client.get("/api/v1/train/drift/risk").json()
    assert found == {"use_case": "risk", "at": WHEN.isoformat(), "drift": figures}
    assert client.get("/api/v1/train/drift/riks").status_code == 404
