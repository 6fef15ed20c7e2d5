"""The event log goes away under a graph that has a journal: questions are answered on, and all of it is logged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.local_graph import LocalGraph, local_graph, until
from tests.fakes.small_models import LABELLED, USE_CASES, write_use_case

NAME = "stones"
SETTINGS = {"STORE__TIMEOUT_S": "0.5", "STORE__BUFFER_MB": "10"}


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGraph]:
    folder = tmp_path_factory.mktemp("buffered")
    write_use_case(folder / "configs", NAME, {**USE_CASES[NAME], "teacher": {"providers": [{"kind": "none"}]}})
    (folder / "configs" / "platform.yaml").write_text("{}\n", encoding="utf-8")
    with local_graph(folder / "configs", folder / "state", SETTINGS) as one:
        yield one


@pytest.fixture
def moved(graph: LocalGraph) -> Iterator[Path]:
    """The database's file is elsewhere: SQLite would go on writing to it, and is kept from that."""
    file, elsewhere = graph.state / "events.db", graph.state / "elsewhere.db"
    file.rename(elsewhere)
    yield elsewhere
    if elsewhere.exists():
        elsewhere.rename(file)


def test_answers_given_meanwhile_are_in_the_log_once_it_is_back(graph: LocalGraph, moved: Path) -> None:
    row = LABELLED[NAME](1, 1).rows.record(0)
    answers = [graph.http("POST", f"/api/v1/predict/{NAME}", json=row) for _ in range(3)]
    assert [each.status_code for each in answers] == [200] * 3
    ids = [each.json()["id"] for each in answers]
    ready = graph.http("GET", "/readyz")
    store = next(each for each in ready.json()["parts"] if each["name"] == "store")
    assert (ready.status_code, store["state"]) == (200, "degraded")
    assert "3 predictions wait in this replica's journal" in store["detail"]
    moved.rename(graph.state / "events.db")
    until(lambda: graph.part("store").detail == "SQLite, embedded")
    assert [graph.http("GET", f"/api/v1/predictions/{each}").json()["answer"]["id"] for each in ids] == ids
    assert graph.http("POST", f"/api/v1/feedback/{ids[0]}", json={"label": "pebble"}).status_code == 200
    assert graph.log.count(NAME) == 3
    assert graph.http("POST", f"/api/v1/predictions/{ids[1]}/replay").json()["match"] is True
