"""Any decision again, over the whole graph: a thousand predictions of five model versions, two graphs long."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import pytest

from serve_app.adapters.bundle_cache import BundleCache
from serve_app.adapters.config_files import load_use_case
from serve_app.adapters.registries import open_registry
from serve_app.adapters.students import libraries
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.bundle import digest_of
from serve_app.core.errors import BadBundle, ModelNotRegistered, PolicyNotKept, SchemaChanged, UnknownPrediction
from serve_app.core.platform import Platform
from serve_app.core.ports import Bundle, Registry, Version
from serve_app.core.rows import Rows
from serve_app.deployments.replays import ReplaysDesk
from tests.fakes.fake_openai import FakeOpenAI
from tests.fakes.local_graph import LocalGraph, local_graph, until
from tests.fakes.local_handle import LocalHandle
from tests.fakes.small_models import LABELLED, USE_CASES, boats, stones, trained, write_use_case

VERSIONS = 5
EACH = 190
SETTINGS = {
    "TEACHER__OPENAI__API_KEY": "not-a-real-key",
    "TEACHER__BREAKER__FAILURES": "1000000",
    "TEACHER__TIMEOUT_S": "0.6",
    "REGISTRY__POLL_S": "0.2",
    "STORE__SYNCHRONOUS": "normal",
}
FAILURES = ["good", "good", "off_schema"] * 30 + ["good"]


@dataclass
class World:
    configs: Path
    state: Path
    registry: Registry
    ids: list[str]

    def champion(self, graph: LocalGraph, name: str, seed: int) -> None:
        """A new student, put into the place of the one before it."""
        bundle = trained(load_use_case(self.configs / "use_cases" / name), seed, count=150)
        version = self.registry.register(name, bundle, {}, {}).version
        cache = BundleCache(self.state / "cache")  # spares the trials in child processes, seconds each
        cache.put(bundle)
        told = " ".join(f"{each} {installed(each)}" for each in libraries(bundle))
        cache.mark_tried(digest_of(bundle), told)
        self.registry.set_alias(name, "champion", version)
        until(lambda: graph.model(name)["version"] == version)

    def desk(self, registry: Any = None) -> ReplaysDesk:
        """As another process would have it."""
        handle = LocalHandle(self.registry if registry is None else registry)
        return ReplaysDesk(UseCaseFolder(self.configs / "use_cases"), Platform(state=str(self.state)), handle)

    def replay(self, prediction_id: str, registry: Any = None) -> dict[str, Any]:
        return self.replays([prediction_id], registry)[0]

    def replays(self, ids: Sequence[str], registry: Any = None) -> list[dict[str, Any]]:
        async def every() -> list[dict[str, Any]]:
            desk = self.desk(registry)
            return [await desk.replay(each) for each in ids]

        return asyncio.run(every())

    def write(self, statement: str, *values: Any) -> None:
        with closing(sqlite3.connect(self.state / "events.db")) as events, events:
            events.execute(statement, values)

    def read(self, column: str, prediction_id: str) -> Any:
        with closing(sqlite3.connect(self.state / "events.db")) as events:
            found = events.execute(f"SELECT {column} FROM predictions WHERE id = ?", (prediction_id,))
            return json.loads(found.fetchone()[0])

    def one(self, source: str, version: str | None = None) -> str:
        """A prediction that came from ``source``."""
        return self.of(source, version=version)[0]

    def of(self, source: str, use_case: str = "stones", version: str | None = None) -> list[str]:
        """The predictions that came from ``source``, in the order of their rows: ids are drawn."""
        with closing(sqlite3.connect(self.state / "events.db")) as events:
            found = events.execute(
                "SELECT id, answer FROM predictions WHERE use_case = ? AND coalesce(?, model_version) = model_version"
                " ORDER BY model_version, features, id",
                (use_case, version),
            ).fetchall()
        return [each for each, answer in found if json.loads(answer)["source"] == source]


def ask(graph: LocalGraph, name: str, given: Rows, singles: int = 5) -> list[str]:
    """A batch, and some alone."""
    answers = list(graph.answers(name, given.take(range(singles, len(given)))))
    for row in range(singles):
        answers.extend(graph.answers(name, given.take([row])))
    return [answer["id"] for answer in answers]


def given(name: str, seed: int, count: int = EACH) -> Rows:
    rows = LABELLED[name](count, seed).rows
    if name != "stones":
        return rows
    blank = dict.fromkeys(("stone", "shelf"), rows["note"])
    return rows.with_columns(blank)


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(label=lambda fields: "boulder" if "weight" in fields else 700.0) as fake:
        yield fake


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("replay")
    configs, state = folder / "configs", folder / "state"
    changed = {
        "stones": {"cascade": {"kind": "fixed", "threshold": 0.6, "per_class": {"pebble": 0.7}, "audit_rate": 0.05}},
        "boats": {},
        "foams": {"teacher": {"providers": [{"kind": "none"}]}},
    }
    for name, more in changed.items():
        write_use_case(configs, name, {**USE_CASES[name], **more})
    asked = configs / "use_cases" / "stones" / "use_case.yaml"
    assert "audit_rate" in asked.read_text()
    (configs / "platform.yaml").write_text("{}\n", encoding="utf-8")
    return World(configs, state, open_registry(Platform(state=str(state))), [])


@pytest.fixture(scope="module")
def answered(world: World, fake: FakeOpenAI) -> World:
    """A thousand answers; between the third version and the fourth everything is started anew."""
    settings = {**SETTINGS, "TEACHER__OPENAI__BASE_URL": fake.base_url}
    for versions in (range(1, 4), range(4, VERSIONS + 1)):
        with local_graph(world.configs, world.state, settings) as graph:
            for seed in versions:
                fake.behaviour = FAILURES
                world.champion(graph, "stones", seed)
                world.ids += ask(graph, "stones", given("stones", seed))
            if versions[0] == 1:
                world.champion(graph, "boats", 1)
                fake.behaviour = "good"
                world.ids += ask(graph, "boats", given("boats", 1, 40))
                world.ids += ask(graph, "foams", Rows({"height": boats(10, 1).rows["length"]}))
    return world


@pytest.fixture(scope="module")
def graph(answered: World, fake: FakeOpenAI) -> Iterator[LocalGraph]:
    """Started once more, with nobody answering now who answered then."""
    settings = {**SETTINGS, "TEACHER__OPENAI__BASE_URL": fake.base_url, "REGISTRY__POLL_S": "60"}
    with local_graph(answered.configs, answered.state, settings) as one:
        yield one


def test_a_thousand_predictions_of_five_versions_come_out_bit_for_bit(answered: World) -> None:
    told = answered.replays(answered.ids)
    assert [each for each in told if not each.get("match")] == []
    assert all(each["recorded"] == each["replayed"] for each in told)
    versions = Counter((each["recorded"]["answer"]["use_case"], each["recorded"]["model_version"]) for each in told)
    assert versions == {**{("stones", str(n)): EACH for n in range(1, 6)}, ("boats", "1"): 40, ("foams", None): 10}
    assert len(told) == 1000
    sources = Counter(each["recorded"]["answer"]["source"] for each in told)
    assert {"student", "agreement", "arbitration", "student_fallback"} <= sources.keys()
    failures = {each["given"]["teacher_failure"] for each in told}
    assert failures == {"off_schema", "no_teacher", None}
    assert {each["given"]["audit_rate"] for each in told} == {None, 0.05}


def test_every_version_over_http(graph: LocalGraph, answered: World) -> None:
    some = answered.ids[::50]
    answers = graph.https([("POST", f"/api/v1/predictions/{each}/replay", {}) for each in some])
    assert [answer.json()["match"] for answer in answers] == [True] * 20


def test_the_answer_over_http_is_what_the_log_says(graph: LocalGraph, answered: World) -> None:
    which = answered.one("arbitration")
    told = graph.http("POST", f"/api/v1/predictions/{which}/replay").json()
    logged = graph.http("GET", f"/api/v1/predictions/{which}").json()
    assert told["match"] is True
    assert told["first_difference"] is None
    assert told["replayed"]["answer"] == logged["answer"]
    assert told["given"]["teacher"] == "answered"
    unknown = graph.http("POST", "/api/v1/predictions/01JZ8Q4T6V3M5N7P9R1S2T4V6W/replay")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_prediction")


def test_a_sample_is_drawn_from_all_of_them(graph: LocalGraph, answered: World) -> None:
    told = graph.http("GET", "/api/v1/ops/sample", params={"use_case": "stones", "limit": "200"}).json()
    assert len(told["ids"]) == len(set(told["ids"])) > 10
    assert set(told["ids"]) <= set(answered.ids)
    few = graph.http("GET", "/api/v1/ops/sample", params={"use_case": "boats", "limit": "200"}).json()
    assert len(few["ids"]) == 40
    later = {"use_case": "boats", "since": "2999-01-01T00:00:00Z"}
    assert graph.http("GET", "/api/v1/ops/sample", params=later).json()["ids"] == []
    assert graph.http("GET", "/api/v1/ops/sample", params={"since": "yesterday"}).status_code == 422


@pytest.mark.parametrize(
    ("column", "source", "change", "path"),
    [
        ("features", "student", lambda kept: {**kept, "weight": 10 - kept["weight"], "note": "huge"}, "student."),
        ("student", "student", lambda kept: {**kept, "confidence": kept["confidence"] + 2**-52}, "student.confidence"),
        ("teacher", "agreement", lambda kept: {**kept, "cost_usd": 0.5}, "answer.teacher.cost_usd"),
        ("answer", "student", lambda kept: {**kept, "decision": {"action": "ROUTE"}}, "answer.decision.target"),
        ("answer", "arbitration", lambda kept: {**kept, "source": "student"}, "answer.source"),
        ("answer", "student_fallback", lambda kept: {**kept, "degraded": False}, "answer.degraded"),
        ("answer", "student", lambda kept: {**kept, "more": 1}, "answer.more"),
    ],
)
def test_a_log_that_was_changed_shows_where(answered: World, column: str, source: str, change: Any, path: str) -> None:
    which = answered.one(source)
    kept = answered.read(column, which)
    answered.write(f"UPDATE predictions SET {column} = ? WHERE id = ?", json.dumps(change(kept)), which)
    try:
        told = answered.replay(which)
    finally:
        answered.write(f"UPDATE predictions SET {column} = ? WHERE id = ?", json.dumps(kept), which)
    assert told["match"] is False
    assert told["first_difference"]["path"].startswith(path)
    assert answered.replay(which)["match"] is True


def test_a_propensity_that_was_changed_shows(answered: World) -> None:
    which = answered.one("student")
    answered.write("UPDATE predictions SET propensity = 0.5 WHERE id = ?", which)
    told = answered.replay(which)
    answered.write("UPDATE predictions SET propensity = 0.05 WHERE id = ?", which)
    assert told["first_difference"] == {"path": "propensity", "recorded": 0.5, "replayed": 0.05}


def test_a_policy_that_was_changed_shows_what_it_changes(answered: World) -> None:
    which = answered.one("student")
    kept = answered.read("(SELECT content FROM policies WHERE version = policy_version)", which)
    changes: Sequence[tuple[Any, str]] = [
        ({**kept, "decision": {"kind": "label"}}, "answer.decision.action"),
        ({**kept, "prompt": "Other words."}, "answer.policy_version"),
        ({**kept, "cascade": {**kept["cascade"], "threshold": 1.0, "per_class": {}}}, "answer.policy_version"),
    ]
    try:
        for content, path in changes:
            answered.write("UPDATE policies SET content = ? WHERE use_case = 'stones'", json.dumps(content))
            assert answered.replay(which)["first_difference"]["path"] == path
    finally:
        answered.write("UPDATE policies SET content = ? WHERE use_case = 'stones'", json.dumps(kept))


class Swapped:
    """A registry that gives another version under this name: whole, or only its files."""

    def __init__(self, registry: Registry, files_alone: bool) -> None:
        self._registry, self._files_alone = registry, files_alone

    def version(self, use_case: str, version: str) -> Version:
        if self._files_alone:
            return Version(use_case, version, "sha256:" + "0" * 64)
        return self._registry.version(use_case, "2")

    def fetch(self, use_case: str, version: str) -> Bundle:
        if self._files_alone:
            raise BadBundle(f"{use_case} {version}: these are not the files that were registered")
        return self._registry.fetch(use_case, "2")


def test_the_files_of_another_model_show(answered: World) -> None:
    """On a row where two small models say the very same, the name of the version is what shows."""
    every = answered.of("student", version="1")
    whole = answered.replays(every, Swapped(answered.registry, files_alone=False))
    paths = Counter(each["first_difference"]["path"].partition("[")[0] for each in whole)
    assert paths["student.probabilities"] + paths["student.confidence"] > len(every) / 2
    assert set(paths) <= {"student.label", "student.probabilities", "student.confidence", "answer.model_version"}
    which = every[0]
    files = answered.replay(which, Swapped(answered.registry, files_alone=True))
    assert files["first_difference"]["path"] == "model"
    assert files["match"] is False
    assert files["replayed"] is None


class Emptied:
    def version(self, use_case: str, version: str) -> Version:
        from serve_app.core.errors import NotFound

        raise NotFound(f"{use_case} has no model version {version!r}")


def test_what_is_no_longer_to_be_had_is_said(answered: World) -> None:
    which = answered.one("student")
    with pytest.raises(ModelNotRegistered, match="no longer registered"):
        answered.replay(which, Emptied())
    with pytest.raises(UnknownPrediction):
        answered.replay("01JZ8Q4T6V3M5N7P9R1S2T4V6W")
    kept = answered.read("json_quote(policy_version)", which)
    answered.write("UPDATE predictions SET policy_version = 'sha256:older' WHERE id = ?", which)
    try:
        with pytest.raises(PolicyNotKept, match="older release"):
            answered.replay(which)
    finally:
        answered.write("UPDATE predictions SET policy_version = ? WHERE id = ?", kept, which)


def test_a_schema_that_changed_since_does_no_harm_where_the_model_was_tried(answered: World) -> None:
    which = answered.one("student", version="1")
    file = answered.configs / "use_cases" / "stones" / "use_case.yaml"
    before = file.read_text(encoding="utf-8")
    after = before.replace("\n  note:", "\n  remark:")
    assert after != before
    file.write_text(after, encoding="utf-8")
    try:
        assert answered.replay(which)["match"] is True
        (answered.state / "cache" / "tried").rename(answered.state / "elsewhere")
        with pytest.raises(SchemaChanged, match="has changed since"):
            answered.replay(which)
    finally:
        (answered.state / "elsewhere").rename(answered.state / "cache" / "tried")
        file.write_text(before, encoding="utf-8")


def test_stones_are_told_apart() -> None:
    """Two versions that answered alike would prove nothing."""
    assert stones(5, 1).rows["weight"].tolist() != stones(5, 2).rows["weight"].tolist()
