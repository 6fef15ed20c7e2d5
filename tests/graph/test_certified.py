"""A certified cascade from end to end: what the certificate allows, what is withdrawn, what an operator
overrides, and what chance has the teacher asked besides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from serve_app.adapters.config_files import load_use_case
from serve_app.adapters.registries import open_registry
from serve_app.adapters.sql_reports import open_reports
from serve_app.core.certificate import FILE, Certificate, ClassCertificate
from serve_app.core.jobs import Report
from serve_app.core.platform import Platform
from serve_app.core.rows import Rows, text_column
from serve_app.core.standing import KIND, Override, Standing, Withdrawn
from tests.fakes.bad_artefacts import resealed
from tests.fakes.fake_openai import FakeOpenAI
from tests.fakes.local_graph import LocalGraph, local_graph, until
from tests.fakes.small_models import LABELLED, STONES, USE_CASES, trained, write_use_case

NAME, RATE = "stones", 0.3
CERTIFICATE = Certificate(
    0.9, "teacher", 0.05, 1, 0.03, 600,
    {"pebble": ClassCertificate(0.6, 200, 4, 0.06), "cobble": ClassCertificate(None, 20, 9, None, 5000)},
)  # fmt: skip


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as fake:
        yield fake


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory, fake: FakeOpenAI) -> Iterator[LocalGraph]:
    folder = tmp_path_factory.mktemp("certified")
    configs, state = folder / "configs", folder / "state"
    cascade = {"kind": "certified", "target": 0.9, "audit_rate": RATE}
    write_use_case(configs, NAME, {**USE_CASES[NAME], "cascade": cascade})
    (configs / "platform.yaml").write_text("{}\n", encoding="utf-8")
    use_case = load_use_case(configs / "use_cases" / NAME)
    registry = open_registry(Platform(state=str(state)))
    bundle = resealed(use_case, trained(use_case, 1), {FILE: CERTIFICATE.as_json()})
    registry.set_alias(NAME, "champion", registry.register(NAME, bundle, {}, {}).version)
    settings = {
        "TEACHER__OPENAI__API_KEY": "not-a-real-key",
        "TEACHER__OPENAI__BASE_URL": fake.base_url,
        "REGISTRY__POLL_S": "0.1",
    }
    with local_graph(configs, state, settings) as graph:
        until(lambda: graph.model(NAME)["version"])  # on a busy machine the student may come after its start
        yield graph


@pytest.fixture
def stands(graph: LocalGraph) -> Iterator[None]:
    """Whatever a test makes of it, the next begins with nothing withdrawn and nothing overridden."""
    yield
    put(graph.state, Standing("1"))
    until(lambda: "certified" in states(graph))


def put(state: Path, standing: Standing) -> None:
    reports = open_reports(Platform(state=str(state)).store, state)
    reports.put(Report(f"{KIND}:{NAME}", NAME, KIND, datetime.now(UTC), standing.as_dict()))
    reports.close()


def rows(count: int = 60, seed: int = 9) -> Rows:
    given = LABELLED[NAME](count, seed).rows
    names = text_column([f"s{number}" for number in range(count)])
    return given.with_columns({"stone": names, "shelf": text_column([None] * count)})


def states(graph: LocalGraph) -> set[str]:
    return {answer["certificate"]["state"] for answer in graph.answers(NAME, rows(20))}


def test_what_is_certified_is_answered_alone_and_all_else_is_deferred(graph: LocalGraph, fake: FakeOpenAI) -> None:
    fake.calls.clear()
    answers = graph.answers(NAME, rows())
    alone = [answer for answer in answers if answer["source"] == "student"]
    assert alone
    assert {answer["student"]["label"] for answer in alone} == {"pebble"}
    assert all(answer["student"]["confidence"] >= 0.6 for answer in alone)
    assert {answer["certificate"]["state"] for answer in alone} == {"certified"}
    others = [answer for answer in answers if answer["student"]["label"] != "pebble"]
    assert {answer["certificate"]["state"] for answer in others} == {"not_certified"}
    assert all(answer["teacher"] for answer in others)
    assert len(fake.calls) == len(answers) - len(alone)


def test_chance_chooses_what_is_audited_whatever_the_confidence(graph: LocalGraph) -> None:
    graph.answers(NAME, rows(400, seed=31))
    logged = graph.log.newest(NAME, 400)
    audited = np.array([event.audit_rate is not None for event in logged])
    assert abs(audited.mean() - RATE) < 4 * np.sqrt(RATE * (1 - RATE) / 400)
    assert {event.audit_rate for event in logged} == {RATE, None}
    assert all(event.teacher for event in logged if event.audit_rate is not None)
    assert [event.answer["audited"] for event in logged] == audited.tolist()
    sure = np.array([event.student["label"] == "pebble" and event.student["confidence"] >= 0.6 for event in logged])
    assert [event.propensity for event in logged] == np.where(sure, RATE, 1.0).tolist()
    assert (sure & audited).any()
    assert (~sure & audited).any()


@pytest.mark.usefixtures("stands")
def test_what_is_withdrawn_is_deferred_again(graph: LocalGraph) -> None:
    put(graph.state, Standing("1", {"pebble": Withdrawn(datetime.now(UTC).isoformat(), 90, 40)}))
    until(lambda: states(graph) == {"withdrawn", "not_certified"})
    assert all(answer["teacher"] for answer in graph.answers(NAME, rows()))


@pytest.mark.usefixtures("stands")
def test_a_withdrawal_of_another_version_is_not_this_ones(graph: LocalGraph) -> None:
    put(graph.state, Standing("7", {"pebble": Withdrawn(datetime.now(UTC).isoformat(), 90, 40)}))
    assert "certified" in states(graph)


@pytest.mark.usefixtures("stands")
def test_an_operators_override_is_told_in_the_answer_and_ends(graph: LocalGraph) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=4)
    put(graph.state, Standing("1", {}, Override("kim", "a known outage", soon.isoformat(), 0.0)))
    until(lambda: states(graph) == {"override"})
    answer = next(each for each in graph.answers(NAME, rows()) if each["source"] == "student")
    assert answer["certificate"] == {
        "state": "override", "threshold": 0.0, "by": "kim", "reason": "a known outage", "until": soon.isoformat(),
    }  # fmt: skip
    until(lambda: states(graph) == {"certified", "not_certified"})


def test_without_a_certificate_every_row_is_deferred(graph: LocalGraph) -> None:
    use_case = load_use_case(graph.configs / "use_cases" / NAME)
    registry = open_registry(Platform(state=str(graph.state)))
    bare = registry.register(NAME, resealed(use_case, trained(use_case, 2)), {}, {}).version
    registry.set_alias(NAME, "champion", bare)
    until(lambda: graph.model(NAME)["version"] == bare)
    answers = graph.answers(NAME, rows())
    assert {answer["certificate"]["state"] for answer in answers} == {"not_certified"}
    assert all(answer["teacher"] for answer in answers)
    assert STONES[0] in {answer["student"]["label"] for answer in answers}
