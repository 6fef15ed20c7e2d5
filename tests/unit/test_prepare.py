"""Preparing: logged features to the bit, labels by rank, gold that nobody learns from."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines import gold
from pipelines.collect import collect
from pipelines.data_root import DataRoot
from pipelines.dataset import DAY, SOURCE, Dataset, open_dataset
from pipelines.labelled import load
from pipelines.prepare import prepare
from pipelines.run import Refusal, Run
from pipelines.split import lines, places, split
from serve_app.adapters.sql_event_log import open_event_log
from serve_app.adapters.sql_jobs import open_jobs
from serve_app.core.events import Label, LoggedPrediction
from serve_app.core.jobs import Job
from serve_app.core.rows import Rows, text_column
from tests.fakes.small_models import write_use_case
from tests.unit.test_collect import PANEL, SHELLS, UNTIL, a_run, prediction

FEATURES = ("size", "note")


def configs(folder: Path, file: str | None = None, **retraining: Any) -> Path:
    raw = {**SHELLS, "retraining": {"min_rows": 1, **retraining}}
    if file is not None:
        raw["labelled"] = {"file": "own.csv"}
    made = write_use_case(folder, "shells", raw)
    if file is not None:
        (made / "own.csv").write_text(file, encoding="utf-8")
    return folder


def logged(
    run: Run, number: int, size: float | None, note: str | None = None, teacher: str | None = None, **more: Any
) -> LoggedPrediction:
    made = prediction(number, run.configured(), {"shell": f"s{number}", "size": size, "note": note}, teacher)
    return replace(made, **more)


def said(number: int, label: str, by: str = "kim", minute: int = 0) -> Label:
    at = UNTIL - timedelta(days=1, minutes=-minute)
    return Label(f"{number}-{by}-{minute}", f"{number:026d}", at, by, label)


def remember(run: Run, predictions: Sequence[LoggedPrediction], labels: Sequence[Label] = ()) -> None:
    log = open_event_log(run.platform.store, run.state)
    log.append(predictions)
    for label in labels:
        log.add_label(label)
    log.close()


def prepared(run: Run) -> tuple[dict[str, Any], Dataset]:
    collect(run, {})
    came = prepare(run, {})
    assert json.loads(json.dumps(came)) == came
    return came, open_dataset(came["dataset"], run.platform)


def everything(dataset: Dataset) -> pd.DataFrame:
    whole = pd.concat([dataset.frame("learn").assign(part="learn"), dataset.frame("gold").assign(part="gold")])
    return whole.sort_values(["size", "note"]).reset_index(drop=True)


def sizes(count: int) -> list[float]:
    return [float(number) for number in range(count)]


def test_people_outrank_the_teacher_and_every_row_knows_who_said_it(tmp_path: Path) -> None:
    run = a_run(
        configs(tmp_path, "size,note,sort\n900,,clam\n901,,snail\n902,,shark\n", gold_share=0.001), tmp_path, "shells"
    )
    asked = [logged(run, n, size, teacher="snail") for n, size in enumerate(sizes(6))]
    asked += [logged(run, 6, 900.0, teacher="snail"), logged(run, 7, 0.0, teacher="snail"), logged(run, 8, 77.0)]
    labels = [
        said(1, "clam"),
        said(2, "clam"), said(2, "snail", "ann"),
        said(3, "snail", minute=0), said(3, "clam", minute=5),
        said(8, "clam"),
    ]  # fmt: skip
    remember(run, asked, labels)
    came, dataset = prepared(run)
    found = {row["size"]: (row["__label"], row[SOURCE]) for _, row in everything(dataset).iterrows()}
    assert found == {
        0.0: ("snail", "teacher"), 1.0: ("clam", "person"), 3.0: ("clam", "person"), 4.0: ("snail", "teacher"),
        5.0: ("snail", "teacher"), 77.0: ("clam", "person"), 900.0: ("clam", "file"), 901.0: ("snail", "file"),
    }  # fmt: skip
    assert came["skipped"] == {"people_disagree": 1, "sort: 'shark' is not a class": 1}
    assert came["conflicts"] == 4, "1, 2, 3 and 900"
    assert came["label_mix"] == {"file": 2, "panel": 0, "person": 3, "teacher": 3}
    assert (came["learn_rows"], came["gold_rows"]) == (8, 0)
    days = dict(zip(everything(dataset)["size"], everything(dataset)[DAY], strict=True))
    assert (days[0.0], days[900.0]) == ("2026-03-03", "2026-03-05")


def test_two_things_measured_alike_stay_two(tmp_path: Path) -> None:
    rows = "size,note,sort\n" + "1,,clam\n1,,clam\n1,,snail\n2,,clam\n2,,clam\n"
    run = a_run(configs(tmp_path, rows, gold_share=0.001), tmp_path, "shells")
    remember(run, [logged(run, 0, 2.0, teacher="snail"), logged(run, 1, 2.0, teacher="snail")], [said(1, "snail")])
    came, dataset = prepared(run)
    found = everything(dataset)
    assert found[found["size"] == 1]["__label"].tolist().count("clam") == 2
    assert found[found["size"] == 2]["__label"].tolist() == ["clam", "clam"], "two of the file against one person"
    assert came["conflicts"] == 1


def test_the_order_of_the_log_changes_nothing(tmp_path: Path) -> None:
    came = []
    for turn in (1, -1):
        run = a_run(configs(tmp_path / f"{turn}", gold_share=0.3), tmp_path / f"{turn}", "shells")
        asked = [logged(run, number, float(number % 7), teacher=["snail", "clam"][number % 2]) for number in range(20)]
        labels = [
            said(number, ["snail", "clam"][number % 3 == 0], by) for number in range(9) for by in ("kim", "ann", "joe")
        ]
        remember(run, asked[::turn], labels[::turn])
        came.append(prepared(run)[0])
    assert came[0]["digest"] == came[1]["digest"]
    assert {k: v for k, v in came[0].items() if k != "dataset"} == {k: v for k, v in came[1].items() if k != "dataset"}


def test_what_was_logged_under_other_features_is_left_out(tmp_path: Path) -> None:
    run = a_run(configs(tmp_path, gold_share=0.001), tmp_path, "shells")
    old = logged(run, 0, 99.0, teacher="snail", schema_version="old")
    remember(run, [old, *(logged(run, n, float(n), teacher="clam") for n in range(1, 9))])
    came, dataset = prepared(run)
    assert came["skipped"] == {"schema_changed": 1}
    assert sorted(dataset.frame("learn")["size"]) == sizes(9)[1:]


def test_too_few_rows(tmp_path: Path) -> None:
    run = a_run(configs(tmp_path, min_rows=50), tmp_path, "shells")
    remember(run, [logged(run, n, float(n), teacher="snail") for n in range(9)])
    collect(run, {})
    with pytest.raises(Refusal, match=r"\d rows to learn from; retraining.min_rows asks for 50") as refused:
        prepare(run, {})
    assert refused.value.code == "too_few_rows"


def test_the_same_job_again_gives_the_same(tmp_path: Path) -> None:
    run = a_run(configs(tmp_path), tmp_path, "shells")
    remember(run, [logged(run, n, float(n), teacher="snail") for n in range(30)])
    came, _ = prepared(run)
    root = DataRoot(run.platform)
    before = {parts: root.read(*parts) for parts in root.files("shells")}
    assert prepare(run, {}) == came
    assert {parts: root.read(*parts) for parts in root.files("shells")} == before


def test_what_a_job_under_way_still_needs_outlasts_many_younger_jobs(tmp_path: Path) -> None:
    run = a_run(configs(tmp_path), tmp_path, "shells", "010")
    remember(run, [logged(run, n, float(n), teacher="snail") for n in range(30)])
    jobs = open_jobs(run.platform.store, run.state)
    jobs.accept(Job("010", "train", "shells", {}, "kim", "api", run.until))
    jobs.close()
    came, _ = prepared(run)
    for number in range(11, 23):
        prepared(replace(run, job_id=f"0{number}"))
    root = DataRoot(run.platform)
    assert open_dataset(came["dataset"], run.platform).manifest.digest == came["digest"]
    for kept in ("lessons", "processed"):
        assert root.folders("shells", kept) == ["010", *(f"0{number}" for number in range(13, 23))]


def ring(run: Run, values: Sequence[float]) -> dict[float, float]:
    rows = Rows({"size": np.array(values), "note": text_column([None] * len(values))})
    return dict(zip(values, places(lines(rows, FEATURES), "gold"), strict=True))


def test_gold_is_peoples_alone_and_nobody_learns_from_its_part_of_the_ring(tmp_path: Path) -> None:
    run = a_run(configs(tmp_path, gold_share=0.5), tmp_path, "shells")
    remember(run, [logged(run, n, float(n), teacher="snail") for n in range(60)], [said(n, "clam") for n in range(20)])
    came, dataset = prepared(run)
    below = {size for size, place in ring(run, sizes(60)).items() if place < 0.5}
    assert set(dataset.frame("gold")["size"]) == {size for size in below if size < 20}
    assert set(dataset.frame("gold")[SOURCE]) == {"person"}
    assert set(dataset.frame("learn")["size"]) == set(sizes(60)) - below
    assert came["skipped"] == {"kept_for_gold": len([size for size in below if size >= 20])}


def test_gold_only_shrinks(tmp_path: Path) -> None:
    """Until it may hold no more; what left it is learned from, and what was learned from never enters."""
    at_first = a_run(configs(tmp_path, gold_share=0.4, gold_most=20), tmp_path, "shells", "01A")
    remember(at_first, [logged(at_first, n, float(n)) for n in range(300)], [said(n, "clam") for n in range(40)])
    _, first = prepared(at_first)
    remember(at_first, [], [said(n, "clam") for n in range(40, 300)])
    _, second = prepared(a_run(tmp_path, tmp_path, "shells", "01B"))
    learned, judged = set(first.frame("learn")["size"]), set(second.frame("gold")["size"])
    assert len(first.frame("gold")) > 8
    assert not learned & judged
    assert 8 <= len(judged) <= 35
    assert set(first.frame("gold")["size"]) & set(second.frame("learn")["size"]), "some left gold"
    path = tmp_path / "use_cases" / "shells" / "use_case.yaml"
    path.write_text(
        path.read_text().replace("gold_share: 0.4", "gold_share: 0.9").replace("gold_most: 20", "gold_most: 9000")
    )
    _, third = prepared(a_run(tmp_path, tmp_path, "shells", "01C"))
    assert set(third.frame("gold")["size"]) == judged, "whatever is configured later"
    assert json.loads(DataRoot(at_first.platform).read("shells", "gold.json"))["share"] == pytest.approx(20 / 300)


def test_first_champions_and_retrained_ones_share_their_gold(tmp_path: Path) -> None:
    rows = "size,note,sort\n" + "".join(f"{n},x{n % 5},{'clam' if n % 2 else 'snail'}\n" for n in range(300))
    run = a_run(configs(tmp_path, rows), tmp_path, "shells")
    own = load(run.configured(), run.folder, run.state)
    assert own is not None
    share = gold.share_of(run.platform, run.configured(), len(own))
    _, first = split(own, FEATURES, share)
    _, dataset = prepared(run)
    assert set(first.rows["size"]) == set(dataset.frame("gold")["size"])


texts = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20))
numbers = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(numbers, texts), min_size=1, max_size=12, unique_by=repr))
def test_features_are_those_that_were_logged_to_the_bit(drawn: list[tuple[float | None, str | None]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = a_run(configs(Path(folder), gold_share=0.3), Path(folder), "shells")
        remember(
            run,
            [logged(run, n, size, note, "snail") for n, (size, note) in enumerate(drawn)],
            [said(n, "clam") for n in range(len(drawn))],
        )
        collect(run, {})
        try:
            came = prepare(run, {})
        except Refusal:  # every row is gold
            return
        dataset = open_dataset(came["dataset"], run.platform)
        read = [dataset.read("learn"), dataset.read("gold")]
    found = [(size, note) for part in read for size, note in zip(part.rows["size"], part.rows["note"], strict=True)]
    wanted = [(math.nan if size is None else size, note) for size, note in drawn]
    assert sorted(repr((float(size).hex(), note)) for size, note in found) == sorted(
        repr((float(size).hex(), note)) for size, note in wanted
    )


def panel(folder: Path, **retraining: Any) -> Path:
    made = write_use_case(folder, "wares", {**PANEL, "retraining": {"min_rows": 1, "gold_share": 0.25, **retraining}})
    days = [str(day)[:10] for day in pd.date_range("2026-01-20", periods=40)]
    prices = [f"{item},{day},{10 + i + 0.1 * n}\n" for i, item in enumerate("ab") for n, day in enumerate(days)]
    (made / "prices.csv").write_text("item,day,price\n" + "".join(prices))
    return folder


def asked_of_panel(run: Run, number: int, item: str, day: str, price: float, **more: Any) -> LoggedPrediction:
    features = {"item": item, "day": day, "market_price": price, "momentum_1": None}
    return replace(prediction(number, run.configured(), features), **more)


def test_a_panel_has_the_features_that_were_logged(tmp_path: Path) -> None:
    run = a_run(panel(tmp_path), tmp_path, "wares")
    remember(
        run,
        [
            asked_of_panel(run, 1, "a", "2026-01-25", 0.1 + 0.2),
            asked_of_panel(run, 3, "b", "2026-01-26", 8.5),
            asked_of_panel(run, 2, "b", "2026-01-26", 7.5),
            asked_of_panel(run, 4, "b", "2026-01-27", 9.5, schema_version="old"),
            asked_of_panel(run, 5, "a", "2026-02-28", 9.5),
            asked_of_panel(run, 6, "a", "2026-01-28", 9.25, at=UNTIL + timedelta(days=1)),
        ],
        [Label("l", f"{1:026d}", UNTIL - timedelta(hours=1), "kim", None, 99.0)],
    )
    came, dataset = prepared(run)
    frame = dataset.frame("learn")
    changed = frame[frame["market_price"] < 10][["market_price", "momentum_1", "__label", DAY, SOURCE]]
    assert changed["market_price"].tolist() == [0.1 + 0.2, 8.5], "what was logged last"
    assert changed["momentum_1"].isna().all()
    assert changed[SOURCE].tolist() == ["person", "panel"]
    assert changed["__label"].tolist()[0] == 99.0
    assert came["skipped"] == {"reaches_into_gold": 6, "schema_changed": 1, "target_not_known_yet": 1}
    assert came["label_mix"] == {"file": 0, "panel": came["learn_rows"] - 1, "person": 1, "teacher": 0}
    assert came["conflicts"] == 1
    read = dataset.read("gold")
    assert (read.horizon_days, read.time.min() - dataset.read("learn").time.max()) == (3, np.timedelta64(4, "D"))  # type: ignore[union-attr]


def test_a_panel_grows_by_what_was_collected(tmp_path: Path) -> None:
    configs = panel(tmp_path, sources=[{"kind": "file", "name": "late", "path": "late.csv"}])
    run = a_run(configs, tmp_path, "wares")
    late = "item,day,price\n" + "".join(f"{item},2026-03-0{day},50\n" for item in "abc" for day in (1, 2, 3, 4))
    (run.folder / "late.csv").write_text(late + "a,2026-01-20,77\n")
    before = load(run.configured(), run.folder, run.state)
    came, dataset = prepared(run)
    after = load(run.configured(), run.folder, run.state, DataRoot(run.platform))
    assert before is not None
    assert after is not None
    assert str(before.time.max()) == "2026-02-25"  # type: ignore[union-attr]
    assert str(after.time.max()) == "2026-03-01"  # type: ignore[union-attr]
    assert 77.0 in set(dataset.frame("learn")["market_price"]), "a corrected price"
    table = DataRoot(run.platform)
    assert len(load(run.configured(), run.folder, run.state) or ()) == len(after), "who knows of no root keeps it"
    assert table.files("wares", "raw")
    assert came["gold_rows"] == len(dataset.read("gold"))
