"""The audit log over HTTP: what was done to what, from where, before and after; filters, pages, the head."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from serve_app.adapters.memory_audit import MemoryAudit
from serve_app.adapters.memory_event_log import MemoryEventLog
from serve_app.api.app import create_app
from serve_app.core.audit import Audited, verified
from serve_app.core.errors import InvalidInput, UnknownPrediction
from serve_app.core.platform import Limits, Platform
from serve_app.deployments.acts import Acts
from serve_app.deployments.config_in_force import in_force, write_down
from serve_app.deployments.desk_feedback import Feedback
from tests.fakes.events import logged
from tests.fakes.small_desks import refused
from tests.fakes.small_graph import SmallGraph, small_use_cases
from tests.graph.test_api_ops import pages

AUDIT = "/api/v1/ops/audit"
NOW = datetime.now(UTC)


@pytest.fixture
def graph() -> SmallGraph:
    return SmallGraph()


@pytest.fixture
def client(graph: SmallGraph) -> TestClient:
    return TestClient(create_app(graph, Limits(), "0.1.0"), client=("10.0.0.7", 50000))


def newest(client: TestClient) -> dict[str, Any]:
    entry: dict[str, Any] = client.get(f"{AUDIT}?limit=1").json()["entries"][0]
    return entry


def sides(client: TestClient) -> tuple[Any, ...]:
    entry = newest(client)
    return tuple(entry[name] for name in ("action", "target", "before", "after"))


def test_versions_are_told_with_what_was_the_champion(client: TestClient) -> None:
    client.post("/api/v1/train/risk/promote", json={"version": "3", "reason": "better"})
    entry = newest(client)
    assert sides(client) == ("promote", "3", {"version": "2"}, {"version": "3"})
    assert (entry["by"], entry["address"], entry["use_case"]) == ("local", "10.0.0.7", "risk")
    client.post("/api/v1/train/risk/rollback", json={"reason": "worse"})
    assert sides(client) == ("rollback", "2", {"version": "3"}, {"version": "2"})


def test_what_was_refused_changed_nothing(client: TestClient, graph: SmallGraph) -> None:
    graph.learning.registry.trouble["risk"] = refused()
    client.post("/api/v1/train/risk/promote", json={"version": "3", "reason": "better"})
    assert sides(client) == ("promote_refused", "3", None, None)
    assert newest(client)["address"] == "10.0.0.7"


def test_switches_are_told_as_they_were(client: TestClient) -> None:
    for enabled in (False, True):
        client.patch("/api/v1/train/risk/schedule", json={"enabled": enabled})
    assert sides(client) == ("schedule", "risk", {"enabled": False}, {"enabled": True})
    assert client.get(AUDIT).json()["entries"][1]["before"] is None


def test_an_override_is_told_and_its_end(client: TestClient) -> None:
    body = {"threshold": 0.5, "reason": "a rush", "until": (NOW + timedelta(days=1)).isoformat()}
    override = "/api/v1/ops/certificates/risk/override"
    assert client.post(override, json=body).status_code == 200
    action, target, before, after = sides(client)
    assert (action, target, before, after["threshold"]) == ("certificate_override", "2", None, 0.5)
    client.delete(override)
    assert sides(client) == ("certificate_override_ended", "2", after, None)


def test_a_review_is_told_with_what_was_said_before_and_a_skip_is_not(client: TestClient, graph: SmallGraph) -> None:
    made = logged(use_case="tickets")
    graph.learning.stores.log.append([made])
    for by, said in (("ani", {"skip": True}), ("budi", {"label": "access"}), ("cici", {"label": "network"})):
        assert client.post(f"/api/v1/review/{made.id}", params={"by": by}, json=said).status_code == 200
    before = [{"by": "budi", "label": "access", "value": None}]
    assert sides(client) == ("review", made.id, before, {"label": "network", "value": None})
    assert [each["by"] for each in client.get(AUDIT).json()["entries"]] == ["cici", "budi"]


@pytest.mark.anyio
async def test_feedback_is_told_without_its_note(graph: SmallGraph) -> None:
    audit, made = MemoryAudit(), logged(use_case="tickets")
    log = MemoryEventLog(audit)
    log.append([made])
    desk = Feedback(graph, log, Acts(audit))  # type: ignore[arg-type]
    first = await desk.say(made.id, "access", "ani", "she called: 0812-3456-7890")
    await desk.say(made.id, "network", "budi", None)
    with pytest.raises(InvalidInput):
        await desk.say(made.id, "of no class", "ani", None)
    with pytest.raises(UnknownPrediction):
        await desk.say("nothing", "access", "ani", None)
    second, one = audit.page()
    assert (one.action, one.by, one.target, one.before, one.detail) == (
        "feedback", "ani", made.id, None, {"label_id": first["id"]},
    )  # fmt: skip
    assert second.before == [{"by": "ani", "label": "access", "value": None}]
    assert second.after == {"label": "network", "value": None}
    assert "called" not in repr(audit.page())
    assert len(log.labels(made.id)) == 2


@pytest.mark.parametrize("path", ["/audit", AUDIT])
def test_it_is_narrowed_and_paged(client: TestClient, graph: SmallGraph, path: str) -> None:
    rows = [
        Audited(f"id{n}", NOW - timedelta(days=n), "ani" if n % 2 else "budi", "promote", "risk", target=str(n % 3))
        for n in range(9)
    ]
    for row in rows:
        graph.learning.stores.audit.append(row)

    def found(**asked: Any) -> list[str]:
        return [each["id"] for page in pages(client, path, "entries", limit=2, **asked) for each in page]

    assert found() == [f"id{n}" for n in range(8, -1, -1)]
    assert found(by="ani", target="1") == ["id7", "id1"]
    assert found(since="49h", action="promote", use_case="risk") == ["id2", "id1", "id0"]
    assert found(until=(NOW - timedelta(days=6)).isoformat(), by="budi") == ["id8"]
    assert found(action="rollback") == []


@pytest.mark.parametrize(
    ("asked", "field"),
    [("by=", "by"), ("since=yesterday", "since"), ("until=1&until=2", "until"), ("target=" + "x" * 201, "target"),
     ("cursor=WyJ4Il0", "cursor"), ("who=ani", "who")],
)  # fmt: skip
def test_what_is_asked_amiss_is_named(client: TestClient, asked: str, field: str) -> None:
    answer = client.get(f"{AUDIT}?{asked}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


def test_the_head_is_that_of_the_newest_entry(client: TestClient, graph: SmallGraph) -> None:
    assert client.get(f"{AUDIT}/head").json()["head"] == "0:" + "0" * 64
    client.patch("/api/v1/train/risk/schedule", json={"enabled": False})
    entry, head = newest(client), client.get(f"{AUDIT}/head").json()
    assert head == {"head": f"{entry['seq']}:{entry['hash']}", "seq": entry["seq"], "hash": entry["hash"]}
    assert str(verified(graph.learning.stores.audit.walk())) == head["head"]


class NoPrompts:
    def of(self, name: str) -> str:
        return ""


def test_the_configuration_is_told_once_for_each_that_was_in_force() -> None:
    audit, prompts = MemoryAudit(), NoPrompts()
    cases = small_use_cases()
    settings: dict[str, Any] = {
        "store": {"url": "postgresql://me:hush@db/events"},
        "teacher": {"openai": {"api_key": "hush too"}},
    }
    settings["teacher"]["openai"]["base_url"] = "https://me:hush@llm.example/v1"
    first = Platform.model_validate(settings)
    configs = [in_force(each, cases, prompts) for each in (first, first, Platform(), first)]  # type: ignore[arg-type]
    for config in configs:
        write_down(audit, config, NOW)
        write_down(audit, config, NOW)  # the next replica
    entries = audit.page()[::-1]
    assert [each.after for each in entries] == [configs[0], configs[2], configs[3]]
    assert [each.before for each in entries] == [None, configs[0], configs[2]]
    assert "hush" not in repr(entries)
    assert configs[0]["use_cases"]["risk"]["policy_version"].startswith("sha256:")
    assert configs[0]["use_cases"]["risk"]["budget"]["per_day_usd"] is None
