"""The graph with `students.predictor: compiled`: the flip comes behind, changes no answer and holds up no swap."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from serve_app.adapters import compiled_trial
from serve_app.adapters.config_files import load_use_case
from serve_app.adapters.registries import open_registry
from serve_app.core.platform import Platform
from tests.fakes.local_graph import LocalGraph, local_graph, until
from tests.fakes.small_models import knots, trained, write_use_case

NAME = "knots"
ROWS = knots(50, seed=9).rows


class Gate:
    """The child is started when it is opened."""

    def __init__(self) -> None:
        self.opened, self.waiting = threading.Event(), threading.Event()
        self._apart = compiled_trial.try_apart

    def __call__(self, root: Path, digest: str) -> None:
        self.waiting.set()
        assert self.opened.wait(60)
        self._apart(root, digest)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    made = Gate()
    monkeypatch.setattr(compiled_trial, "try_apart", made)
    return made


@pytest.fixture
def graph(tmp_path: Path, gate: Gate) -> Iterator[LocalGraph]:
    configs, state = tmp_path / "configs", tmp_path / "state"
    write_use_case(configs, NAME)
    (configs / "platform.yaml").write_text("students: {predictor: compiled}\n", encoding="utf-8")
    registry = open_registry(Platform(state=str(state)))
    use_case = load_use_case(configs / "use_cases" / NAME)
    for seed in (1, 2):
        registry.register(NAME, trained(use_case, seed), {}, {})
    registry.set_alias(NAME, "champion", "1")
    with local_graph(configs, state, {"REGISTRY__POLL_S": "0.1"}) as started:
        try:
            yield started
        finally:
            gate.opened.set()


def told(graph: LocalGraph) -> list[object]:
    return [(each["model_version"], each["prediction"], each["decision"]) for each in graph.answers(NAME, ROWS)]


def serves(graph: LocalGraph) -> tuple[str | None, str | None]:
    model = graph.model(NAME)
    return model["version"], model["predictor"]


def test_the_flip_comes_behind_and_changes_no_answer(graph: LocalGraph, gate: Gate) -> None:
    assert gate.waiting.wait(20)
    assert serves(graph) == ("1", "lightgbm")
    before = told(graph)
    gate.opened.set()
    until(lambda: serves(graph) == ("1", "compiled"))
    assert told(graph) == before
    found = graph.http("GET", "/api/v1/predict/models").json()["models"]
    assert [each["predictor"] for each in found] == ["compiled"]


def test_a_swap_does_not_wait_for_it_and_comes_to_the_new_one_too(graph: LocalGraph, gate: Gate) -> None:
    assert gate.waiting.wait(20)  # the first one's is under way, and holds the turn
    registry = open_registry(Platform(state=str(graph.state)))
    started = time.monotonic()
    registry.set_alias(NAME, "champion", "2")
    until(lambda: serves(graph) == ("2", "lightgbm"))
    assert time.monotonic() - started < 10
    before = told(graph)
    assert {each[0] for each in before} == {"2"}  # type: ignore[index]
    gate.opened.set()
    until(lambda: serves(graph) == ("2", "compiled"), 30)
    assert told(graph) == before
