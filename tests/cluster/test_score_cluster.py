"""Scoring on a real Ray: a hundred thousand rows, in order, by one version; the week after; bad rows."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pyarrow.parquet as pq
import pytest
import ray
from ray import serve

from pipelines.data_root import DataRoot
from pipelines.run import Refusal, Run
from pipelines.score import score
from serve_app.adapters.config_files import load_use_case
from serve_app.adapters.registries import open_registry
from serve_app.adapters.sql_reports import open_reports
from serve_app.adapters.students import load_student
from serve_app.core.answers import Question, TeacherAnswer, TeacherFailure, TeacherReply
from serve_app.core.platform import Platform
from tests.fakes.small_models import USE_CASES, knots, trained, write_use_case
from tests.unit.test_collect import a_run

pytestmark = pytest.mark.cluster

ROWS = 100_000
WEEKLY: dict[str, Any] = {
    **USE_CASES["knots"],
    "cascade": {"kind": "fixed", "threshold": 0.9},
    "fields": {"knot": {"kind": "id"}, **USE_CASES["knots"]["fields"]},
    "scoring": {"path": "weekly", "key": "knot", "alert": ["ALERT"]},
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weekly")
    use_case = load_use_case(write_use_case(folder, "knots", WEEKLY))
    registry = open_registry(Platform(state=str(folder)))
    version = registry.register("knots", trained(use_case), {}, {}).version
    registry.set_alias("knots", "champion", version)
    return folder


def table(count: int, seed: int) -> pd.DataFrame:
    rows = knots(count, seed).rows
    return pd.DataFrame({"knot": [f"k{n:06d}" for n in range(count)], "turns": rows["turns"], "rope": rows["rope"]})


def put(folder: Path, frame: pd.DataFrame, parts: int = 3) -> None:
    there = folder / "use_cases" / "knots" / "weekly"
    there.mkdir(exist_ok=True)
    for file in there.iterdir():
        file.unlink()
    for number, index in enumerate(np.array_split(np.arange(len(frame)), parts)):
        frame.iloc[index].to_parquet(there / f"part-{number}.parquet", index=False)


def written(run: Run) -> pd.DataFrame:
    root = DataRoot(run.platform)
    return pd.concat([root.read_table(*parts).to_pandas() for parts in root.files("knots", "scores", run.job_id)])


def latest(run: Run) -> dict[str, Any]:
    reports = open_reports(run.platform.store, run.state)
    report = reports.latest("knots", "score")
    reports.close()
    assert report is not None
    assert report.id == run.job_id
    return report.content


def test_a_hundred_thousand_rows(cluster: None, folder: Path) -> None:
    first = table(ROWS, seed=1)
    put(folder, first)
    run = a_run(folder, folder, "knots", "01A")
    came = score(run, {})
    assert json.loads(json.dumps(came)) == came
    assert (came["rows"], came["quarantined"], came["version"], came["changes"]) == (ROWS, 0, "1", {"since": None})
    scored = written(run)
    assert scored["knot"].tolist() == first["knot"].tolist(), "in the order of the table"
    use_case = run.configured()
    registry = open_registry(run.platform)
    student = load_student(registry.fetch("knots", "1"), "1")
    some = knots(ROWS, 1).rows.take(np.arange(0, ROWS, 997))
    risk = student.answer(some).probabilities[:, 1]  # type: ignore[union-attr]
    deferred = scored["degraded"].to_numpy()[::997]
    np.testing.assert_array_equal(scored["score"].to_numpy()[::997], risk)
    assert (deferred == (np.maximum(risk, 1 - risk) < 0.9)).all()
    counted = scored["action"].value_counts().to_dict()
    assert came["actions"] == dict(sorted(counted.items()))
    assert came["alerts"] == counted["ALERT"] > 1000
    report = latest(run)
    assert (len(report["alert_rows"]), report["alerts"], report["table"]) == (1000, came["alerts"], "weekly")
    assert use_case.scoring.alert == ("ALERT",)


def test_the_week_after(cluster: None, folder: Path) -> None:
    before = table(ROWS, seed=1)
    later = pd.concat([before.iloc[10:1_000], table(ROWS + 5, seed=3).iloc[ROWS:]])
    alerting = written(a_run(folder, folder, "knots", "01A")).query("action == 'ALERT'")["knot"]
    calmed = [knot for knot in alerting if "k000010" <= knot < "k001000"][:5]
    later.loc[later["knot"].isin(calmed), "turns"] = 8.0
    put(folder, later, parts=1)
    run = a_run(folder, folder, "knots", "01B")
    change = score(run, {})["changes"]
    assert (change["since"], change["rows_new"], change["rows_gone"]) == ("01A", 5, ROWS - 990)
    assert change["changed"] == {"ALERT -> OK": 5}
    assert change["no_longer_alerting_count"] == 5 + sum(not "k000010" <= knot < "k001000" for knot in alerting)
    assert len(change["no_longer_alerting"]) == 100
    assert latest(run)["changes"] == change


def test_a_csv_file_with_bad_rows(cluster: None, folder: Path) -> None:
    lines = ['k1,1,"hemp"', "k2,many,hemp", 'k3,2,"a rope,\nof two lines"', "k4,,nylon", ",3,nylon"]
    path = folder / "use_cases" / "knots" / "asked.csv"
    path.write_text("\ufeffknot,turns,rope\n" + "\n".join(lines) + "\n")
    run = a_run(folder, folder, "knots", "01D", path="asked.csv")
    came = score(run, {})
    assert (came["rows"], came["quarantined"], came["changes"]) == (2, 3, {"since": None})
    assert written(run)["knot"].tolist() == ["k1", "k3"]
    kept = pq.read_table(folder / "data" / "knots" / "quarantine" / "01D.parquet").to_pylist()
    assert [each["reason"] for each in kept] == ["turns: expected a number", "turns: missing", "knot: missing"]
    path.write_text("knot,turns,rope\nk2,many,hemp\n")
    with pytest.raises(Refusal, match=r"1 of 1 rows cannot be used") as refused:
        score(a_run(folder, folder, "knots", "01E", path="asked.csv"), {})
    assert refused.value.code == "too_many_bad_rows"


def test_without_a_champion_or_a_teacher(cluster: None, folder: Path) -> None:
    with pytest.raises(Refusal, match="teacher"):
        score(a_run(folder, folder, "knots", "01F", teacher=True), {})
    (write_use_case(folder, "sands") / "in.csv").write_text("grain\n1\n")
    with pytest.raises(Refusal, match="no champion") as refused:
        score(a_run(folder, folder, "sands", "01G", path="in.csv"), {})
    assert refused.value.code == "no_champion"


@serve.deployment(name="Teacher", ray_actor_options={"num_cpus": 0.1})
class Sure:
    """Stands where the serving side's teacher does."""

    async def answer(self, use_case: str, questions: list[Question], deadline_s: float) -> list[TeacherReply]:
        if use_case != "knots" or deadline_s <= 0 or any(set(each.fields) != {"turns", "rope"} for each in questions):
            return [TeacherFailure("bad_request")] * len(questions)
        return [TeacherAnswer("fake", "sure", label="yes") for _ in questions]


def test_the_teacher_is_asked_about_what_is_deferred(cluster: None, folder: Path) -> None:
    put(folder, table(1_200, seed=4), parts=1)
    score(a_run(folder, folder, "knots", "01H"), {})
    deferred = written(a_run(folder, folder, "knots", "01H"))["degraded"]
    serve.run(Sure.bind(), name="understudy", route_prefix=None)
    try:
        run = a_run(folder, folder, "knots", "01I", teacher=True)
        came = score(run, {})
    finally:
        serve.shutdown()
    theirs = written(run)
    assert (theirs["source"].isin(["agreement", "arbitration"]) == deferred).all()
    assert deferred.sum() > 64, "more than are asked at once"
    assert set(theirs[deferred]["label"]) == {"yes"}
    assert came["changes"]["since"] == "01H"


def test_a_file_that_is_spoilt_where_only_who_scores_it_looks(cluster: None, folder: Path) -> None:
    """Its end says how many rows there are, and that is all that is read before."""
    path = folder / "use_cases" / "knots" / "spoilt.parquet"
    table(1_000, seed=6).to_parquet(path, index=False)
    begins = pq.ParquetFile(path).metadata.row_group(0).column(1).data_page_offset
    spoilt = bytearray(path.read_bytes())
    spoilt[begins : begins + 40] = b"\xff" * 40
    path.write_bytes(bytes(spoilt))
    with pytest.raises((Refusal, OSError), match=r"^spoilt.parquet cannot be read as a table: "):
        score(a_run(folder, folder, "knots", "01Y", path="spoilt.parquet"), {})


def test_a_scorer_that_is_lost(cluster: None, folder: Path) -> None:
    """Another does again what it was at, and the table is whole."""
    several = table(4 * ROWS, seed=5)
    put(folder, several)
    run = a_run(folder, folder, "knots", "01Z")
    killed = threading.Thread(target=kill_one, args=[DataRoot(run.platform), run.job_id])
    killed.start()
    came = score(run, {})
    killed.join()
    assert (came["rows"], came["quarantined"]) == (4 * ROWS, 0)
    assert written(run)["knot"].tolist() == several["knot"].tolist()


def kill_one(root: DataRoot, job_id: str) -> None:
    """As soon as a part is written."""
    while not root.files("knots", "scores", job_id) or len(found := scorers()) < 2:
        time.sleep(0.02)
    found[0].kill()


def scorers() -> list[psutil.Process]:
    return [each for each in psutil.process_iter(["cmdline"]) if "ray::Scorer" in " ".join(each.info["cmdline"] or [])]
