"""Money over the whole graph: a day's budget, who is paid for, what is told of it, and that it is never overspent."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serve_app.adapters.config_files import load_use_case
from serve_app.adapters.registries import open_registry
from serve_app.adapters.students import load_student
from serve_app.core.budget import worth
from serve_app.core.platform import Platform
from serve_app.core.ports import Student
from serve_app.core.rows import Rows, numeric_column, text_column
from tests.fakes.fake_openai import FakeOpenAI
from tests.fakes.local_graph import LocalGraph, local_graph, until
from tests.fakes.small_models import STONES, USE_CASES, stones, trained, write_use_case

COST, CALLS, ROWS = 0.01, 5, 90
RECORDED = {"kind": "recorded", "file": "recorded.csv", "key": ["weight"], "answer": "said", "cost_usd": COST}
VALUE = {"boulder": 4.0}
WAIT = "retry-after"


@dataclass
class World:
    configs: Path
    state: Path
    student: Student

    def write(self, statement: str, *values: Any) -> None:
        with closing(sqlite3.connect(self.state / "events.db")) as events, events:
            events.execute(statement, values)

    def forget(self) -> None:
        """All that was spent."""
        self.write("DELETE FROM spending")

    def a_day_passes(self) -> None:
        """What was spent today was spent yesterday."""
        today, yesterday = (f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%d}" for days in (0, 1))
        self.write("UPDATE spending SET key = replace(key, ?, ?)", f":day:{today}", f":day:{yesterday}")


GIVEN = stones(ROWS, seed=9).rows.with_columns({name: text_column([None] * ROWS) for name in ("stone", "shelf")})


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(tokens=(60, 10)) as fake:
        yield fake


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("budget")
    configs, state = folder / "configs", folder / "state"
    teacher = {**USE_CASES["stones"]["teacher"], "providers": [RECORDED]}
    money = {"per_day_usd": COST * CALLS, "per_month_usd": 1.0, "value": VALUE}
    made = write_use_case(configs, "stones", {**USE_CASES["stones"], "teacher": teacher, "budget": money})
    said = "\n".join(f"{weight!r},pebble" for weight in GIVEN["weight"].tolist())
    (made / "recorded.csv").write_text(f"weight,said\n{said}\n", encoding="utf-8")
    write_use_case(configs, "foams", {**USE_CASES["foams"], "budget": {"per_day_usd": 0.0003}})
    waves = {**USE_CASES["foams"], "budget": {"per_day_usd": 0.0003}, "cache": {"keep_s": 3600}}
    write_use_case(configs, "waves", waves)
    (configs / "platform.yaml").write_text("{}\n", encoding="utf-8")
    bundle = trained(load_use_case(made), count=200)
    registry = open_registry(Platform(state=str(state)))
    version = registry.register("stones", bundle, {}, {}).version
    registry.set_alias("stones", "champion", version)
    return World(configs, state, load_student(bundle, version))


@pytest.fixture(scope="module")
def _graph(world: World, fake: FakeOpenAI) -> Iterator[LocalGraph]:
    with local_graph(world.configs, world.state, settings(fake)) as graph:
        yield graph


@pytest.fixture
def graph(_graph: LocalGraph, world: World, fake: FakeOpenAI) -> LocalGraph:
    """With nothing spent."""
    world.forget()
    fake.behaviour = "good"
    fake.calls.clear()
    return _graph


def settings(fake: FakeOpenAI) -> dict[str, str]:
    return {
        "TEACHER__OPENAI__API_KEY": "not-a-real-key",
        "TEACHER__OPENAI__BASE_URL": fake.base_url,
        "TEACHER__MAX_OUTPUT_TOKENS": "20",
        "TEACHER__TIMEOUT_S": "8",
        "STORE__SYNCHRONOUS": "normal",
    }


def deferred_by_worth(world: World) -> list[int]:
    """Rows that the student does not keep, what is worth most first."""
    answers = world.student.answer(GIVEN)
    needed = np.where(answers.best() == STONES.index("pebble"), 0.9, 0.8)
    value = worth(load_use_case(world.configs / "use_cases" / "stones").budget, answers)
    unsure = np.flatnonzero(answers.probabilities.max(axis=1) < needed)
    return sorted(unsure.tolist(), key=lambda row: -value[row])


def limits(graph: LocalGraph, name: str = "stones") -> Mapping[str, Mapping[str, Any]]:
    told = graph.http("GET", f"/api/v1/ops/budget?use_case={name}")
    assert told.status_code == 200
    return {each["limit"]: each for each in told.json()["limits"]}


def nobodys(graph: LocalGraph, row: int) -> list[dict[str, Any]]:
    """The answer that nobody gave, once it is so."""
    return [answer for answer in graph.answers("stones", GIVEN.take([row])) if answer["prediction"]["label"] is None]


def body(row: int) -> dict[str, Any]:
    return {name: value for name, value in GIVEN.record(row).items() if value is not None}


def test_a_days_money_goes_to_what_is_worth_most_and_not_beyond(graph: LocalGraph, world: World) -> None:
    rows = deferred_by_worth(world)
    assert len(rows) > 2 * CALLS
    answers = graph.answers("stones", GIVEN)
    taught = {row for row, answer in enumerate(answers) if answer["teacher"] is not None}
    assert taught == set(rows[:CALLS])
    for row, answer in enumerate(answers):
        if row in rows[CALLS:]:
            assert (answer["source"], answer["degraded"], answer["reason"]) == ("student_fallback", True, "budget")
            assert answer["prediction"] == answer["student"]
        elif row not in taught:
            assert (answer["source"], answer["degraded"]) == ("student", False)
    assert sum(graph.log.get(answer["id"]).cost_usd for answer in answers) == pytest.approx(COST * CALLS)
    day, month = limits(graph)["day"], limits(graph)["month"]
    assert (day["usd"], day["spent_usd"], day["remaining_usd"]) == (0.05, 0.05, 0.0)
    assert (month["spent_usd"], month["remaining_usd"]) == (0.05, 0.95)

    again = graph.answers("stones", GIVEN)
    assert not [answer for answer in again if answer["teacher"] is not None]
    assert limits(graph)["day"]["spent_usd"] == 0.05

    world.a_day_passes()
    anew = graph.answers("stones", GIVEN)
    assert {row for row, answer in enumerate(anew) if answer["teacher"] is not None} == set(rows[:CALLS])
    assert (limits(graph)["day"]["spent_usd"], limits(graph)["month"]["spent_usd"]) == (0.05, 0.1)


def test_what_the_student_keeps_costs_no_look_at_the_money(graph: LocalGraph, world: World) -> None:
    sure = [row for row in range(ROWS) if row not in deferred_by_worth(world)]
    graph.answers("stones", GIVEN.take(sure))
    assert limits(graph)["day"]["spent_usd"] == 0.0
    assert graph.http("POST", "/api/v1/predict/stones", json=body(sure[0])).headers.get(WAIT) is None


def test_whoever_is_not_paid_for_hears_when_there_is_money_again(graph: LocalGraph, world: World) -> None:
    rows = deferred_by_worth(world)
    first = graph.http("POST", "/api/v1/predict/stones", json=body(rows[0]))
    assert first.headers.get(WAIT) is None
    graph.answers("stones", GIVEN.take(rows[:CALLS]))
    tensors = [{"name": "weight", "shape": [1], "datatype": "FP64", "data": [body(rows[0])["weight"]]}]
    asked: Mapping[str, Any] = {
        "/api/v1/predict/stones": body(rows[0]),
        "/api/v1/predict/stones/batch": {"instances": [body(row) for row in rows]},
        "/api/v1/explain/stones": body(rows[0]),
        "/v2/models/stones/infer": {"inputs": tensors},
    }
    midnight = (datetime.now(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    resets_at = datetime.fromisoformat(limits(graph)["day"]["resets_at"])
    assert resets_at == midnight
    for path, sent in asked.items():
        told = graph.http("POST", path, json=sent)
        assert told.status_code == 200, (path, told.text)
        assert int(told.headers[WAIT]) == pytest.approx((midnight - datetime.now(UTC)).total_seconds(), abs=20), path


def test_a_person_reviews_what_is_not_paid_for_and_it_can_be_made_again(graph: LocalGraph, world: World) -> None:
    file = world.configs / "use_cases" / "stones" / "use_case.yaml"
    before = file.read_text(encoding="utf-8")
    (row,) = deferred_by_worth(world)[:1]
    graph.answers("stones", GIVEN)
    (students,) = graph.answers("stones", GIVEN.take([row]))
    file.write_text(before.replace("budget:", "budget:\n  when_short: review"), encoding="utf-8")
    try:  # the edit is seen within a second or two
        (persons,) = until(lambda: nobodys(graph, row))
    finally:
        file.write_text(before, encoding="utf-8")
    assert students["reason"] == persons["reason"] == "budget"
    assert students["prediction"]["label"] is not None
    assert persons["prediction"] == {"label": None, "confidence": None}
    assert persons["decision"] == {"action": "REVIEW"}
    assert (persons["source"], persons["degraded"]) == ("student_fallback", True)
    assert persons["student"] == students["student"]
    for answer in (students, persons):
        told = graph.http("POST", f"/api/v1/predictions/{answer['id']}/replay")
        assert told.json()["match"], told.text


def test_without_student_and_money_the_answer_is_that_there_is_none(graph: LocalGraph, fake: FakeOpenAI) -> None:
    while (told := graph.http("POST", "/api/v1/predict/foams", json={"height": 2.0})).json()["teacher"] is not None:
        assert len(fake.calls) < 200
    assert told.status_code == 200
    answer = told.json()
    assert (answer["reason"], answer["degraded"]) == ("cold_start, budget", True)
    assert answer["decision"] == {"action": "REVIEW"}
    assert int(told.headers[WAIT]) > 0
    spent = limits(graph, "foams")["day"]["spent_usd"]
    assert spent == pytest.approx(len(fake.calls) * (60 * 0.15 + 10 * 0.6) / 1e6)
    assert 0 < spent <= 0.0003


def test_what_was_asked_before_is_answered_without_money(graph: LocalGraph, fake: FakeOpenAI) -> None:
    def ask(height: float) -> Any:
        return graph.http("POST", "/api/v1/predict/waves", json={"height": height})

    first, heights = ask(2.0).json(), itertools.count(3)
    while (short := ask(float(next(heights)))).json()["teacher"] is not None:
        assert len(fake.calls) < 200
    assert short.json()["reason"] == "cold_start, budget"
    spent, calls = limits(graph, "waves")["day"]["spent_usd"], len(fake.calls)
    again = ask(2.0)
    answer, given = again.json(), again.json()["teacher"]
    assert (given["cached"], given["cost_usd"], given["label"]) == (True, 0.0, first["teacher"]["label"])
    assert given["saved_usd"] == first["teacher"]["cost_usd"] > 0
    assert (answer["prediction"], again.headers.get(WAIT)) == (first["prediction"], None)
    assert (limits(graph, "waves")["day"]["spent_usd"], len(fake.calls)) == (spent, calls)
    assert graph.http("POST", f"/api/v1/predictions/{answer['id']}/replay").json()["match"]
    saved = graph.http("GET", "/api/v1/ops/savings?use_case=waves").json()
    assert saved["use_cases"][0]["whole"]["avoided"] == {"student": 0, "cache": 1, "budget": 1}


def test_many_at_once_never_overspend_and_what_is_settled_is_what_was_logged(
    graph: LocalGraph, fake: FakeOpenAI
) -> None:
    fake.behaviour = ["good", "off_schema", "rate_limited", "good", "empty"] * 60 + ["good"]

    def ask(number: int) -> list[dict[str, Any]]:
        return list(graph.answers("foams", Rows({"height": numeric_column([float(number)] * (1 + number % 3))})))

    with ThreadPoolExecutor(16) as pool:
        answers = [answer for each in pool.map(ask, range(60)) for answer in each]
    logged = sum(graph.log.get(answer["id"]).cost_usd for answer in answers)
    spent = limits(graph, "foams")["day"]["spent_usd"]
    assert spent == pytest.approx(logged)
    assert 0.0001 < spent <= 0.0003
    assert "cold_start, budget" in {answer["reason"] for answer in answers}


def test_money_that_nobody_can_count_is_not_spent(world: World, fake: FakeOpenAI) -> None:
    fake.behaviour = "good"
    fake.calls.clear()
    with local_graph(world.configs, world.state, {**settings(fake), "BUDGET__URL": "redis://127.0.0.1:1/0"}) as graph:
        answered = graph.predict("foams", Rows({"height": numeric_column([2.0])}))
        assert answered.answers[0]["reason"] == "cold_start, budget_unavailable"
        assert answered.retry_after_s is None
        assert fake.calls == []
