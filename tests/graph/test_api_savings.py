"""Savings and what-if over HTTP, over a log in memory. Over the whole graph: test_api_over_graph.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from serve_app.api.app import create_app
from serve_app.cli import main
from serve_app.core.events import LoggedPrediction
from serve_app.core.ledger import Entry
from serve_app.core.platform import Limits
from tests.fakes.ledgers import CLASSES, START, answered, use_case_of, world
from tests.fakes.small_graph import SmallGraph

SAVINGS, WHAT_IF = "/api/v1/ops/savings", "/api/v1/ops/what-if"
PERIOD = {"use_case": "tickets", "since": "2026-03-01", "until": "2026-03-03"}


def logged(entry: Entry, use_case: str = "tickets") -> LoggedPrediction:
    return LoggedPrediction(
        id=entry.id, use_case=use_case, at=entry.at, features={}, student=dict(entry.student or {}),
        teacher=None if entry.teacher is None else dict(entry.teacher), answer=dict(entry.answer), model_version="1",
        policy_version="p", schema_version="s", propensity=entry.propensity, cost_usd=entry.cost_usd, latency_ms=1.0,
        audit_rate=entry.audit_rate,
    )  # fmt: skip


ENTRIES = answered(world(1, 3000), use_case_of(threshold=0.7, audit_rate=0.1).cascade)


@pytest.fixture(scope="module")
def graph() -> SmallGraph:
    graph = SmallGraph()
    tickets = graph.known["tickets"]
    assert tuple(tickets.target.classes) == CLASSES
    graph.known["tickets"] = tickets.model_copy(update={"cascade": use_case_of(threshold=0.7, audit_rate=0.1).cascade})
    graph.learning.stores.log.append([logged(entry) for entry in ENTRIES])
    return graph


@pytest.fixture(scope="module")
def client(graph: SmallGraph) -> TestClient:
    return TestClient(create_app(graph, Limits(), "0.1.0"))


def asked(client: TestClient, **changes: Any) -> dict[str, Any]:
    answer = client.post(WHAT_IF, json={**PERIOD, **changes})
    assert answer.status_code == 200, answer.text
    return answer.json()


def in_period() -> list[Entry]:
    return [entry for entry in ENTRIES if entry.at < START + timedelta(days=2)]


def test_the_bill_of_a_period_by_day(client: TestClient) -> None:
    told = client.get(SAVINGS, params={**PERIOD, "by": "day"}).json()
    assert (told["since"], told["until"]) == ("2026-03-01T00:00:00+00:00", "2026-03-03T00:00:00+00:00")
    [one] = told["use_cases"]
    calls = sum(entry.teacher is not None for entry in in_period())
    assert (one["use_case"], one["whole"]["requests"]) == ("tickets", len(in_period()))
    assert (one["whole"]["calls"]["made"], one["price"]["calls"]) == (calls, calls)
    assert [day["day"] for day in one["days"]] == ["2026-03-01", "2026-03-02"]
    assert 0.5 < one["whole"]["agreement"]["low"] < one["whole"]["agreement"]["high"] < 1


def test_all_use_cases_and_the_last_week_unless_somebody_says_otherwise(client: TestClient) -> None:
    told = client.get(SAVINGS).json()
    assert [(each["use_case"], each["days"]) for each in told["use_cases"]] == [
        ("tickets", []), ("prices", []), ("risk", []),
    ]  # fmt: skip
    assert told["use_cases"][2]["price"] == {"usd": 0.0, "on": "estimate", "calls": 0}


def test_the_same_policy_is_what_happened_and_another_is_not(client: TestClient) -> None:
    same = asked(client, threshold=0.7)
    assert same["would_be"]["calls"]["made"] == same["was"]["calls"]["made"]
    assert same["would_be"]["agreement"] == same["was"]["agreement"]
    assert same["would_be"]["cost_usd"] == pytest.approx(same["was"]["cost_usd"], abs=0)
    more = asked(client, threshold=0.9)
    assert more["would_be"]["calls"]["new"] > 300
    assert more["would_be"]["agreement"]["value"] > same["was"]["agreement"]["value"]
    by_class = asked(client, per_class={"network": 0.0})["would_be"]["calls"]
    assert by_class["made"] < same["was"]["calls"]["made"]


def test_a_target_comes_with_the_thresholds_that_it_would_have_given(client: TestClient) -> None:
    told = asked(client, target=0.8)
    assert set(told["thresholds"]) == {"1"}
    given = told["thresholds"]["1"]
    assert set(given) == set(CLASSES)
    assert any(value is not None and value < 0.99 for value in given.values())
    assert "none is judged by itself" in told["note"]
    assert asked(client, threshold=0.8)["note"] is None
    assert told["would_be"]["agreement"]["value"] >= 0.8
    every = asked(client, target=0.999)  # nothing can be certified: every row would be asked
    assert set(every["thresholds"]["1"].values()) == {None}
    assert every["would_be"]["calls"]["made"] == len(in_period())


def test_arbitration_and_budget(client: TestClient) -> None:
    told = asked(client, arbitration="student", budget={"per_day_usd": 0.1})
    assert 0 < told["would_be"]["cost_usd"] <= 0.2
    assert told["would_be"]["budget_short"] > 0
    assert asked(client, arbitration="learned")["would_be"]["agreement"] == told["was"]["agreement"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"), ({"threshold": 2}, "threshold"), ({"treshold": 0.5}, "treshold"), ({"target": 1}, "target"),
        ({"target": 0.9, "threshold": 0.9}, "target"), ({"per_class": {"nothing": 0.5}}, "per_class.nothing"),
        ({"arbitration": "coin"}, "arbitration"), ({"budget": {"per_day": 1}}, "budget"), ({"budget": {}}, "budget"),
        ({"threshold": 0.5, "since": "yesterday"}, "since"), ({"threshold": 0.5, "since": "2026-03-04"}, "since"),
        ({"threshold": 0.5, "use_case": "prices"}, "threshold"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_by_name(client: TestClient, body: dict[str, Any], field: str) -> None:
    answer = client.post(WHAT_IF, json={**PERIOD, **body})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert field in {each["field"] for each in answer.json()["errors"]}


def test_other_refusals(client: TestClient) -> None:
    assert client.get(SAVINGS, params={"use_case": "tikets"}).status_code == 404
    assert client.post(WHAT_IF, json={"use_case": "tikets", "threshold": 0.5}).status_code == 404
    for params in ({"by": "week"}, {"since": "soon"}, {"since": "2026-03-02", "until": "2026-03-01"}, {"form": "x"}):
        assert client.get(SAVINGS, params=params).json()["code"] == "invalid_input"


def test_the_command_prints_a_table_and_draws(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def get(url: str, params: dict[str, str], headers: dict[str, str], timeout: float) -> httpx.Response:
        return client.get(url.removeprefix("http://somewhere"), params=params, headers=headers)

    monkeypatch.setattr(httpx, "get", get)  # the API in this process in place of one over the network
    monkeypatch.setenv("COLUMNS", "200")
    picture = tmp_path / "savings.png"
    period = ["--use-case", "tickets", "--since", "2026-03-01", "--until", "2026-03-03"]
    with pytest.raises(SystemExit) as ended:
        main(["savings", *period, "--by", "day", "--plot", str(picture), "--url", "http://somewhere"])
    assert not ended.value.code
    told = capsys.readouterr().out
    assert "2026-03-02" in told
    assert f"{len(in_period()):,}" in told
    assert "calls of the period" in told
    assert picture.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(SystemExit) as refused:
        main(["savings", "--since", "soon", "--url", "http://somewhere"])
    assert refused.value.code == 1
    assert "expected so many days" in capsys.readouterr().err


def test_entries_of_the_simulated_log_come_back_as_they_were(graph: SmallGraph) -> None:
    log = graph.learning.stores.log
    found = log.scan("tickets", START, START + timedelta(days=30), limit=10_000, probabilities=True)
    assert found == [replace(entry, person=None) for entry in ENTRIES]
