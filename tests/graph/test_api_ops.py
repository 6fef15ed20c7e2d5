"""Schedules, batch runs with their alerts, and the audit log over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from serve_app.api.app import create_app
from serve_app.core.jobs import Job
from serve_app.core.platform import Limits
from tests.fakes.small_graph import SmallGraph

SCHEDULE = "/api/v1/train/risk/schedule"


@pytest.fixture
def graph() -> SmallGraph:
    return SmallGraph()


@pytest.fixture
def client(graph: SmallGraph) -> TestClient:
    return TestClient(create_app(graph, Limits(), "0.1.0"))


def pages(client: TestClient, path: str, of: str, **params: Any) -> list[list[dict[str, Any]]]:
    """All pages up to the last."""
    found: list[list[dict[str, Any]]] = []
    cursor: dict[str, str] = {}
    while len(found) < 50:
        page = client.get(path, params={**params, **cursor}).json()
        found.append(page[of])
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}
    raise AssertionError("it pages for ever")


def test_schedules_are_shown(client: TestClient) -> None:
    train, score = client.get("/api/v1/train/schedules").json()["schedules"]
    assert (train["use_case"], train["kind"], train["cron"], train["timezone"]) == (
        "risk", "train", "0 3 * * 1", "Asia/Jakarta",
    )  # fmt: skip
    assert (score["kind"], score["cron"], train["enabled"], train["last"]) == ("score", "0 4 * * 1", True, None)
    due = datetime.fromisoformat(train["next"])
    assert due > datetime.now(UTC)
    assert (due.weekday(), due.hour) == (6, 20)  # Monday at three in Jakarta is Sunday at eight in the evening, UTC
    assert client.get(SCHEDULE).json()["schedules"] == [train, score]
    assert client.get("/api/v1/train/tickets/schedule").json() == {"schedules": []}


def test_schedules_are_switched_off_and_on_and_it_is_audited(client: TestClient, graph: SmallGraph) -> None:
    off = client.patch(SCHEDULE, json={"enabled": False, "reason": "stocktaking"})
    assert off.status_code == 200
    assert [(each["enabled"], each["next"]) for each in off.json()["schedules"]] == [(False, None)] * 2
    assert client.get(SCHEDULE).json() == off.json()
    kept = graph.learning.stores.reports.latest("risk", "schedule")
    assert kept is not None
    assert (kept.id, kept.content) == ("schedule:risk", {"enabled": False})
    on = client.patch(SCHEDULE, json={"enabled": True}).json()["schedules"]
    assert all(each["enabled"] and each["next"] for each in on)
    told = [(each.action, each.detail) for each in graph.learning.stores.audit.page()]
    assert sorted(told, key=str) == [
        ("schedule", {"enabled": False, "reason": "stocktaking"}), ("schedule", {"enabled": True}),
    ]  # fmt: skip


def test_the_last_run_is_the_newest_that_the_schedule_started(client: TestClient, graph: SmallGraph) -> None:
    at = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
    graph.learning.stores.jobs.accept(Job("01A", "score", "risk", {}, "understudy", "schedule", at))
    graph.learning.stores.jobs.accept(Job("01B", "score", "risk", {}, "kim", "api", at))
    last = next(each["last"] for each in client.get(SCHEDULE).json()["schedules"] if each["kind"] == "score")
    assert last == {"job_id": "01A", "status": "PENDING", "created_at": at.isoformat(), "finished_at": None}


def test_batch_runs_are_listed_newest_first_without_their_alerts(client: TestClient, graph: SmallGraph) -> None:
    for week in range(3):
        graph.learning.scored("risk", alerts=week, week=week)
    found = client.get("/api/v1/data/risk/scores").json()["scores"]
    assert [(each["id"], each["alerts"], each["rows"]) for each in found] == [
        ("risk-2", 2, 100), ("risk-1", 1, 100), ("risk-0", 0, 100),
    ]  # fmt: skip
    assert not any("alert_rows" in each for each in found)
    assert len(client.get("/api/v1/data/risk/scores?limit=1").json()["scores"]) == 1
    assert client.get("/api/v1/data/tickets/scores").json() == {"use_case": "tickets", "scores": []}
    assert client.get("/api/v1/data/riks/scores").status_code == 404


@pytest.mark.parametrize("path", ["/alerts", "/api/v1/ops/alerts"])
def test_alerts_are_a_feed_of_all_runs_newest_first(client: TestClient, graph: SmallGraph, path: str) -> None:
    graph.learning.scored("risk", alerts=3, week=0)
    graph.learning.scored("tickets", alerts=2, week=1)
    graph.learning.scored("risk", alerts=2, week=2)
    alerts = client.get(path).json()["alerts"]
    assert [(each["run"], each["alert"]["row"]) for each in alerts] == [
        ("risk-2", 0), ("risk-2", 1), ("tickets-1", 0), ("tickets-1", 1), ("risk-0", 0), ("risk-0", 1), ("risk-0", 2),
    ]  # fmt: skip
    assert alerts[0]["use_case"] == "risk"
    assert alerts[0]["alert"] == {"row": 0, "action": "ALERT", "score": 0.9}
    paged = pages(client, path, "alerts", limit=2)
    assert [len(page) for page in paged] == [2, 2, 2, 1]
    assert [each for page in paged for each in page] == alerts
    of_one = client.get(path, params={"use_case": "tickets"}).json()["alerts"]
    assert [each["run"] for each in of_one] == ["tickets-1"] * 2


def test_a_run_that_comes_while_paging_moves_nothing(client: TestClient, graph: SmallGraph) -> None:
    graph.learning.scored("risk", alerts=3, week=0)
    first = client.get("/alerts?limit=2").json()
    graph.learning.scored("risk", alerts=5, week=1)
    rest = client.get("/alerts", params={"cursor": first["next"]}).json()
    assert [each["alert"]["row"] for each in rest["alerts"]] == [2]
    assert rest["next"] is None


def test_who_did_what_newest_first(client: TestClient) -> None:
    for enabled in (False, True, False):
        client.patch(SCHEDULE, json={"enabled": enabled})
    client.post("/api/v1/train/tickets/rollback", json={"reason": "worse"})
    entries = client.get("/api/v1/ops/audit").json()["entries"]
    assert [each["id"] for each in entries] == sorted((each["id"] for each in entries), reverse=True)
    assert {each["action"] for each in entries} == {"schedule", "rollback"}
    assert len(entries) == 4
    paged = pages(client, "/api/v1/ops/audit", "entries", limit=3)
    assert [each for page in paged for each in page] == entries
    of_one = client.get("/api/v1/ops/audit?use_case=tickets").json()["entries"]
    assert [(each["action"], each["by"], each["detail"]["reason"]) for each in of_one] == [
        ("rollback", "local", "worse")
    ]
