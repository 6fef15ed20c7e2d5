"""The graph from end to end: students, teacher, cascade, decision, event log, registry and its watch."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serve_app.adapters.config_files import load_use_case
from serve_app.adapters.registries import open_registry
from serve_app.adapters.students import load_student
from serve_app.core.bundle import digest_of
from serve_app.core.cascade import agreement
from serve_app.core.errors import InvalidInput, StoreUnavailable, Unavailable, UnknownPrediction, UnknownUseCase
from serve_app.core.platform import Platform
from serve_app.core.ports import Asked, Registry, Student
from serve_app.core.rows import Rows, numeric_column, text_column
from serve_app.core.use_case import UseCase
from tests.fakes.fake_openai import FakeOpenAI
from tests.fakes.local_graph import LocalGraph, local_graph, until
from tests.fakes.small_models import LABELLED, STONES, USE_CASES, lying, trained, write_use_case

TEACHER = {
    "TEACHER__OPENAI__API_KEY": "not-a-real-key",
    "TEACHER__TIMEOUT_S": "1.0",
    "TEACHER__DEADLINE_S": "3.0",
    "TEACHER__BREAKER__FAILURES": "1000",
}
WATCH = {"REGISTRY__POLL_S": "0.1", "STORE__TIMEOUT_S": "0.5"}


@dataclass
class World:
    """What lies on disk before anything is started."""

    configs: Path
    state: Path
    registry: Registry
    students: dict[str, Student] = field(default_factory=dict)

    def use_case(self, name: str) -> UseCase:
        return load_use_case(self.configs / "use_cases" / name)

    def champion(self, name: str, seed: int) -> Student:
        """A new student, registered and put under the alias."""
        bundle = trained(self.use_case(name), seed)
        version = self.registry.register(name, bundle, {"accuracy": 0.5}, {}).version
        self.registry.set_alias(name, "champion", version)
        return load_student(bundle, version)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("graph")
    configs, state = folder / "configs", folder / "state"
    for name in USE_CASES:
        write_use_case(configs, name)
    (configs / "platform.yaml").write_text("{}\n", encoding="utf-8")
    world = World(configs, state, open_registry(Platform(state=str(state))))
    world.students = {name: world.champion(name, seed=1) for name in LABELLED}
    return world


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as fake:
        yield fake


@pytest.fixture(scope="module")
def _graph(world: World, fake: FakeOpenAI) -> Iterator[LocalGraph]:
    with local_graph(
        world.configs, world.state, {**TEACHER, **WATCH, "TEACHER__OPENAI__BASE_URL": fake.base_url}
    ) as graph:
        yield graph


@pytest.fixture
def graph(_graph: LocalGraph, fake: FakeOpenAI) -> LocalGraph:
    """With a teacher that is well and has not been asked yet."""
    fake.behaviour, fake.label, fake.latency_s = "good", None, 0.0
    fake.calls.clear()
    return _graph


def rows(name: str, count: int = 120, seed: int = 9) -> Rows:
    """As the API hands them over: every field of the use case, also those that no student sees."""
    given = LABELLED[name](count, seed).rows
    if name != "stones":
        return given
    ids = text_column([f"s{number}" for number in range(count)])
    return given.with_columns(
        {"stone": ids, "shelf": text_column(["top", None] * (count // 2) + ["low"] * (count % 2))}
    )


def told(student: Student, given: Rows) -> tuple[np.ndarray, list[str]]:
    """Probabilities and best labels, offline."""
    answers = student.answer(given)
    return answers.probabilities, [answers.classes[best] for best in answers.best()]


def split(world: World, given: Rows) -> tuple[Rows, Rows]:
    """Stones that the student keeps, and those that it defers."""
    probabilities, labels = told(world.students["stones"], given)
    needed = np.array([0.9 if label == "pebble" else 0.8 for label in labels])
    unsure = probabilities.max(axis=1) < needed
    assert unsure.any()
    assert not unsure.all()
    return given.take(~unsure), given.take(unsure)


def test_what_the_student_is_sure_of_it_keeps_and_the_teacher_is_not_asked(
    graph: LocalGraph, world: World, fake: FakeOpenAI
) -> None:
    sure, _ = split(world, rows("stones"))
    probabilities, labels = told(world.students["stones"], sure)
    answers = graph.answers("stones", sure)
    assert fake.calls == []
    for answer, chances, label in zip(answers, probabilities, labels, strict=True):
        assert answer["source"] == "student"
        assert answer["prediction"] == {"label": label, "confidence": chances.max()}
        assert answer["student"] == answer["prediction"]
        assert answer["teacher"] is None
        assert answer["model_version"] == "1"
        assert not answer["degraded"]
        queue = "crane" if label == "boulder" else "hand"
        assert answer["decision"] == {"action": "ROUTE", "target": queue}


def test_each_class_has_the_threshold_that_its_folder_says(graph: LocalGraph, world: World) -> None:
    given = rows("stones", 600, seed=21)
    probabilities, labels = told(world.students["stones"], given)
    confidence = probabilities.max(axis=1)
    between, strict = (confidence >= 0.8) & (confidence < 0.9), np.array(labels) == "pebble"
    for chosen, deferred in ((between & strict, True), (between & ~strict, False)):
        assert chosen.any()
        answers = graph.answers("stones", given.take(chosen))
        assert {answer["source"] != "student" for answer in answers} == {deferred}


def test_the_teacher_agrees(graph: LocalGraph, world: World, fake: FakeOpenAI) -> None:
    _, unsure = split(world, rows("stones"))
    probabilities, labels = told(world.students["stones"], unsure)
    by_weight = dict(zip(unsure["weight"].tolist(), labels, strict=True))
    fake.label = lambda fields: by_weight[fields["weight"]]
    answers = graph.answers("stones", unsure)
    assert len(fake.calls) == len(unsure)
    for answer, chances, label in zip(answers, probabilities, labels, strict=True):
        assert answer["source"] == "agreement"
        assert answer["prediction"] == {"label": label, "confidence": agreement(chances.max(), 0.9, 3)}
        assert answer["prediction"]["confidence"] > answer["student"]["confidence"]
        assert answer["teacher"]["provider"] == "openai"
        assert answer["teacher"]["cost_usd"] > 0


def test_the_teacher_disagrees_and_wins(graph: LocalGraph, world: World, fake: FakeOpenAI) -> None:
    _, unsure = split(world, rows("stones"))
    _, labels = told(world.students["stones"], unsure)
    other = {weight: STONES[STONES.index(label) - 1] for weight, label in zip(unsure["weight"], labels, strict=True)}
    fake.label = lambda fields: other[fields["weight"]]
    for answer, weight, label in zip(graph.answers("stones", unsure), unsure["weight"], labels, strict=True):
        assert answer["source"] == "arbitration"
        assert answer["reason"] == "teacher_wins"
        assert answer["prediction"] == {"label": other[weight], "confidence": 0.9}
        assert answer["student"]["label"] == label
        assert answer["decision"]["target"] == ("crane" if other[weight] == "boulder" else "hand")


def test_the_teacher_sees_the_features_and_nothing_else(graph: LocalGraph, world: World, fake: FakeOpenAI) -> None:
    _, unsure = split(world, rows("stones"))
    graph.answers("stones", unsure.take([0]))
    (call,) = fake.calls
    assert call.fields == {name: unsure.record(0)[name] for name in ("weight", "colour", "note")}


def test_a_mixed_batch_comes_back_in_its_own_order(graph: LocalGraph, world: World, fake: FakeOpenAI) -> None:
    given = rows("stones", 80)
    _, labels = told(world.students["stones"], given)
    answers = graph.answers("stones", given)
    assert [answer["student"]["label"] for answer in answers] == labels
    deferred = [answer for answer in answers if answer["source"] != "student"]
    assert len(deferred) == len(fake.calls) == len(split(world, given)[1])
    assert {answer["teacher"]["label"] for answer in deferred} == {"pebble"}


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("rate_limited", "rate_limited"), ("server_error", "server_error"), ("bad_key", "bad_credentials"),
        ("hang", "timeout|deadline"), ("drip", "timeout|deadline"),
        ("reset", "connection_error"), ("truncated", "connection_error"),
        ("broken_json", "off_schema"), ("not_json", "off_schema"), ("off_schema", "off_schema"), ("empty", "empty"),
        ("refused", "refused"), ("blocked", "refused"),
    ],
)  # fmt: skip
def test_whatever_the_teacher_does_the_student_answers(
    graph: LocalGraph, world: World, fake: FakeOpenAI, behaviour: str, reason: str
) -> None:
    given = rows("stones")
    sure, unsure = split(world, given)
    both = Rows({name: np.concatenate([sure[name][:1], unsure[name][:2]]) for name in given.names})
    _, labels = told(world.students["stones"], both)
    fake.behaviour = behaviour
    kept, *answers = graph.answers("stones", both)
    assert kept["source"] == "student"
    assert not kept["degraded"]
    for answer, label in zip(answers, labels[1:], strict=True):
        assert (answer["source"], answer["degraded"]) == ("student_fallback", True)
        assert answer["reason"] in reason.split("|"), "a busy machine may be at the deadline first"
        assert answer["prediction"] == answer["student"]
        assert answer["prediction"]["label"] == label
        assert answer["teacher"] is None


def test_rows_left_at_the_deadline_are_the_students(graph: LocalGraph, world: World, fake: FakeOpenAI) -> None:
    _, unsure = split(world, rows("stones", 800, seed=4))
    assert len(unsure) > 80, "more than 16 calls at a time can ask within the deadline"
    fake.latency_s = 0.8  # three rounds of 16 calls
    answers = graph.answers("stones", unsure)
    reasons = {answer["reason"] for answer in answers if answer["degraded"]}
    assert "deadline" in reasons
    assert reasons <= {"deadline", "overloaded", "timeout"}, "a busy machine may be late with a call or two"
    assert any(not answer["degraded"] for answer in answers)
    assert all(answer["prediction"]["label"] in STONES for answer in answers)


def test_a_breaker_that_opened_costs_nothing_but_the_teacher(world: World, fake: FakeOpenAI) -> None:
    fake.behaviour = "server_error"
    fake.calls.clear()
    few = {**TEACHER, "TEACHER__BREAKER__FAILURES": "2", "TEACHER__OPENAI__BASE_URL": fake.base_url}
    _, unsure = split(world, rows("stones"))
    with local_graph(world.configs, world.state, few) as graph:
        graph.answers("stones", unsure.take([0]))
        asked = len(fake.calls)
        (answer,) = graph.answers("stones", unsure.take([1]))
        assert answer["reason"] == "breaker_open"
        assert answer["prediction"] == answer["student"]
        assert len(fake.calls) == asked
        part = graph.part("teacher:stones")
        assert part.state == "degraded"
        assert "server_error" in part.detail


def test_without_a_teacher_the_student_is_on_its_own(graph: LocalGraph, world: World, fake: FakeOpenAI) -> None:
    given = rows("knots")
    unsure = world.students["knots"].answer(given).probabilities.max(axis=1) < 0.7
    assert unsure.any()
    for answer in graph.answers("knots", given.take(unsure)):
        assert (answer["source"], answer["reason"]) == ("student_fallback", "no_teacher")
        assert answer["prediction"]["label"] == answer["student"]["label"]
    assert fake.calls == []


def test_a_score_meets_its_band(graph: LocalGraph, world: World) -> None:
    given = rows("knots")
    scores = world.students["knots"].answer(given).probabilities[:, 1]
    answers = graph.answers("knots", given)
    assert [answer["prediction"]["score"] for answer in answers] == scores.tolist()
    expected = ["ALERT" if score >= 0.7 else "WATCH" if score >= 0.3 else "OK" for score in scores]
    assert [answer["decision"]["action"] for answer in answers] == expected
    assert set(expected) == {"ALERT", "WATCH", "OK"}


def test_a_price_is_deferred_where_its_interval_is_wide(graph: LocalGraph, world: World, fake: FakeOpenAI) -> None:
    given = rows("boats")
    own = world.students["boats"].answer(given)
    wide = own.high - own.low > 0.6 * own.value
    assert wide.any()
    assert not wide.all()
    fake.label = lambda fields: 1.0
    for row, answer in enumerate(graph.answers("boats", given)):
        mine = {"value": own.value[row], "interval": [own.low[row], own.high[row]]}
        assert answer["student"] == mine
        if wide[row]:
            assert answer["source"] == "arbitration"
            assert answer["prediction"] == {"value": 1.0, "interval": None}
        else:
            assert answer["source"] == "student"
            assert answer["prediction"] == mine
        market, fair = given["market_price"][row], answer["prediction"]["value"]
        deviation = (market - fair) / fair
        signal = "BUY" if deviation <= -0.1 else "SELL" if deviation >= 0.15 else "HOLD"
        assert answer["decision"] == {"action": signal, "deviation_pct": deviation, "market_price": market}


@pytest.mark.parametrize("name", sorted(LABELLED))
def test_all_that_is_answered_is_written_down_as_it_was_sent(graph: LocalGraph, name: str) -> None:
    given = rows(name, 40, seed=5)
    before = graph.log.count(name)
    answered = graph.predict(name, given, request_id="wanted")
    logged = [graph.log.get(answer["id"]) for answer in answered.answers]
    assert graph.log.count(name) == before + 40
    assert [event.answer for event in logged] == list(answered.answers)
    assert [event.features for event in logged] == list(given.records())
    for event in logged:
        assert (event.request_id, event.user, event.use_case) == ("wanted", "kim", name)
        assert event.propensity == float(event.answer["source"] != "student")
        assert event.teacher == event.answer["teacher"]
        assert event.policy_version == event.answer["policy_version"]
        assert (event.cost_usd > 0) == (event.teacher is not None)


@pytest.mark.parametrize("name", ["stones", "knots"])
def test_the_log_keeps_the_students_whole_answer(graph: LocalGraph, world: World, name: str) -> None:
    given = rows(name, 30, seed=6)
    probabilities, _ = told(world.students[name], given)
    logged = [graph.log.get(answer["id"]) for answer in graph.answers(name, given)]
    assert [event.student["probabilities"] for event in logged] == probabilities.tolist()


@pytest.mark.parametrize("name", sorted(LABELLED))
def test_an_answer_is_the_same_alone_in_a_batch_and_offline(graph: LocalGraph, world: World, name: str) -> None:
    """Bit for bit, and once more over the features as they were logged: what learning will see."""
    given = rows(name, 200, seed=7)
    whole = [answer["student"] for answer in graph.answers(name, given)]
    answers = world.students[name].answer(given)
    some = range(0, 200, 9)
    for row in some:
        ((alone),) = graph.answers(name, given.take([row]))
        assert alone["student"] == whole[row]
        assert _offline(world.students[name], given.take([row])) == whole[row]
        assert _offline(world.students[name], _logged_rows(graph, world.use_case(name), alone["id"])) == whole[row]
    assert len(answers) == 200
    assert [_told(answers, row) for row in range(200)] == whole


def _offline(student: Student, given: Rows) -> dict[str, Any]:
    return _told(student.answer(given), 0)


def _told(answers: Any, row: int) -> dict[str, Any]:
    if hasattr(answers, "probabilities"):
        best = int(np.argmax(answers.probabilities[row]))
        return {"label": answers.classes[best], "confidence": answers.probabilities[row, best]}
    return {"value": answers.value[row], "interval": [answers.low[row], answers.high[row]]}


def _logged_rows(graph: LocalGraph, use_case: UseCase, prediction_id: str) -> Rows:
    numeric = [name for name, each in use_case.features().items() if each.kind == "numeric"]
    other = [name for name in use_case.features() if name not in numeric]
    return Rows.from_records([graph.log.get(prediction_id).features], numeric, other)


def test_a_store_that_is_away_answers_nobody(graph: LocalGraph, world: World) -> None:
    sure, _ = split(world, rows("stones"))
    before = graph.log.count("stones")
    other = sqlite3.connect(world.state / "events.db", isolation_level=None)
    other.execute("begin exclusive")
    try:
        with pytest.raises(StoreUnavailable):
            graph.predict("stones", sure.take([0, 1]))
        assert graph.part("store").state == "failed"
    finally:
        other.execute("rollback")
        other.close()
    assert graph.log.count("stones") == before
    graph.predict("stones", sure.take([0, 1]))
    assert graph.log.count("stones") == before + 2
    assert graph.part("store").state == "ready"


def test_where_predictions_are_dropped_they_are_answered_and_nowhere_else(world: World, graph: LocalGraph) -> None:
    sure, _ = split(world, rows("stones"))
    before = graph.log.count("stones")
    with local_graph(world.configs, world.state, {**WATCH, "STORE__PREDICTIONS": "drop"}) as other:
        answers, store = other.answers("stones", sure), other.part("store")
    assert [answer["prediction"]["label"] for answer in answers] == told(world.students["stones"], sure)[1]
    assert graph.log.count("stones") == before
    with pytest.raises(UnknownPrediction):
        graph.log.get(answers[0]["id"])
    assert (store.state, store.real) == ("ready", False)


def test_a_cold_use_case_is_the_teachers(graph: LocalGraph, fake: FakeOpenAI) -> None:
    (answer,) = graph.answers("foams", Rows({"height": numeric_column([2.0])}))
    assert answer["source"] == "teacher"
    assert answer["prediction"] == {"label": "spray", "confidence": 0.9}
    assert answer["decision"] == {"action": "WIPE"}
    assert (answer["student"], answer["model_version"]) == (None, None)
    assert graph.part("use_case:foams").state == "cold"
    told_ = graph.call("explain", "foams", Rows({"height": numeric_column([2.0])}), Asked("r")).answers[0]
    assert told_["explanation"] is None


def test_where_nobody_can_answer_a_person_is_asked(graph: LocalGraph, fake: FakeOpenAI) -> None:
    fake.behaviour = "server_error"
    (failed,) = graph.answers("foams", Rows({"height": numeric_column([2.0])}))
    (alone,) = graph.answers("sands", Rows({"grain": numeric_column([2.0])}))
    for answer, reason in ((failed, "cold_start, server_error"), (alone, "cold_start, no_teacher")):
        assert answer["prediction"] == {"label": None, "confidence": None}
        assert answer["decision"] == {"action": "REVIEW"}
        assert (answer["source"], answer["degraded"]) == ("student_fallback", True)
        assert answer["reason"] in reason.split("|"), "a busy machine may be at the deadline first"
        assert graph.log.get(answer["id"]).answer == answer


@pytest.mark.parametrize("name", sorted(LABELLED))
def test_an_explanation_sums_to_what_it_explains(graph: LocalGraph, name: str) -> None:
    given = rows(name, 5)
    for told_ in graph.call("explain", name, given, Asked("r")).answers:
        explanation = told_["explanation"]
        moved = [each["contribution"] for each in explanation["contributions"]]
        assert explanation["base"] + sum(moved) == pytest.approx(explanation["output"], abs=1e-9)
        assert {each["feature"] for each in explanation["contributions"]} <= set(given.names)
        assert graph.log.get(told_["id"]).answer["prediction"] == told_["prediction"]


def test_a_narrative_names_what_is_in_the_explanation(graph: LocalGraph) -> None:
    (told_,) = graph.call("explain", "knots", rows("knots", 1), Asked("r")).answers
    first = told_["explanation"]["contributions"][0]["feature"]
    assert told_["narrative"]["source"] == "template"
    assert told_["narrative"]["text"].startswith(f"{told_['decision']['action']}: {first} (")
    (told_,) = graph.call("explain", "boats", rows("boats", 1), Asked("r")).answers
    assert told_["narrative"] is None


def test_what_a_person_says_is_kept_beside_the_prediction(graph: LocalGraph) -> None:
    (answer,) = graph.answers("stones", rows("stones", 1))
    said = graph.call("feedback", answer["id"], "boulder", "kim", "I carried it")
    assert (said["label"], said["value"], said["by"]) == ("boulder", None, "kim")
    found = graph.call("prediction", answer["id"])
    assert found["answer"] == answer
    assert found["labels"] == [said]
    assert [asdict(each) for each in graph.log.labels(answer["id"])] == [said]


def test_a_label_that_does_not_fit_is_refused_and_not_kept(graph: LocalGraph) -> None:
    (answer,) = graph.answers("stones", rows("stones", 1))
    with pytest.raises(InvalidInput):
        graph.call("feedback", answer["id"], "mountain", "kim", None)
    with pytest.raises(UnknownPrediction):
        graph.call("feedback", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "boulder", "kim", None)
    assert graph.log.labels(answer["id"]) == []


def test_an_unknown_use_case_is_told_with_the_one_that_was_meant(graph: LocalGraph) -> None:
    with pytest.raises(UnknownUseCase, match="stones"):
        graph.predict("stonse", rows("stones", 1))


def test_a_decision_alone(graph: LocalGraph) -> None:
    assert graph.call("decide", "boats", {"market_price": 90.0, "fair_price": 100.0})["action"] == "BUY"


def test_a_new_champion_is_served_without_a_restart(graph: LocalGraph, world: World) -> None:
    given = rows("knots", 100)
    old = graph.answers("knots", given)
    new = world.champion("knots", seed=2)
    until(lambda: graph.model("knots")["version"] == new.version)
    expected, _ = told(new, given)
    served = graph.answers("knots", given)
    assert [answer["prediction"]["score"] for answer in served] == expected[:, 1].tolist()
    assert {answer["model_version"] for answer in served} == {new.version}
    assert [answer["student"] for answer in served] != [answer["student"] for answer in old]
    assert graph.model("knots")["digest"] == world.registry.aliased("knots", "champion").digest
    world.registry.set_alias("knots", "champion", "1")
    until(lambda: graph.model("knots")["version"] == "1")
    assert [answer["student"] for answer in graph.answers("knots", given)] == [answer["student"] for answer in old]


def test_a_bundle_that_does_not_keep_its_word_is_refused_and_the_old_one_serves_on(
    graph: LocalGraph, world: World
) -> None:
    given = rows("stones", 50)
    before = [answer["student"] for answer in graph.answers("stones", given)]
    good = world.registry.fetch("stones", "1")
    bad = lying(world.use_case("stones"), good)
    assert digest_of(bad) != digest_of(good)
    version = world.registry.register("stones", bad, {}, {}).version
    world.registry.set_alias("stones", "champion", version)
    until(lambda: graph.model("stones")["state"] == "degraded")
    state = graph.model("stones")
    assert state["version"] == "1"
    assert "bad_bundle" in state["detail"]
    answers = graph.answers("stones", given)
    assert [answer["student"] for answer in answers] == before
    assert {answer["model_version"] for answer in answers} == {"1"}
    world.registry.set_alias("stones", "champion", "1")
    until(lambda: graph.model("stones")["state"] == "ready")


def test_a_new_folder_is_seen_and_waits_for_its_student(graph: LocalGraph, world: World) -> None:
    given = Rows({"grain": numeric_column([1.0])})
    folder = write_use_case(world.configs, "dunes", USE_CASES["sands"])
    try:
        until(lambda: "dunes" in graph.call("use_cases"))
        until(lambda: _refusal(graph, "dunes", given) is Unavailable)
        assert graph.log.count("dunes") == 0
        assert graph.answers("stones", rows("stones", 1))
    finally:
        shutil.rmtree(folder)


def _refusal(graph: LocalGraph, name: str, given: Rows) -> type[Exception] | None:
    try:
        graph.predict(name, given)
    except Exception as error:
        return type(error)
    return None


def test_a_replica_starts_from_its_disk_while_the_registry_is_away(world: World, graph: LocalGraph) -> None:
    """Also the end of all that is known of the registry: nothing but the cache is left."""
    given = rows("boats", 10)
    expected = [answer["student"] for answer in graph.answers("boats", given)]
    away = {"REGISTRY__URI": "http://127.0.0.1:9", "STORE__TIMEOUT_S": "5"}
    with local_graph(world.configs, world.state, away) as other:
        answers = other.answers("boats", given)
        assert [answer["student"] for answer in answers] == expected
        assert {answer["model_version"] for answer in answers} == {"1"}
