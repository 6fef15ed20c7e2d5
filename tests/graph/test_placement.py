"""The same answers bit for bit wherever the parts run, and swaps and states that reach the students inside."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, get_args

import pytest
from ray.serve._private.build_app import build_app

from serve_app.adapters.bundle_cache import BundleCache
from serve_app.adapters.config_files import load_use_case
from serve_app.adapters.registries import open_registry
from serve_app.adapters.students import libraries
from serve_app.app import AppArgs, build
from serve_app.core.bundle import digest_of
from serve_app.core.platform import Placement, Platform
from serve_app.core.ports import Asked, Bundle, Registry
from serve_app.core.rows import Rows, numeric_column, text_column
from tests.fakes.bad_artefacts import resealed
from tests.fakes.fake_openai import FakeOpenAI
from tests.fakes.local_graph import LocalGraph, local_graph
from tests.fakes.small_models import LABELLED, USE_CASES, trained, write_use_case

SETTINGS = {
    "TEACHER__OPENAI__API_KEY": "not-a-real-key",
    "TEACHER__BREAKER__FAILURES": "1000",
    "REGISTRY__POLL_S": "3600",
}
PLACEMENTS: tuple[Placement, ...] = get_args(Placement)
EACH = 60


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as fake:
        yield fake


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory, fake: FakeOpenAI) -> Iterator[Mapping[Placement, LocalGraph]]:
    """One for each placement, over the same students."""
    folder = tmp_path_factory.mktemp("placement")
    configs = folder / "configs"
    for name in USE_CASES:
        write_use_case(configs, name)
    (configs / "platform.yaml").write_text("{}\n", encoding="utf-8")
    for name in LABELLED:
        champion(configs, folder / PLACEMENTS[0], name, seed=1)
    for other in PLACEMENTS[1:]:  # quicker than to have MLflow make its database again
        shutil.copytree(folder / PLACEMENTS[0], folder / other)
    teacher = {"TEACHER__OPENAI__BASE_URL": fake.base_url}
    with ExitStack() as stack:
        yield {
            each: stack.enter_context(local_graph(configs, folder / each, {**SETTINGS, **teacher, "PLACEMENT": each}))
            for each in PLACEMENTS
        }


def champion(configs: Path, state: Path, name: str, seed: int) -> None:
    registry = open_registry(Platform(state=str(state)))
    bundle = trained(load_use_case(configs / "use_cases" / name), seed)
    registry.set_alias(name, "champion", registered(registry, state, name, bundle))


def registered(registry: Registry, state: Path, name: str, bundle: Bundle) -> str:
    """A version that need not be tried in a child process any more: that takes seconds each."""
    cache = BundleCache(state / "cache")
    cache.put(bundle)
    cache.mark_tried(digest_of(bundle), " ".join(f"{each} {installed(each)}" for each in libraries(bundle)))
    return registry.register(name, bundle, {}, {}).version


def rows(name: str) -> Rows:
    if name not in LABELLED:
        return Rows({name_: numeric_column([2.0] * 3) for name_ in USE_CASES[name]["fields"]})
    given = LABELLED[name](EACH, 9).rows
    blank = dict.fromkeys(("stone", "shelf"), text_column([None] * EACH))
    return given.with_columns(blank) if name == "stones" else given


def shown(answer: Mapping[str, Any]) -> dict[str, Any]:
    """All that does not differ from one moment to the next."""
    teacher = answer["teacher"] and {**answer["teacher"], "latency_ms": 0}
    return {**answer, "id": "", "teacher": teacher}


@pytest.mark.parametrize("name", sorted(USE_CASES))
def test_every_placement_gives_the_same_answers_and_writes_the_same_down(
    graphs: Mapping[Placement, LocalGraph], name: str
) -> None:
    told, logged = {}, {}
    for placement, graph in graphs.items():
        answers = graph.answers(name, rows(name))
        assert {answer["source"] for answer in answers} >= ({"student"} if name in LABELLED else set())
        told[placement] = [shown(answer) for answer in answers]
        events = [graph.log.get(answer["id"]) for answer in answers]
        logged[placement] = [(event.features, event.student, event.propensity, event.cost_usd) for event in events]
        assert [event.answer for event in events] == list(answers)
    assert told["near"] == told["graph"]
    assert told["fused"] == told["graph"]
    assert logged["near"] == logged["fused"] == logged["graph"]


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_requests_at_once_are_answered_as_alone_and_written_down_each_as_its_own(
    graphs: Mapping[Placement, LocalGraph], placement: Placement
) -> None:
    graph, given = graphs[placement], rows("stones")
    expected = [shown(answer) for answer in graph.answers("stones", given)]
    parts = [given.take(range(start, min(start + 3, EACH))) for start in range(0, EACH, 3)]
    asked = [Asked(f"request-{number}", f"user-{number}") for number in range(len(parts))]
    coming = [graph.handle.predict.remote("stones", *each) for each in zip(parts, asked, strict=True)]
    came = [each.result(timeout_s=60) for each in coming]
    assert [shown(answer) for answered in came for answer in answered.answers] == expected
    for part, who, answered in zip(parts, asked, came, strict=True):
        events = [graph.log.get(answer["id"]) for answer in answered.answers]
        assert [event.features for event in events] == list(part.records()) == list(answered.rows.records())
        assert {(event.request_id, event.user) for event in events} == {(who.request_id, who.user)}
        assert len({event.latency_ms for event in events}) == 1
    assert len({graph.log.get(answered.answers[0]["id"]).latency_ms for answered in came}) > 1


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_every_part_is_told_as_ready_wherever_it_runs(
    graphs: Mapping[Placement, LocalGraph], placement: Placement
) -> None:
    graph = graphs[placement]
    cold = {"foams", "sands"}
    for name in USE_CASES:
        part = graph.part(f"use_case:{name}")
        assert (part.state, part.name) == ("cold" if name in cold else "ready", f"use_case:{name}")
        assert graph.part(f"teacher:{name}").state == "ready"
        model = graph.model(name)
        assert model["version"] == (None if name in cold else "1")
    assert {each.name: each.state for each in graph.call("parts")} == {
        each.name: each.state for each in graphs["graph"].call("parts")
    }


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_a_promotion_reaches_the_student_wherever_it_runs(
    graphs: Mapping[Placement, LocalGraph], placement: Placement
) -> None:
    """The watch looks once an hour here, so that it cannot be what helped."""
    graph = graphs[placement]
    use_case = load_use_case(graph.configs / "use_cases" / "knots")
    registry = open_registry(Platform(state=str(graph.state)))
    new = registered(registry, graph.state, "knots", resealed(use_case, trained(use_case, 2), age_s=1))
    done = graph.http("POST", "/api/v1/train/knots/promote", json={"version": new, "reason": "it is better"})
    assert done.status_code == 200, done.text
    assert {answer["model_version"] for answer in graph.answers("knots", rows("knots"))} == {new}
    assert graph.model("knots")["version"] == new
    back = graph.http("POST", "/api/v1/train/knots/rollback", json={"reason": "it was not"})
    assert back.status_code == 200, back.text
    assert {answer["model_version"] for answer in graph.answers("knots", rows("knots"))} == {"1"}
    (answer,) = graph.answers("knots", rows("knots").take([0]))
    replayed = graph.http("POST", f"/api/v1/predictions/{answer['id']}/replay")
    assert replayed.json()["match"], replayed.text


@pytest.mark.parametrize(
    ("placement", "apart"),
    [
        ("graph", {"Ingress", "Cascade", "Decision", "Model:knots"}),
        ("near", {"Ingress", "Model:knots"}),
        ("fused", {"Ingress"}),
    ],
)
def test_a_placement_is_which_parts_are_deployments_of_their_own(
    graphs: Mapping[Placement, LocalGraph], monkeypatch: pytest.MonkeyPatch, placement: Placement, apart: set[str]
) -> None:
    monkeypatch.setenv("UNDERSTUDY_PLACEMENT", placement)
    monkeypatch.setenv("UNDERSTUDY_STATE", str(graphs[placement].state))
    monkeypatch.setenv("UNDERSTUDY_REPLICAS__INGRESS", "2")
    built = build_app(build(AppArgs(configs=str(graphs[placement].configs))), name="understudy")
    found = {each.name: each for each in built.deployments}
    always = {"Teacher", "Registry", "Replays"}
    others = {f"Model:{name}" for name in USE_CASES} - {"Model:knots"} if "Model:knots" in apart else set()
    assert set(found) == apart | always | others
    assert found["Ingress"].num_replicas == 2
