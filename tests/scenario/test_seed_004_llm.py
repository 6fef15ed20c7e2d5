"""Seed 004's care for its LLM: retry, circuit breaker, time-out, rate limit. Whatever the LLM does,
the caller gets an answer: the student's, marked as such.

The graph runs in this process, since the shared Understudy has no key.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from serve_app.adapters.config_files import load_use_case
from serve_app.adapters.registries import open_registry
from serve_app.adapters.students import load_student
from serve_app.core.platform import Platform
from serve_app.core.ports import Student
from serve_app.core.rows import Rows, text_column
from tests.fakes.fake_openai import FakeOpenAI
from tests.fakes.local_graph import LocalGraph, local_graph, until
from tests.fakes.small_models import stones, trained, write_use_case

TIMEOUT_S, DEADLINE_S, RESET_S, FAILURES = 0.6, 2.5, 0.6, 4


@dataclass(frozen=True)
class Desk:
    """A graph, and a row that its student defers."""

    graph: LocalGraph
    row: Rows


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as fake:
        yield fake


@pytest.fixture(scope="module")
def _desk(tmp_path_factory: pytest.TempPathFactory, fake: FakeOpenAI) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("llm")
    student = _prepare(folder)
    settings = {
        "TEACHER__OPENAI__API_KEY": "not-a-real-key",
        "TEACHER__OPENAI__BASE_URL": fake.base_url,
        "TEACHER__TIMEOUT_S": str(TIMEOUT_S),
        "TEACHER__DEADLINE_S": str(DEADLINE_S),
        "TEACHER__BREAKER__FAILURES": str(FAILURES),
        "TEACHER__BREAKER__RESET_S": str(RESET_S),
    }
    with local_graph(folder / "configs", folder / "state", settings) as graph:
        yield Desk(graph, unsure(student))


def _prepare(folder: Path) -> Student:
    """One use case with a champion, which is given back."""
    path = write_use_case(folder / "configs", "stones")
    (folder / "configs" / "platform.yaml").write_text("{}\n", encoding="utf-8")
    use_case = load_use_case(path)
    registry = open_registry(Platform(state=str(folder / "state")))
    bundle = trained(use_case)
    registry.set_alias("stones", "champion", registry.register("stones", bundle, {}, {}).version)
    return load_student(bundle, "1")


@pytest.fixture
def desk(_desk: Desk, fake: FakeOpenAI) -> Desk:
    """With an LLM that is well, a closed breaker, and no call made yet."""
    fake.behaviour, fake.retry_after, fake.latency_s = "good", None, 0.0
    until(lambda: ask(_desk)["source"] != "student_fallback")
    fake.calls.clear()
    return _desk


def forty() -> Rows:
    """Stones as the API hands them over."""
    nothing = text_column([None] * 40)
    return stones(40, seed=5).rows.with_columns({"stone": nothing, "shelf": nothing})


def unsure(student: Student) -> Rows:
    """The one of them that the student is least sure of."""
    surest = student.answer(forty()).probabilities.max(axis=1)
    assert surest.min() < 0.8
    return forty().take(surest.argsort()[:1])


def ask(desk: Desk) -> dict[str, Any]:
    return desk.graph.answers("stones", desk.row)[0]


def timed(desk: Desk) -> tuple[dict[str, Any], float]:
    began = time.monotonic()
    return ask(desk), time.monotonic() - began


def assert_the_students(answer: dict[str, Any], reason: str) -> None:
    assert (answer["source"], answer["degraded"], answer["reason"]) == ("student_fallback", True, reason)
    assert answer["prediction"]["label"] == answer["student"]["label"]
    assert answer["decision"]["action"] == "ROUTE"


def test_a_good_answer_is_taken_and_paid_for(desk: Desk, fake: FakeOpenAI) -> None:
    answer = ask(desk)
    assert answer["source"] in ("agreement", "arbitration")
    assert answer["teacher"]["provider"] == "openai"
    assert answer["teacher"]["cost_usd"] > 0
    assert len(fake.calls) == 1


@pytest.mark.parametrize("fault", ["server_error", "reset", "rate_limited"])
def test_one_failure_is_retried_once(desk: Desk, fake: FakeOpenAI, fault: str) -> None:
    fake.behaviour = [fault, "good"]
    assert ask(desk)["degraded"] is False
    assert [call.behaviour for call in fake.calls] == [fault, "good"]


def test_the_wait_that_a_rate_limit_asks_for_is_kept(desk: Desk, fake: FakeOpenAI) -> None:
    fake.behaviour, fake.retry_after = ["rate_limited", "good"], "1"
    answer, seconds = timed(desk)
    assert answer["degraded"] is False
    assert seconds >= 1


def test_a_wait_beyond_the_deadline_is_not_waited_for(desk: Desk, fake: FakeOpenAI) -> None:
    fake.behaviour, fake.retry_after = "rate_limited", "60"
    answer, seconds = timed(desk)
    assert_the_students(answer, "rate_limited")
    assert seconds < DEADLINE_S
    assert len(fake.calls) == 1


@pytest.mark.parametrize("behaviour", ["drip", "hang"])
def test_an_answer_that_never_ends_is_cut_off(desk: Desk, fake: FakeOpenAI, behaviour: str) -> None:
    fake.behaviour = behaviour
    answer, seconds = timed(desk)
    assert_the_students(answer, "timeout")
    assert TIMEOUT_S <= seconds < DEADLINE_S + 0.5


def test_the_breaker_opens_spares_the_llm_and_recovers(desk: Desk, fake: FakeOpenAI) -> None:
    fake.behaviour = "server_error"
    for _ in range(FAILURES // 2):  # each asks twice
        assert_the_students(ask(desk), "server_error")
    assert len(fake.calls) == FAILURES
    answer, seconds = timed(desk)
    assert_the_students(answer, "breaker_open")
    assert seconds < TIMEOUT_S
    assert len(fake.calls) == FAILURES
    part = desk.graph.part("teacher:stones")
    assert (part.state, "server_error" in part.detail) == ("degraded", True)
    fake.behaviour = "good"
    time.sleep(RESET_S)
    assert ask(desk)["degraded"] is False
    assert desk.graph.part("teacher:stones").state == "ready"


@pytest.mark.parametrize(
    "behaviour", ["broken_json", "not_json", "truncated", "off_schema", "empty", "refused", "blocked", "bad_key"]
)
def test_nonsense_never_reaches_the_caller(desk: Desk, fake: FakeOpenAI, behaviour: str) -> None:
    fake.behaviour = behaviour
    answer = ask(desk)
    assert_the_students(answer, answer["reason"])
    assert answer["reason"] not in (None, "no_teacher", "breaker_open")
    assert answer["teacher"] is None
