"""Scoring a table: the rows as the API answers them, what may be read, and what has changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.data_root import DataRoot
from pipelines.feature_tables import materialise
from pipelines.run import Refusal, Run
from pipelines.score_changes import Summary, actions, changes, run_before
from pipelines.score_rows import PROBLEM, ROW, RowScorer
from pipelines.score_table import find
from serve_app.adapters.config_files import load_use_case
from serve_app.adapters.parquet_feature_tables import ParquetFeatureTables, table_path
from serve_app.adapters.registries import open_registry
from serve_app.adapters.students import load_student
from serve_app.core.answers import ClassAnswers, Question, TeacherAnswer, ValueAnswers
from serve_app.core.jobs import Report
from serve_app.core.platform import Platform
from serve_app.core.ports import Student
from serve_app.core.rows import Rows, text_column
from serve_app.core.schema import validate
from serve_app.core.use_case import UseCase
from tests.fakes.local_graph import LocalGraph, local_graph, until
from tests.fakes.small_models import LABELLED, trained, write_use_case
from tests.unit.test_collect import PANEL, SHELLS, UNTIL, a_run

NAMES = ("stones", "boats", "knots")


@dataclass
class World:
    graph: LocalGraph
    use_cases: dict[str, UseCase]
    students: dict[str, Student]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("score")
    registry = open_registry(Platform(state=str(folder / "state")))
    use_cases, students = {}, {}
    for name in NAMES:
        use_cases[name] = load_use_case(write_use_case(folder / "configs", name))
        bundle = trained(use_cases[name])
        version = registry.register(name, bundle, {}, {}).version
        registry.set_alias(name, "champion", version)
        students[name] = load_student(bundle, version)
    (folder / "configs" / "platform.yaml").write_text("{}")
    with local_graph(folder / "configs", folder / "state", {}) as graph:
        until(lambda: all(graph.model(name)["state"] == "ready" for name in NAMES))
        yield World(graph, use_cases, students)


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_answered_and_decided_as_by_the_api(world: World, name: str) -> None:
    rows = LABELLED[name](400, 5).rows
    if name == "stones":
        rows = rows.with_columns({"stone": text_column([f"s{i}" for i in range(400)])})
    batch = pa.table({n: pa.array(c.tolist(), from_pandas=True) for n, c in rows.columns.items()})
    scored = RowScorer(world.use_cases[name], world.students[name], None)(batch).to_pylist()
    instances = [{k: v for k, v in each.items() if v is not None} for each in rows.records()]
    answers = world.graph.answers(name, validate(world.use_cases[name].fields, instances))
    assert len(scored) == len(answers) == 400
    for row, answer in zip(scored, answers, strict=True):
        told = answer["prediction"]
        said = {"value": row["value"], "interval": [row["low"], row["high"]]} if "value" in row else {
            "label": row["label"], "confidence": row["confidence"],
            **({} if row["score"] is None else {"score": row["score"]}),
        }  # fmt: skip
        act = {"action": row["action"], **json.loads(row["details"] or "{}")}
        act |= {} if row["target"] is None else {"target": row["target"]}
        assert said == told
        assert act == answer["decision"]
        assert (row["source"], row["degraded"], row["model_version"]) == (
            answer["source"], answer["degraded"], answer["model_version"],
        )  # fmt: skip
        assert row["reason"] == {"no_teacher": "batch"}.get(answer["reason"], answer["reason"])
        assert row[PROBLEM] is None
    sources = {row["source"] for row in scored}
    assert sources == {"student", "student_fallback"}, "some were deferred, some were not"
    if name == "stones":
        assert [row["stone"] for row in scored] == [f"s{i}" for i in range(400)]


def test_the_teacher_settles_what_is_deferred_when_it_is_asked(world: World) -> None:
    asked: list[Question] = []

    def ask(questions: list[Question]) -> list[TeacherAnswer]:
        asked.extend(questions)
        return [TeacherAnswer("openai", "m", label="boulder", confidence=0.9) for _ in questions]

    rows = LABELLED["stones"](200, 6).rows
    batch = pa.table({name: pa.array(column.tolist(), from_pandas=True) for name, column in rows.columns.items()})
    use_case = world.use_cases["stones"]
    scored = RowScorer(use_case, world.students["stones"], None, ask, "Name the kind.")(batch).to_pylist()
    theirs = [row for row in scored if row["source"] in ("agreement", "arbitration")]
    assert len(asked) == len(theirs) > 5
    assert {row["label"] for row in theirs} == {"boulder"}
    assert all(set(each.fields) == set(use_case.features()) for each in asked)


def test_rows_that_do_not_fit_are_told_with_their_reason(world: World) -> None:
    frame = pd.DataFrame({
        "stone": ["a", "b", "c", "d", "e"], "weight": ["1.5", "heavy", "", "-1", "2"],
        "colour": ["red", "red", "red", "red", "grey"], "more": ["x"] * 5,
    })  # fmt: skip
    scored = RowScorer(world.use_cases["stones"], world.students["stones"], None)(pa.Table.from_pandas(frame))
    told = {json.loads(row[ROW])["stone"]: row[PROBLEM] for row in scored.to_pylist() if row[PROBLEM]}
    assert told == {
        "b": "weight: expected a number", "c": "weight: missing", "d": "weight: expected at least 0",
        "e": "colour: expected one of: red, green, blue",
    }  # fmt: skip
    assert [row["stone"] for row in scored.to_pylist() if row[PROBLEM] is None] == ["a"]


class Flat:
    """A student of a panel: the market price, and a tenth on both sides."""

    version = "7"

    def answer(self, rows: Rows) -> ValueAnswers:
        value = rows["market_price"]
        return ValueAnswers(value, value * 0.9, value * 1.1, "7")


def test_a_panel_is_joined_and_what_it_does_not_know_is_told(tmp_path: Path) -> None:
    folder = write_use_case(tmp_path, "wares", PANEL)
    days = [str(day)[:10] for day in pd.date_range("2026-01-01", periods=20)]
    (folder / "prices.csv").write_text(
        "item,day,price\n" + "".join(f"a,{day},{10 + n}\n" for n, day in enumerate(days))
    )
    use_case = load_use_case(folder)
    table = use_case.feature_table
    assert table is not None
    materialise(use_case, folder, tmp_path)
    tables = ParquetFeatureTables(lambda name: (table, table_path(tmp_path, name, table)))
    rows = [("a", days[3]), ("b", days[3]), ("a", "2027-01-01"), ("a", days[4]), ("a", "soon")]
    batch = pa.table({"item": [item for item, _ in rows], "day": [day for _, day in rows]})
    scored = RowScorer(use_case, Flat(), tables)(batch).to_pylist()  # type: ignore[arg-type]
    good = [row for row in scored if row[PROBLEM] is None]
    assert [(row["item"], row["day"], row["value"], row["low"]) for row in good] == [
        ("a", days[3], 13.0, 13.0 * 0.9), ("a", days[4], 14.0, 14.0 * 0.9),
    ]  # fmt: skip
    told = [row[PROBLEM] for row in scored if row[PROBLEM]]
    assert told[0] == "no item 'b' is known"
    assert "a day from 2026-01-01 to 2026-01-20" in told[1]
    assert told[2] == "day: expected a date as YYYY-MM-DD"


def test_a_batch_without_rows(world: World) -> None:
    batch = pa.table({"weight": pa.array([], type=pa.float64())})
    assert len(RowScorer(world.use_cases["stones"], world.students["stones"], None)(batch)) == 0


def scoring(folder: Path, **more: Any) -> Path:
    write_use_case(folder, "shells", {**SHELLS, "scoring": more})
    return folder / "use_cases" / "shells"


def found(run: Run) -> Any:
    return find(run, run.configured(), DataRoot(run.platform))


def test_what_is_scored(tmp_path: Path) -> None:
    folder = scoring(tmp_path, path="weekly")
    (folder / "weekly").mkdir()
    for name in ("b.parquet", "a.parquet", "_SUCCESS", ".c.parquet"):
        pq.write_table(pa.table({"size": [1.0]}), folder / "weekly" / name)
    (folder / "one.csv").write_text("\ufeffsize,note\n1,\n")
    table = found(a_run(tmp_path, tmp_path, "shells"))
    assert [Path(file).name for file in table.files] == ["a.parquet", "b.parquet"]
    assert [(Path(each.file).name, each.start, each.stop) for each in table.spans(9)] == [
        ("a.parquet", 0, 1),
        ("b.parquet", 0, 1),
    ]
    asked = found(a_run(tmp_path, tmp_path, "shells", path="one.csv"))
    assert (len(asked.spans(9)), asked.shown) == (1, "one.csv")
    DataRoot(Platform(state=str(tmp_path))).write(b"size\n1\n", "shells", "in.csv")
    assert found(a_run(tmp_path, tmp_path, "shells", path=str(tmp_path / "data" / "shells" / "in.csv"))).files


def test_a_file_among_others_that_is_no_table_is_named(tmp_path: Path) -> None:
    folder = scoring(tmp_path, path="weekly")
    (folder / "weekly").mkdir()
    (folder / "weekly" / "a.csv").write_text("size,note\n1,\n")
    (folder / "weekly" / "b.csv").write_text("size,note\n1,2,3\n")
    table = found(a_run(tmp_path, tmp_path, "shells"))
    with pytest.raises(
        Refusal, match=r"^weekly/b.csv cannot be read as a table: CSV parse error: .*Expected 2"
    ) as refused:
        table.spans(9)
    assert refused.value.code == "bad_table"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/etc/passwd", "path_not_allowed"), ("../../../secret.csv", "path_not_allowed"),
        ("s3://another/bucket", "path_not_allowed"), ("nothing.csv", "no_table"), ("both", "bad_table"),
        ("bad.parquet", "bad_table"), ("other.csv", "bad_table"), (None, "no_table"), ("link.csv", "path_not_allowed"),
    ],
)  # fmt: skip
def test_what_is_not(tmp_path: Path, path: str | None, code: str) -> None:
    folder = scoring(tmp_path)
    (tmp_path / "secret.csv").write_text("size\n1\n")
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    (folder / "both").mkdir()
    (folder / "both" / "a.csv").write_text("size\n1\n")
    (folder / "both" / "a.parquet").write_bytes(b"x")
    (folder / "bad.parquet").write_bytes(b"PAR1")
    (folder / "other.csv").write_text("length\n1\n")
    with pytest.raises(Refusal) as refused:
        found(a_run(tmp_path, tmp_path, "shells", **({} if path is None else {"path": path})))
    assert refused.value.code == code


def test_what_the_configuration_names_may_lie_anywhere(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.csv").write_text("size\n1\n")
    scoring(tmp_path / "configs", path=str(tmp_path / "elsewhere.csv"))
    assert found(a_run(tmp_path / "configs", tmp_path / "state", "shells")).files == [str(tmp_path / "elsewhere.csv")]


def test_changes_since_the_last_run() -> None:
    before = pd.Series({"a": "ALERT", "b": "OK", "c": "WATCH", "d": "ALERT", "e": "OK"})
    now = pd.Series({"a": "ALERT", "b": "ALERT", "c": "OK", "d": "OK", "f": "ALERT"})
    assert changes(before, now, ["ALERT"]) == {
        "newly_alerting": ["b", "f"], "newly_alerting_count": 2, "no_longer_alerting": ["d"],
        "no_longer_alerting_count": 1, "changed": {"ALERT -> OK": 1, "OK -> ALERT": 1, "WATCH -> OK": 1},
        "rows_new": 1, "rows_gone": 1,
    }  # fmt: skip
    assert changes(now, now, ["ALERT"])["changed"] == {}
    none = changes(actions([], "id"), now, ["ALERT"])
    assert (none["rows_new"], none["newly_alerting"], none["changed"]) == (5, ["a", "b", "f"], {})


def test_a_repeated_step_compares_with_the_run_before_and_not_with_itself() -> None:
    tables = [("01D", "weekly"), ("01C", "other"), ("01B", "weekly"), ("01A", "weekly")]
    reports = [Report(job_id, "some", "score", UNTIL, {"table": table}) for job_id, table in tables]
    assert run_before(reports, "01D", "weekly") == reports[2]
    assert run_before(reports[1:], "01D", "weekly") == reports[2]
    assert run_before(reports, "01D", "new") is None


def test_the_summary_counts_all_and_names_the_first() -> None:
    summary = Summary("id", ["ALERT"])
    for _ in range(3):
        summary.take(pa.table({
            "id": [f"s{n}" for n in range(1000)], "action": ["OK", "ALERT"] * 500,
            "score": [n / 1000 for n in range(1000)], "label": ["x"] * 1000,
        }))  # fmt: skip
    assert (summary.rows, summary.alerts, summary.actions) == (3000, 1500, {"OK": 1500, "ALERT": 1500})
    assert len(summary.alert_rows) == 1000
    assert summary.alert_rows[0] == {"key": "s1", "action": "ALERT", "score": 0.001, "label": "x"}
    without = Summary(None, [])
    without.take(pa.table({"action": ["OK"], "value": [1.5]}))
    assert (without.alerts, without.actions) == (0, {"OK": 1})


def test_actions_are_by_key_of_the_rows_that_have_one() -> None:
    tables = [
        pa.table({"id": ["a", None, ""], "action": ["OK", "ALERT", "WATCH"]}),
        pa.table({"other": ["a"], "action": ["ALERT"]}),
        pa.table({"id": ["a", "b"], "action": ["ALERT", "OK"]}),
    ]
    assert actions(tables, "id").to_dict() == {"a": "ALERT", "": "WATCH", "b": "OK"}
    assert actions([pa.table({"id": [2.0], "action": ["OK"]})], "id").to_dict() == {"2.0": "OK"}
    assert actions(tables, "none").to_dict() == {}


def test_numbers_that_identify(tmp_path: Path) -> None:
    """The key may be any field."""
    use_case = load_use_case(scoring(tmp_path, key="size"))

    class Sure:
        version = "1"

        def answer(self, rows: Rows) -> Any:
            return ClassAnswers(("snail", "clam"), np.array([[0.9, 0.1]] * len(rows)), "1")

    scored = RowScorer(use_case, Sure(), None)(pa.table({"size": [2, 3]})).to_pylist()  # type: ignore[arg-type]
    assert [(row["size"], row["shell"], row["action"]) for row in scored] == [
        (2.0, None, "snail"),
        (3.0, None, "snail"),
    ]
