"""Certificates over HTTP: what is certified and why not, withdrawals, overrides and their end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from serve_app.api.app import create_app
from serve_app.core.certificate import FILE, Certificate, ClassCertificate
from serve_app.core.certified import LOOK, WITHDRAWAL
from serve_app.core.jobs import Report
from serve_app.core.platform import Limits
from serve_app.core.standing import KIND, Standing, Withdrawn
from tests.fakes.small_graph import SmallGraph

PATH, OVERRIDE = "/api/v1/ops/certificates", "/api/v1/ops/certificates/risk/override"
NOW = datetime.now(UTC)
CERTIFICATE = Certificate(
    0.9, "teacher", 0.05, 2, 0.0076, 900,
    {"no": ClassCertificate(0.7, 600, 20, 0.05), "yes": ClassCertificate(None, 100, 30, 0.4, 250)},
)  # fmt: skip


@pytest.fixture
def graph() -> SmallGraph:
    made = SmallGraph()
    made.learning.registry.bundles["risk", "2"] = {FILE: CERTIFICATE.as_json()}
    return made


@pytest.fixture
def client(graph: SmallGraph) -> TestClient:
    return TestClient(create_app(graph, Limits(), "0.1.0"))


def keep(graph: SmallGraph, kind: str, content: dict[str, Any]) -> None:
    graph.learning.stores.reports.put(Report(f"{kind}:risk", "risk", kind, NOW, content))


def shown(client: TestClient) -> dict[str, Any]:
    [found] = client.get(PATH, params={"use_case": "risk"}).json()["certificates"]
    return dict(found)


def by_class(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["class"]: each for each in found["classes"]}


def asked(**changes: Any) -> dict[str, Any]:
    until = (NOW + timedelta(days=2)).isoformat()
    return {"threshold": 0.6, "reason": "checked by hand", "until": until, **changes}


def test_only_certified_cascades_are_listed_and_downloaded_once(client: TestClient, graph: SmallGraph) -> None:
    found = client.get(PATH).json()["certificates"]
    assert [each["use_case"] for each in found] == ["risk"]
    assert client.get(PATH, params={"use_case": "tickets"}).json() == {"certificates": []}
    assert client.get(PATH, params={"use_case": "riks"}).status_code == 404
    assert graph.learning.registry.fetched == 1


def test_what_is_certified_and_what_is_missing(client: TestClient) -> None:
    found = shown(client)
    told = {name: found[name] for name in ("version", "target", "reference", "delta", "level", "number", "rows")}
    assert told == {
        "version": "2", "target": 0.9, "reference": "teacher", "delta": 0.05, "level": 0.0076, "number": 2, "rows": 900,
    }  # fmt: skip
    assert found["state"] == "partly_certified"
    no, yes = by_class(found)["no"], by_class(found)["yes"]
    assert (no["state"], no["threshold"], no["rows"], no["disagreements"], no["bound"]) == (
        "certified", 0.7, 600, 20, 0.05,
    )  # fmt: skip
    assert (yes["state"], yes["threshold"], yes["needed"]) == ("not_certified", None, 250)
    assert "about 250 more audited rows" in yes["reason"]


def test_rows_audited_since_bring_the_next_certificate_nearer(client: TestClient, graph: SmallGraph) -> None:
    keep(graph, LOOK, {"version": "2", "rows": 90, "disagreements": 3, "at": NOW.isoformat()})
    found = shown(client)
    assert found["audited_since"] == {"rows": 90, "disagreements": 3, "at": NOW.isoformat()}
    assert by_class(found)["yes"]["needed"] == 160
    keep(graph, LOOK, {"version": "2", "rows": 900, "disagreements": 3, "at": NOW.isoformat()})
    assert "the next retrain" in by_class(shown(client))["yes"]["reason"]
    keep(graph, LOOK, {"version": "1", "rows": 90, "disagreements": 3, "at": NOW.isoformat()})
    assert shown(client)["audited_since"] is None, "of the champion before"


def test_a_champion_without_a_certificate_defers_everything(client: TestClient, graph: SmallGraph) -> None:
    graph.learning.registry.bundles.clear()
    found = shown(client)
    assert (found["state"], found["level"], found["rows"], found["target"]) == ("not_certified", None, 0, 0.9)
    assert {each["state"] for each in found["classes"]} == {"not_certified"}
    assert all(50 < each["needed"] < 500 for each in found["classes"])
    graph.learning.registry.kept["risk"] = []
    assert (shown(client)["version"], shown(client)["state"]) == (None, "not_certified")


def test_what_was_withdrawn_is_told_with_its_evidence(client: TestClient, graph: SmallGraph) -> None:
    withdrawn = Withdrawn(NOW.isoformat(), 80, 31)
    keep(graph, KIND, Standing("2", {"no": withdrawn}).as_dict())
    no = by_class(shown(client))["no"]
    assert (no["state"], no["threshold"], no["certified_threshold"]) == ("withdrawn", None, 0.7)
    assert shown(client)["state"] == "not_certified", "a certificate is there, and nothing of it holds"
    assert no["withdrawn"] == {"at": NOW.isoformat(), "rows": 80, "disagreements": 31}
    assert "of 80 rows audited since, 31 disagreed" in no["reason"]
    keep(graph, KIND, Standing("1", {"no": withdrawn}).as_dict())
    assert by_class(shown(client))["no"]["state"] == "certified", "that was of another version"


def test_a_withdrawal_is_an_alert(client: TestClient, graph: SmallGraph) -> None:
    graph.learning.scored("risk", alerts=1)
    keep(graph, WITHDRAWAL, {"alert_rows": [{"action": "certificate_withdrawn", "class": "no", "version": "2"}]})
    alerts = client.get("/alerts").json()["alerts"]
    assert [each["alert"]["action"] for each in alerts] == ["certificate_withdrawn", "ALERT"]
    assert alerts[0]["use_case"] == "risk"


def test_an_override_holds_is_audited_and_can_be_ended(client: TestClient, graph: SmallGraph) -> None:
    keep(graph, KIND, Standing("2", {"no": Withdrawn(NOW.isoformat(), 80, 31)}).as_dict())
    answer = client.post(OVERRIDE, json=asked(threshold=0.6, classes={"yes": 0.95}))
    assert answer.status_code == 200
    no, yes = by_class(answer.json())["no"], by_class(answer.json())["yes"]
    assert [(each["state"], each["threshold"]) for each in (no, yes)] == [("override", 0.6), ("override", 0.95)]
    assert "local until" in no["reason"]
    assert "checked by hand" in no["reason"]
    assert shown(client) == answer.json()
    kept = graph.learning.stores.reports.latest("risk", KIND)
    assert kept is not None
    assert kept.id == "standing:risk"
    assert set(Standing.from_dict(kept.content).withdrawn) == {"no"}
    ended = client.request("DELETE", OVERRIDE)
    assert ended.json()["override"] is None
    assert by_class(ended.json())["no"]["state"] == "withdrawn"
    told = {each.action: each.detail for each in graph.learning.stores.audit.page()}
    assert set(told) == {"certificate_override", "certificate_override_ended"}
    assert (told["certificate_override"]["reason"], told["certificate_override"]["version"]) == ("checked by hand", "2")


def test_an_override_of_some_classes_leaves_the_others(client: TestClient) -> None:
    found = by_class(client.post(OVERRIDE, json={**asked(), "threshold": 0.5}).json())
    assert {each["state"] for each in found.values()} == {"override"}
    body = asked(classes={"yes": 0.8})
    del body["threshold"]
    found = by_class(client.post(OVERRIDE, json=body).json())
    assert (found["no"]["state"], found["yes"]["state"]) == ("certified", "override")
    assert shown(client)["state"] == "partly_certified"


def test_an_override_ends_by_itself(client: TestClient, graph: SmallGraph) -> None:
    client.post(OVERRIDE, json=asked())
    kept = graph.learning.stores.reports.latest("risk", KIND)
    assert kept is not None
    kept.content["override"]["until"] = (NOW - timedelta(seconds=1)).isoformat()
    keep(graph, KIND, kept.content)
    assert (shown(client)["override"], by_class(shown(client))["no"]["state"]) == (None, "certified")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"until": (NOW + timedelta(days=31)).isoformat()}, "until"),
        ({"until": (NOW - timedelta(days=1)).isoformat()}, "until"),
        ({"until": "2026-03-01T12:00:00"}, "until"),
        ({"until": "tomorrow"}, "until"),
        ({"threshold": 1.5}, "threshold"),
        ({"threshold": True}, "threshold"),
        ({"classes": {"yess": 0.5}}, "classes.yess"),
        ({"classes": {}}, "classes"),
        ({"classes": {"yes": "high"}}, "classes"),
        ({"reason": ""}, "reason"),
        ({"tresholds": 0.5}, "tresholds"),
    ],
    ids=[
        "too_far",
        "past",
        "no_zone",
        "no_moment",
        "above_one",
        "no_number",
        "unknown_class",
        "no_class",
        "class_no_number",
        "no_reason",
        "misspelt",
    ],
)
def test_an_override_that_does_not_fit_is_refused_by_name(
    client: TestClient, graph: SmallGraph, changes: dict[str, Any], field: str
) -> None:
    answer = client.post(OVERRIDE, json=asked(**changes))
    assert answer.status_code == 422
    assert field in {each["field"] for each in answer.json()["errors"]}
    assert graph.learning.stores.reports.latest("risk", KIND) is None


def test_an_override_needs_thresholds_a_reason_and_an_end(client: TestClient) -> None:
    fields = {each["field"] for each in client.post(OVERRIDE, json={}).json()["errors"]}
    assert fields == {"reason", "until"}
    body = asked()
    del body["threshold"]
    assert [each["field"] for each in client.post(OVERRIDE, json=body).json()["errors"]] == ["threshold"]


def test_where_there_is_nothing_to_override(client: TestClient, graph: SmallGraph) -> None:
    fixed = client.post(OVERRIDE.replace("risk", "tickets"), json=asked())
    assert (fixed.status_code, fixed.json()["code"]) == (409, "conflict")
    assert client.request("DELETE", OVERRIDE.replace("risk", "prices")).status_code == 409
    assert client.post(OVERRIDE.replace("risk", "riks"), json=asked()).status_code == 404
    graph.learning.registry.kept["risk"] = []
    assert client.post(OVERRIDE, json=asked()).status_code == 404
