"""The review queue over HTTP: the real desk over stores in memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from serve_app.api.app import create_app
from serve_app.core.events import LoggedPrediction
from serve_app.core.platform import Limits
from serve_app.core.use_case import UseCase
from tests.fakes.events import logged
from tests.fakes.small_graph import TICKETS, SmallGraph

QUEUE = "/api/v1/review/tickets"


@pytest.fixture
def graph() -> SmallGraph:
    graph = SmallGraph()
    graph.known["tickets"] = UseCase.model_validate({**TICKETS, "review": {"double_share": 0.0}})
    return graph


@pytest.fixture
def client(graph: SmallGraph) -> TestClient:
    return TestClient(create_app(graph, Limits(), "0.1.0"))


def disagreed(graph: SmallGraph, confidence: float, use_case: str = "tickets") -> LoggedPrediction:
    student = {"label": "access", "confidence": confidence}
    teacher = {"label": "network", "provider": "recorded", "model": "m", "confidence": None}
    answer = {"prediction": {"label": "network", "confidence": 0.85}, "student": student, "teacher": teacher}
    answer |= {"decision": {"action": "ROUTE"}, "degraded": False}
    made = logged(use_case=use_case, student={**student, "probabilities": []}, teacher=teacher, answer=answer)
    graph.learning.stores.log.append([made])
    return made


def ids(client: TestClient, **asked: Any) -> list[str]:
    return [row["id"] for row in client.get(QUEUE, params=asked).json()["rows"]]


def say(client: TestClient, made: LoggedPrediction, by: str, **said: Any) -> Any:
    return client.post(f"/api/v1/review/{made.id}", params={"by": by}, json=said)


def test_the_queue_hands_out_rows_with_why_they_are_there(client: TestClient, graph: SmallGraph) -> None:
    sure, unsure = disagreed(graph, 0.9), disagreed(graph, 0.5)
    told = client.get(QUEUE, params={"by": "ani"}).json()
    assert (told["use_case"], told["by"]) == ("tickets", "ani")
    first, second = told["rows"]
    assert (first["id"], second["id"]) == (unsure.id, sure.id)
    assert first["features"] == unsure.features
    assert (first["student"]["label"], first["teacher"]["label"], first["why"]) == ("access", "network", "disagreement")
    assert first["score"] == 0.5
    until = datetime.fromisoformat(first["leased_until"])
    assert timedelta(minutes=14) < until - datetime.now(UTC) < timedelta(minutes=16)


def test_two_people_never_get_the_same_row(client: TestClient, graph: SmallGraph) -> None:
    rows = [disagreed(graph, 0.5).id for _ in range(5)]
    assert ids(client, by="ani", limit=2) == rows[:2]
    assert ids(client, by="budi", limit=2) == rows[2:4]
    assert ids(client, by="ani", limit=2) == rows[:2]
    assert ids(client, by="cici") == rows[4:]


def test_a_label_goes_the_way_of_feedback_and_the_row_is_done(client: TestClient, graph: SmallGraph) -> None:
    made, other = disagreed(graph, 0.5), disagreed(graph, 0.6)
    ids(client, by="ani")
    answer = say(client, made, "ani", label="other", note="a printer")
    assert answer.status_code == 200
    assert (answer.json()["label"], answer.json()["skipped"], answer.json()["by"]) == ("other", False, "ani")
    (label,) = graph.learning.stores.log.labels(made.id)
    assert (label.label, label.by, label.note) == ("other", "ani", "a printer")
    assert ids(client, by="ani") == [other.id]
    assert ids(client, by="budi") == []
    assert client.get(f"{QUEUE}/agreement").json()["rows"] == 0


def test_a_note_is_redacted_like_any_text(client: TestClient, graph: SmallGraph) -> None:
    graph.known["tickets"] = UseCase.model_validate({**TICKETS, "redaction": {}})
    made = disagreed(graph, 0.5)
    assert say(client, made, "ani", label="other", note="ask kim@example.com").status_code == 200
    (label,) = graph.learning.stores.log.labels(made.id)
    assert label.note is not None
    assert "kim@example.com" not in label.note


def test_who_passes_leaves_the_row_to_others_and_says_nothing_of_it(client: TestClient, graph: SmallGraph) -> None:
    made = disagreed(graph, 0.5)
    assert ids(client, by="ani") == [made.id]
    assert say(client, made, "ani", skip=True).json()["skipped"] is True
    assert graph.learning.stores.log.labels(made.id) == []
    assert ids(client, by="ani") == []
    assert ids(client, by="budi") == [made.id]


def test_a_row_in_somebody_elses_hands_is_a_conflict(client: TestClient, graph: SmallGraph) -> None:
    made = disagreed(graph, 0.5)
    ids(client, by="ani")
    answer = say(client, made, "budi", label="other")
    assert (answer.status_code, answer.json()["code"]) == (409, "leased")
    assert graph.learning.stores.log.labels(made.id) == []
    assert say(client, made, "ani", label="other").status_code == 200


def test_where_two_looked_it_is_told_how_well_they_agree(client: TestClient, graph: SmallGraph) -> None:
    graph.known["tickets"] = UseCase.model_validate({**TICKETS, "review": {"double_share": 1.0}})
    same, other = disagreed(graph, 0.5), disagreed(graph, 0.6)
    for by, labels in (("ani", ("access", "other")), ("budi", ("access", "network"))):
        assert ids(client, by=by) == [same.id, other.id]
        for made, label in zip((same, other), labels, strict=True):
            assert say(client, made, by, label=label).status_code == 200
    told = client.get(f"{QUEUE}/agreement").json()
    assert (told["rows"], told["people"], told["share"], told["differ"]) == (2, 2, 0.5, [other.id])
    assert told["alpha"] == pytest.approx(0.4)
    assert ids(client, by="cici") == []


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "label"), ({"label": "other", "skip": True}, "label"), ({"skip": False}, "skip"),
        ({"label": "unheard of"}, "label"), ({"value": 3.0}, "label"), ({"label": "other", "more": 1}, "more"),
        ({"label": "other", "note": 7}, "note"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(client: TestClient, graph: SmallGraph, said: dict[str, Any], field: str) -> None:
    made = disagreed(graph, 0.5)
    answer = say(client, made, "ani", **said)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert graph.learning.stores.log.labels(made.id) == []


def test_what_is_not_there_is_said(client: TestClient) -> None:
    assert client.get("/api/v1/review/tickts").json()["code"] == "unknown_use_case"
    assert client.get("/api/v1/review/tickts/agreement").json()["code"] == "unknown_use_case"
    assert client.post("/api/v1/review/unheard-of", json={"skip": True}).json()["code"] == "unknown_prediction"
    assert client.get(QUEUE, params={"by": "a b"}).status_code == 422
    assert client.get(QUEUE, params={"limit": "0"}).status_code == 422
    refused = client.put(QUEUE)
    assert (refused.status_code, set(refused.headers["Allow"].split(", "))) == (405, {"GET", "POST"})


def test_a_store_that_is_away_is_told(client: TestClient, graph: SmallGraph) -> None:
    graph.learning.stores.reviews.away = True
    disagreed(graph, 0.5)
    assert client.get(QUEUE).json()["code"] == "store_unavailable"
