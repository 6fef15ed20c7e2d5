"""Jobs over HTTP: accepted with 202, looked at, listed, cancelled; one retrain at a time, one job a key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from serve_app.api.app import create_app
from serve_app.core.errors import StoreUnavailable
from serve_app.core.jobs import Finish, Happened
from serve_app.core.platform import Limits
from tests.fakes.small_desks import SmallDesks
from tests.fakes.small_graph import SmallGraph

NOBODYS = "01JZ8Q4T6V3M5N7P9R1S2T4V6X"
NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
PAGE = {"origin": "https://elsewhere.example"}
"""What a browser says of a web page's request."""


@pytest.fixture
def graph() -> SmallGraph:
    return SmallGraph()


@pytest.fixture
def client(graph: SmallGraph) -> TestClient:
    return TestClient(create_app(graph, Limits(), "0.1.0"))


def finish(graph: SmallGraph, job_id: str, how: Finish | None = None) -> None:
    jobs = graph.learning.stores.jobs
    jobs.start(job_id, NOW)
    jobs.finish(job_id, NOW, how or Finish("COMPLETED", result={"promoted": True}))


@pytest.mark.parametrize(
    ("path", "kind", "family"),
    [
        ("/api/v1/train/risk", "train", "train"),
        ("/api/v1/data/risk/preprocess", "preprocess", "data"),
        ("/api/v1/data/risk/build-features", "build_features", "data"),
        ("/api/v1/data/risk/score", "score", "data"),
    ],
)
@pytest.mark.parametrize("sent", [{}, {"json": {}}, {"content": b" \n"}], ids=["no body", "{}", "blank"])
def test_a_job_is_accepted_without_a_body(
    client: TestClient, graph: SmallGraph, path: str, kind: str, family: str, sent: dict[str, Any]
) -> None:
    answer = client.post(path, **sent)
    job = answer.json()
    assert answer.status_code == 202
    assert (job["kind"], job["use_case"], job["status"], job["progress"]) == (kind, "risk", "PENDING", 0)
    assert (job["params"], job["by"], job["trigger"]) == ({}, "local", "api")
    assert answer.headers["Location"] == f"/api/v1/{family}/status/{job['job_id']}"
    assert client.get(answer.headers["Location"]).json() == job
    assert client.get(f"/api/v1/{family}/jobs/{job['job_id']}").json() == job
    assert graph.learning.stores.jobs.get(job["job_id"]).kind == kind
    assert graph.learning.pipelines.nudged == 1


@pytest.mark.parametrize("path", ["/api/v1/train/", "/api/v1/train"])
def test_the_use_case_may_stand_in_the_body(client: TestClient, path: str) -> None:
    job = client.post(path, json={"use_case": "risk", "days": 30, "reason": "new labels"})
    assert job.status_code == 202
    assert job.json()["params"] == {"days": 30, "reason": "new labels"}


def test_an_integer_may_be_written_with_a_point(client: TestClient) -> None:
    params = client.post("/api/v1/train/risk", json={"days": 7.0}).json()["params"]
    assert params == {"days": 7}
    assert isinstance(params["days"], int)


BAD: list[tuple[str, dict[str, Any], int, str, str | None]] = [
    ("train/risk", {"json": {"day": 7}}, 422, "invalid_input", "day"),
    ("train/risk", {"json": {"days": 0}}, 422, "invalid_input", "days"),
    ("train/risk", {"json": {"days": 1.5}}, 422, "invalid_input", "days"),
    ("train/risk", {"json": {"days": "7"}}, 422, "invalid_input", "days"),
    ("train/risk", {"json": {"days": True}}, 422, "invalid_input", "days"),
    ("train/risk", {"json": {"days": None}}, 422, "invalid_input", "days"),
    ("train/risk", {"json": {"reason": ""}}, 422, "invalid_input", "reason"),
    ("train/risk", {"json": {"reason": "a\0b"}}, 422, "invalid_input", "reason"),
    ("train/risk", {"json": {"use_case": "risk"}}, 422, "invalid_input", "use_case"),
    ("train/risk", {"json": []}, 422, "invalid_input", "body"),
    ("train/", {"json": {"days": 7}}, 422, "invalid_input", "use_case"),
    ("train/", {"json": {"use_case": 7}}, 422, "invalid_input", "use_case"),
    ("train/", {"json": {"use_case": "riks"}}, 404, "unknown_use_case", None),
    ("train/riks", {"content": b"{broken"}, 404, "unknown_use_case", None),
    ("data/riks/score", {"content": b"{broken"}, 404, "unknown_use_case", None),
    ("train/risk", {"content": b"{broken"}, 415, "unsupported_media", None),
    ("train/risk", {"content": b"", "headers": PAGE}, 415, "unsupported_media", None),
    ("data/risk/preprocess", {"json": {"reason": "x"}}, 422, "invalid_input", "reason"),
    ("data/risk/build-features", {"json": {"days": -1}}, 422, "invalid_input", "days"),
    ("data/risk/score", {"json": {"teacher": "yes"}}, 422, "invalid_input", "teacher"),
    ("data/risk/score", {"json": {"path": "/etc/passwd"}}, 422, "invalid_input", "path"),
    ("data/risk/score", {"json": {"path": "a/../../b"}}, 422, "invalid_input", "path"),
    ("data/risk/score", {"json": {"path": "s3://elsewhere/x"}}, 422, "invalid_input", "path"),
    ("data/tickets/score", {"json": {}}, 422, "invalid_input", "path"),
    ("train/jobs", {"json": {}}, 405, "method_not_allowed", None),
    ("train/models", {"json": {}}, 405, "method_not_allowed", None),
    ("train/risk", {"headers": {"Idempotency-Key": "a b"}}, 422, "invalid_input", "Idempotency-Key"),
    ("train/risk", {"headers": {"Idempotency-Key": "x" * 201}}, 422, "invalid_input", "Idempotency-Key"),
]


@pytest.mark.parametrize(("path", "sent", "status", "code", "field"), BAD, ids=lambda value: str(value)[:40])
def test_a_bad_request_starts_nothing(
    client: TestClient, graph: SmallGraph, path: str, sent: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    answer = client.post(f"/api/v1/{path}", **sent)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    if field is not None:
        assert [each["field"] for each in problem["errors"]] == [field]
    assert graph.learning.stores.jobs.unfinished() == []
    assert graph.learning.pipelines.nudged == 0


def test_below_an_s3_root_a_table_may_be_named_by_its_address() -> None:
    graph = SmallGraph()
    graph.jobs = SmallDesks(graph, "s3://bucket/data").desks.jobs
    client = TestClient(create_app(graph, Limits(), "0.1.0"))
    good = client.post("/api/v1/data/risk/score", json={"path": "s3://bucket/data/risk/week.parquet"})
    assert good.status_code == 202
    beside = client.post("/api/v1/data/risk/score", json={"path": "s3://bucket/database/week.parquet"})
    assert beside.status_code == 422


def test_a_second_retrain_is_refused_with_the_running_one(client: TestClient, graph: SmallGraph) -> None:
    first = client.post("/api/v1/train/risk").json()["job_id"]
    answer = client.post("/api/v1/train/risk")
    assert (answer.status_code, answer.json()["code"], answer.json()["job_id"]) == (409, "job_running", first)
    assert client.get(answer.headers["Location"]).json()["job_id"] == first
    assert client.post("/api/v1/train/tickets").status_code == 202
    finish(graph, first)
    assert client.post("/api/v1/train/risk").status_code == 202


def test_a_key_gives_the_same_job_again_and_no_other(client: TestClient, graph: SmallGraph) -> None:
    key = {"Idempotency-Key": "retrain-1"}
    first = client.post("/api/v1/train/risk", json={"days": 7}, headers=key)
    again = client.post("/api/v1/train/risk", json={"days": 7}, headers=key)
    assert "Idempotent-Replayed" not in first.headers
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")
    assert again.json()["job_id"] == first.json()["job_id"]
    for path, body in (("train/risk", {"days": 8}), ("train/tickets", {"days": 7}), ("data/risk/score", {})):
        other = client.post(f"/api/v1/{path}", json=body, headers=key)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert len(graph.learning.stores.jobs.unfinished()) == 1
    assert graph.learning.pipelines.nudged == 1


def test_a_key_of_a_client_is_none_of_a_schedule(client: TestClient, graph: SmallGraph) -> None:
    """Else somebody could take the key of next week's run, and it would never come."""
    job = client.post("/api/v1/train/risk", headers={"Idempotency-Key": "schedule:risk:train:2026"}).json()
    assert not str(graph.learning.stores.jobs.get(job["job_id"]).key).startswith("schedule")


def test_the_end_of_a_job_is_told(client: TestClient, graph: SmallGraph) -> None:
    good, bad = (client.post(f"/api/v1/data/{name}/preprocess").json()["job_id"] for name in ("risk", "tickets"))
    finish(graph, good)
    finish(graph, bad, Finish("FAILED", "too_many_bad_rows", "30 % of the rows cannot be used"))
    told = client.get(f"/api/v1/data/status/{good}").json()
    assert (told["status"], told["progress"], told["result"]) == ("COMPLETED", 100, {"promoted": True})
    told = client.get(f"/api/v1/data/status/{bad}").json()
    assert told["status"] == "FAILED"
    assert told["error"] == {"code": "too_many_bad_rows", "detail": "30 % of the rows cannot be used"}


def test_one_family_does_not_know_the_others_jobs(client: TestClient) -> None:
    trained = client.post("/api/v1/train/risk").json()["job_id"]
    scored = client.post("/api/v1/data/risk/score").json()["job_id"]
    for family, job_id in (("data", trained), ("train", scored), ("train", NOBODYS), ("train", "%00")):
        for path in (f"status/{job_id}", f"jobs/{job_id}", f"jobs/{job_id}/events"):
            answer = client.get(f"/api/v1/{family}/{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "unknown_job")
        assert client.post(f"/api/v1/{family}/jobs/{job_id}/cancel").status_code == 404


def test_a_waiting_job_is_cancelled_at_once_and_it_is_audited(client: TestClient, graph: SmallGraph) -> None:
    job_id = client.post("/api/v1/train/risk").json()["job_id"]
    cancelled = client.post(f"/api/v1/train/jobs/{job_id}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "CANCELLED")
    (entry,) = graph.learning.stores.audit.page()
    assert (entry.action, entry.by, entry.use_case, entry.detail) == ("cancel", "local", "risk", {"job_id": job_id})


def test_a_job_that_has_ended_cannot_be_cancelled(client: TestClient, graph: SmallGraph) -> None:
    job_id = client.post("/api/v1/train/risk").json()["job_id"]
    finish(graph, job_id)
    answer = client.post(f"/api/v1/train/jobs/{job_id}/cancel", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_late")
    (entry,) = graph.learning.stores.audit.page()
    assert (entry.action, entry.detail["code"]) == ("cancel_refused", "too_late")


def test_a_running_job_is_asked_to_stop(client: TestClient, graph: SmallGraph) -> None:
    job_id = client.post("/api/v1/train/risk").json()["job_id"]
    graph.learning.stores.jobs.start(job_id, NOW)
    asked = client.post(f"/api/v1/train/jobs/{job_id}/cancel").json()
    assert (asked["status"], asked["cancel_requested"]) == ("RUNNING", True)
    assert client.post(f"/api/v1/train/jobs/{job_id}/cancel", json={"now": True}).status_code == 422


def test_jobs_are_listed_newest_first_page_by_page(client: TestClient) -> None:
    made = [client.post("/api/v1/data/risk/preprocess").json()["job_id"] for _ in range(7)]
    client.post("/api/v1/train/risk")
    seen: list[str] = []
    page: dict[str, Any] = {"next": None}
    pages = 0
    while pages < 10:
        pages += 1
        cursor = {"cursor": page["next"]} if page["next"] else {}
        page = client.get("/api/v1/data/jobs", params={"limit": 3, **cursor}).json()
        seen += [job["job_id"] for job in page["jobs"]]
        if page["next"] is None:
            break
        client.post("/api/v1/data/tickets/preprocess")  # comes before, and disturbs no later page
    assert seen == sorted(made, reverse=True)
    assert pages == 3


def test_jobs_are_narrowed(client: TestClient, graph: SmallGraph) -> None:
    ended = client.post("/api/v1/data/risk/preprocess").json()["job_id"]
    scored = client.post("/api/v1/data/risk/score").json()["job_id"]
    other = client.post("/api/v1/data/prices/preprocess").json()["job_id"]
    finish(graph, ended)

    def listed(**params: str) -> set[str]:
        return {job["job_id"] for job in client.get("/api/v1/data/jobs", params=params).json()["jobs"]}

    assert listed() == {ended, scored, other}
    assert listed(use_case="risk") == {ended, scored}
    assert listed(kind="score") == {scored}
    assert listed(status="PENDING") == {scored, other}
    assert listed(status="COMPLETED", use_case="prices") == set()


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("train/jobs?status=DONE", "status"),
        ("train/jobs?kind=score", "kind"),
        ("train/jobs?limit=0", "limit"),
        ("train/jobs?limit=201", "limit"),
        ("train/jobs?limit=x", "limit"),
        ("train/jobs?state=RUNNING", "state"),
        ("train/jobs?limit=1&limit=2", "limit"),
        ("train/jobs?cursor=%00", "cursor"),
        ("train/jobs?cursor=AAAA", "cursor"),
        ("train/jobs?use_case=..", "use_case"),
        ("ops/alerts?cursor=WyJhIiwiYiIsImMiXQ", "cursor"),
        ("ops/audit?cursor=bnVsbA", "cursor"),
    ],
)
def test_a_bad_query_is_refused_by_name(client: TestClient, path: str, field: str) -> None:
    answer = client.get(f"/api/v1/{path}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert [each["field"] for each in answer.json()["errors"]] == [field]


def test_where_the_store_is_away_nothing_is_accepted(client: TestClient, graph: SmallGraph) -> None:
    graph.learning.stores.jobs.away = True  # type: ignore[attr-defined]
    answer = client.post("/api/v1/train/risk")
    assert (answer.status_code, answer.json()["code"]) == (503, StoreUnavailable.code)
    assert "Retry-After" in answer.headers
    assert graph.learning.pipelines.nudged == 0


def test_health_stands_in_every_family(client: TestClient) -> None:
    for family in ("train", "data"):
        assert client.get(f"/api/v1/{family}/health").json()["status"] == "healthy"


def test_progress_is_shown(client: TestClient, graph: SmallGraph) -> None:
    job_id = client.post("/api/v1/train/risk").json()["job_id"]
    jobs = graph.learning.stores.jobs
    jobs.start(job_id, NOW)
    jobs.tell(job_id, NOW, Happened("step_started", step="prepare", progress=20))
    told = client.get(f"/api/v1/train/status/{job_id}").json()
    assert (told["status"], told["step"], told["progress"]) == ("RUNNING", "prepare", 20)
    assert told["steps"] == ["collect", "prepare", "train", "evaluate", "promote"]
