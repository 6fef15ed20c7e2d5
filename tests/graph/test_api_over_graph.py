"""The learning half over HTTP on the whole graph: real stores, the real registry, real students swapped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from serve_app.adapters.config_files import load_use_case
from serve_app.adapters.registries import open_registry
from serve_app.adapters.sql_jobs import open_jobs
from serve_app.core.jobs import Finish
from serve_app.core.platform import Platform
from tests.fakes.local_graph import LocalGraph, local_graph, until
from tests.fakes.small_models import LABELLED, trained, write_use_case

TRAIN = "/api/v1/train/stones"
NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)


@dataclass
class World:
    graph: LocalGraph
    platform: Platform

    def post(self, path: str, body: Any = None) -> Any:
        return self.graph.http("POST", path, **({} if body is None else {"json": body}))

    def get(self, path: str) -> Any:
        return self.graph.http("GET", path).json()

    def jobs(self) -> Any:
        return open_jobs(self.platform.store, Path(self.platform.state))

    def champion(self) -> str:
        return str(next(m["version"] for m in self.get(f"{TRAIN}/models")["models"] if "champion" in m["aliases"]))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One use case with two versions, of which the first serves."""
    folder = tmp_path_factory.mktemp("learning")
    configs, platform = folder / "configs", Platform(state=str(folder / "state"))
    write_use_case(configs, "stones")
    (configs / "platform.yaml").write_text("{}\n", encoding="utf-8")
    registry = open_registry(platform)
    for seed in (1, 2):
        registry.register("stones", trained(load_use_case(configs / "use_cases/stones"), seed), {"macro_f1": 0.5}, {})
    registry.set_alias("stones", "champion", "1")
    with local_graph(configs, folder / "state", {"REGISTRY__POLL_S": "60"}) as graph:
        until(lambda: graph.model("stones")["version"] == "1")
        yield World(graph, platform)


def test_an_accepted_job_is_in_the_database(world: World) -> None:
    accepted = world.post(TRAIN, {"days": 7})
    job_id = accepted.json()["job_id"]
    assert accepted.status_code == 202
    jobs = world.jobs()
    assert jobs.get(job_id).params == {"days": 7}
    second = world.post(TRAIN)
    assert (second.status_code, second.json()["job_id"]) == (409, job_id)
    jobs.start(job_id, NOW)
    jobs.finish(job_id, NOW, Finish("COMPLETED", result={"promoted": False}))
    jobs.close()
    assert world.get(accepted.headers["Location"])["status"] == "COMPLETED"
    events = world.graph.http("GET", f"/api/v1/train/jobs/{job_id}/events").text
    assert [line for line in events.splitlines() if line.startswith("event")] == [
        "event: accepted", "event: started", "event: finished",
    ]  # fmt: skip
    assert [each["job_id"] for each in world.get("/api/v1/train/jobs")["jobs"]] == [job_id]


def test_a_person_promotes_and_the_next_answer_is_the_new_versions(world: World) -> None:
    given = LABELLED["stones"](1, 9).rows.record(0)
    stone = {name: value for name, value in given.items() if value is not None}
    assert world.post("/api/v1/predict/stones", stone).json()["model_version"] == "1"
    promoted = world.post(f"{TRAIN}/promote", {"version": "2", "reason": "checked by hand"})
    assert promoted.status_code == 200, promoted.text
    assert (promoted.json()["version"], promoted.json()["previous"], promoted.json()["replicas"]) == ("2", "1", 1)
    assert world.post("/api/v1/predict/stones", stone).json()["model_version"] == "2"
    assert world.champion() == "2"
    back = world.post(f"{TRAIN}/rollback", {"reason": "it was not"})
    assert (back.status_code, back.json()["version"]) == (200, "1")
    assert world.post("/api/v1/predict/stones", stone).json()["model_version"] == "1"
    *entries, config = world.get("/api/v1/ops/audit")["entries"]
    told = [(each["action"], each["detail"]["reason"]) for each in entries]
    assert told == [("rollback", "it was not"), ("promote", "checked by hand")]
    assert (config["action"], config["after"]["platform"]["state"]) == ("config", str(world.graph.state))
    assert world.get("/api/v1/train/metrics/stones")["counts"]["predictions"] == 3


def test_a_version_that_is_not_there_changes_nothing(world: World) -> None:
    answer = world.post(f"{TRAIN}/promote", {"version": "17", "reason": "a slip"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert world.champion() == "1"
    assert world.get("/api/v1/ops/audit?limit=1")["entries"][0]["action"] == "promote_refused"


def test_reload_follows_an_alias_that_was_moved_elsewhere(world: World) -> None:
    open_registry(world.platform).set_alias("stones", "champion", "2")
    answer = world.post("/reload")
    assert (answer.status_code, answer.json()["use_cases"]) == (200, {"stones": {"version": "2", "replicas": 1}})
    assert world.graph.model("stones")["version"] == "2"


def test_without_the_pipelines_nobody_compares(world: World) -> None:
    answer = world.post(f"{TRAIN}/fetch-best-model")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


def test_shadow_drift_scores_and_schedules_have_their_empty_forms(world: World) -> None:
    assert world.get(f"{TRAIN}/shadow")["rows"] == 0
    assert world.get("/api/v1/train/drift/stones")["drift"] is None
    assert world.get("/api/v1/data/stones/scores")["scores"] == []
    assert world.get("/alerts") == {"alerts": [], "next": None}
    assert world.graph.http("PATCH", f"{TRAIN}/schedule", json={"enabled": False}).status_code == 200


def test_what_a_real_student_answered_is_billed_and_replayed_under_another_policy(world: World) -> None:
    before = world.get("/api/v1/ops/savings?use_case=stones&since=1h")["use_cases"][0]["whole"]["requests"]
    world.graph.predict("stones", LABELLED["stones"](40, 9).rows)
    [told] = world.get("/api/v1/ops/savings?use_case=stones&since=1h&by=day")["use_cases"]
    calls, avoided = told["whole"]["calls"], told["whole"]["avoided"]
    assert calls["made"] + calls["failed"] + avoided["student"] == told["whole"]["requests"] == before + 40
    for change in ({"threshold": 0.999}, {"target": 0.9}, {"arbitration": "learned"}, {"budget": {"per_day_usd": 1}}):
        answer = world.post("/api/v1/ops/what-if", {"use_case": "stones", "since": "1h", **change})
        assert answer.status_code == 200, answer.text
        assert answer.json()["would_be"]["rows"] == before + 40
