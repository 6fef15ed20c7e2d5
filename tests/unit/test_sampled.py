"""Samples on the ring, whatever the order of reading; bags that learn from rows of their own."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.fs
import pytest

from pipelines.dataset import LABEL, PLACE, Dataset, part_of, write
from pipelines.fit import Parts
from pipelines.labelled import LabelledRows
from pipelines.outcome import TrainFailure
from pipelines.run_folder import RunFolder
from pipelines.sampled import Sampled, Stretch, clear_of, found_in, gather, start_of
from pipelines.split import take
from pipelines.teaching import AtHand, Streamed, tables
from pipelines.train_worker import Lot, Worker
from serve_app.adapters.students import load_student
from serve_app.core.answers import ClassAnswers
from serve_app.core.bundle import read_manifest
from serve_app.core.rows import Rows, numeric_column, text_column
from serve_app.core.use_case import UseCase

CAP = 400


def use_case(kind: str = "lightgbm", most: int = CAP, **student: object) -> UseCase:
    return UseCase.model_validate(
        {
            "name": "hills",
            "title": "Hills",
            "fields": {"x": {"kind": "numeric"}, "y": {"kind": "numeric"}, "note": {"kind": "text", "required": False}},
            "target": {"kind": "classification", "column": "z", "classes": ["high", "low", "under water"]},
            "student": {"kind": kind, "rounds": 60, "bags": 4, "text": {"components": 2}, **student},
            "cascade": {"kind": "fixed"},
            "decision": {"kind": "label"},
            "retraining": {"rows_in_memory": most},
        }
    )


def hills(count: int, seed: int = 0) -> LabelledRows:
    """A landscape that more rows know better; a word in the notes helps a little, one row in ten lies."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-3, 3, (2, count))
    height = np.sin(2 * x) * np.cos(2 * y) + 0.2 * x
    label = np.where(height > 0.3, "high", np.where(height > -0.4, "low", "under water"))
    wrong = rng.random(count) < 0.1
    label[wrong] = rng.choice(["high", "low", "under water"], wrong.sum())
    hint = {"high": "windy", "low": "grassy", "under water": "wet"}
    word = [hint[str(each)] if rng.random() < 0.3 else str(rng.choice(list(hint.values()))) for each in label]
    note = [f"{each} place no {i}" if i % 5 else None for i, each in enumerate(word)]
    columns = {"x": numeric_column(x.tolist()), "y": numeric_column(y.tolist()), "note": text_column(note)}
    return LabelledRows(Rows(columns), text_column(label.tolist()))


def dataset(folder: Path, learn: LabelledRows, gold: LabelledRows) -> Dataset:
    where = pyarrow.fs.LocalFileSystem()
    return write(where, str(folder / "dataset"), use_case(), part_of(learn), part_of(gold))


def batches(found: Dataset, seed: int, size: int = 128) -> Iterator[pa.Table]:
    """All rows in some order, in batches."""
    whole = pa.concat_tables(tables(found, "learn"))
    order = np.random.default_rng(seed).permutation(len(whole))
    for first in range(0, len(whole), size):
        yield whole.take(pa.array(order[first : first + size]))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return dataset(tmp_path_factory.mktemp("hills"), hills(4_000), hills(1_500, seed=9))


@pytest.mark.parametrize("start", [0.0, 0.35, 0.97])
def test_a_stretch_holds_the_rows_next_to_its_start_in_whatever_order_they_come(large: Dataset, start: float) -> None:
    whole = pa.concat_tables(tables(large, "learn"))
    distance = (whole[PLACE].to_numpy() - start) % 1.0
    expected = np.sort(whole[PLACE].to_numpy()[np.argsort(distance)[:CAP]])
    found = []
    for seed in (1, 2):
        stretch = Stretch(start, CAP)
        gather(batches(large, seed), [stretch])
        assert stretch.most_held <= CAP + 128
        found.append(stretch.sampled(use_case(), 0))
        assert (found[-1].place == expected).all()
    assert (found[0].labelled.target == found[1].labelled.target).all()
    assert all((found[0].labelled.rows[name] == found[1].labelled.rows[name]).all() for name in ("x", "y"))


def test_of_rows_at_one_place_those_kept_do_not_hang_on_the_order() -> None:
    table = pa.table(
        {"x": [1.0] * 9, "y": [2.0] * 9, "note": ["same"] * 9, LABEL: list("cabcabcab"), PLACE: [0.5] * 9,
         "__source": ["file"] * 9, "__day": ["2025-01-01"] * 9}
    )  # fmt: skip
    for seed in range(4):
        stretch = Stretch(0.0, 4)
        order = np.random.default_rng(seed).permutation(9)
        gather([table.take(pa.array(order[:5])), table.take(pa.array(order[5:]))], [stretch])
        assert list(stretch.sampled(use_case(), 0).labelled.target) == ["a", "a", "a", "b"]


def test_a_bag_never_learns_from_the_rows_that_judge_it(large: Dataset) -> None:
    common, own = Stretch(0.0, 3_000), Stretch(start_of(1, 4), 3_000)
    gather(batches(large, 3), [common, own])
    common_rows, own_rows = (each.sampled(use_case(), 0) for each in (common, own))
    held = common_rows.take(np.arange(0, 3_000, 4))
    clear = own_rows.take(np.flatnonzero(clear_of(own_rows, held)))
    assert set(own_rows.labelled.rows["x"]) & set(held.labelled.rows["x"])
    assert not set(clear.labelled.rows["x"]) & set(held.labelled.rows["x"])
    at = found_in(own_rows, common_rows)
    assert 0 < (at < 0).sum() < len(at)
    both = at >= 0
    assert (common_rows.labelled.rows["x"][at[both]] == own_rows.labelled.rows["x"][both]).all()
    assert not set(own_rows.labelled.rows["x"][~both]) & set(common_rows.labelled.rows["x"])


def test_of_a_panel_the_days_around_those_that_judge_are_left_out() -> None:
    day = np.repeat(np.datetime64("2024-01-01") + np.arange(50), 4)
    rows = Rows({"x": np.arange(200.0)})
    every = Sampled(LabelledRows(rows, np.arange(200.0), time=day, horizon_days=7), np.arange(200) / 200)
    held = every.take(np.arange(80, 120))
    left = day[clear_of(every, held)]
    assert min(abs((each - other).astype(int)) for each in set(left) for other in set(day[80:120])) > 7


def student_of(
    folder: Path, found: Dataset, given: UseCase, workers: int = 1, threads: int = 1
) -> tuple[dict[str, bytes], int]:
    """Trained by workers that read in orders of their own, and the most rows that one of them held."""
    run = RunFolder(pyarrow.fs.LocalFileSystem(), str(folder))
    met = threading.Barrier(workers)
    teachings = [
        Streamed(given, found, lambda rank=rank: batches(found, seed=rank), given.retraining.rows_in_memory)
        for rank in range(workers)
    ]

    def work(rank: int) -> None:
        worker = Worker(rank, workers, run, lambda: met.wait() and None, lambda keys: keys, threads)
        worker.train(["one"], [Lot("one", given, teachings[rank])])

    each = [threading.Thread(target=work, args=(rank,)) for rank in range(workers)]
    for one in each:
        one.start()
    for one in each:
        one.join()
    outcome = run.outcome("one", given.name)
    assert isinstance(outcome, dict), outcome
    return outcome, max(teaching.most_held for teaching in teachings)


def files(bundle: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in bundle.items() if name != "manifest.json"}


@pytest.mark.parametrize("kind", ["lightgbm", "xgboost"])
def test_a_table_larger_than_memory_gives_one_student_that_knows_more(
    large: Dataset, tmp_path: Path, kind: str
) -> None:
    """Ten times the rows that may be held: no worker holds more than its samples and a batch."""
    one, held_by_one = student_of(tmp_path / "1", large, use_case(kind))
    two, held_by_two = student_of(tmp_path / "2", large, use_case(kind), workers=2, threads=2)
    assert files(one) == files(two)
    assert CAP < held_by_one <= (1 + 1) * CAP + 128
    assert held_by_two <= (2 + 1) * CAP + 2 * 128
    manifest = read_manifest(one)
    assert manifest.data.rows == 4_000
    assert sum(manifest.data.labels.values()) == 4_000
    assert manifest.data.digest == large.manifest.digest
    few = dataset(tmp_path, hills(CAP), hills(1_500, seed=9))
    alone, _ = student_of(tmp_path / "3", few, use_case(kind))
    gold = hills(1_500, seed=9)
    grown, capped = (accuracy(bundle, gold) for bundle in (one, alone))
    assert grown > capped + 0.02


def accuracy(bundle: dict[str, bytes], gold: LabelledRows) -> float:
    answers = load_student(bundle, "1").answer(gold.rows)
    assert isinstance(answers, ClassAnswers)
    return float((np.array(answers.classes, dtype=object)[answers.best()] == gold.target).mean())


def test_what_fits_into_memory_is_learned_from_as_ever(tmp_path: Path) -> None:
    """The same bytes as from rows that are at hand, from one worker or two."""
    learn = hills(300)
    found = dataset(tmp_path, learn, hills(100, seed=3))
    given = use_case(most=300)
    run = RunFolder(pyarrow.fs.LocalFileSystem(), str(tmp_path / "at hand"))

    class Given(AtHand):
        def parts(self) -> Parts:
            return Parts(found.read("learn"), found.read("gold"))

    Worker(0, 1, run, lambda: None, lambda keys: keys).train(["one"], [Lot("one", given, Given(given, learn))])
    at_hand = run.outcome("one", "hills")
    assert isinstance(at_hand, dict)
    for workers in (1, 2):
        streamed, held = student_of(tmp_path / str(workers), found, given, workers)
        assert files(streamed) == files(at_hand)
        assert held <= 300


def test_bags_that_are_grown_are_not_grown_again(large: Dataset, tmp_path: Path) -> None:
    student_of(tmp_path, large, use_case())
    for path in (tmp_path / "students").rglob("*.json"):
        path.unlink()
    gone = tmp_path / "bags" / "one" / "classes-2.npz"
    before = {path.name: path.stat().st_mtime_ns for path in gone.parent.iterdir()}
    content = gone.read_bytes()
    gone.unlink()
    again, _ = student_of(tmp_path, large, use_case())
    after = {path.name: path.stat().st_mtime_ns for path in gone.parent.iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"classes-2.npz"}
    assert len(content) == gone.stat().st_size
    assert read_manifest(again).metrics["rows_gold"] == CAP


def test_without_gold_there_is_a_student_that_nobody_has_judged(tmp_path: Path) -> None:
    found = dataset(tmp_path, hills(300), hills(0))
    bundle, _ = student_of(tmp_path / "run", found, use_case())
    metrics = read_manifest(bundle).metrics
    assert metrics["rows_gold"] == 0
    assert "accuracy" not in metrics
    assert 0 < metrics["held_out_accuracy"] <= 1


def test_a_library_that_is_not_there_fails_one_family_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xgboost", None)
    for module in ("serve_app.adapters.xgboost_student", "pipelines.trees_xgboost"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    run = RunFolder(pyarrow.fs.LocalFileSystem(), str(tmp_path))
    lots = [
        Lot(kind, given, AtHand(given, hills(200))) for kind in ("xgboost", "lightgbm") if (given := use_case(kind))
    ]
    Worker(0, 1, run, lambda: None, lambda keys: keys).train(["xgboost", "lightgbm"], lots)
    told = "xgboost is not installed: the extra `xgboost` brings it"
    assert run.outcome("xgboost", "hills") == TrainFailure("hills", told)
    assert isinstance(run.outcome("lightgbm", "hills"), dict)


def test_what_one_worker_cannot_grow_is_told_by_the_first(tmp_path: Path) -> None:
    run = RunFolder(pyarrow.fs.LocalFileSystem(), str(tmp_path))
    given = use_case(params={"num_leaves": -5})
    met = threading.Barrier(2)

    def work(rank: int) -> None:
        own = given if rank else use_case()
        Worker(rank, 2, run, lambda: met.wait() and None, lambda keys: keys).train(
            ["one"], [Lot("one", own, AtHand(own, hills(200)))]
        )

    each = [threading.Thread(target=work, args=(rank,)) for rank in range(2)]
    for one in each:
        one.start()
    for one in each:
        one.join(60)
    found = run.outcome("one", "hills")
    assert isinstance(found, TrainFailure)
    assert "num_leaves" in found.reason


def panel(days: int, items: int, seed: int) -> LabelledRows:
    """Values rise with ``market_price``, and the spread with it."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.datetime64("2024-01-01") + np.arange(days), items)
    price = rng.uniform(1, 50, len(day))
    value = price * np.exp(0.2 * np.sin(price / 4) + rng.normal(0, 0.1, len(day)))
    columns = {"market_price": numeric_column(price.tolist())}
    return LabelledRows(Rows(columns), value, group=day, time=day, horizon_days=3)


@pytest.mark.parametrize("kind", ["lightgbm", "xgboost"])
def test_numbers_of_a_panel_larger_than_memory(tmp_path: Path, kind: str) -> None:
    given = UseCase.model_validate(
        {
            **use_case(kind).model_dump(),
            "fields": {"card": {"kind": "id"}},
            "target": {"kind": "regression", "column": "fair", "scale": "log", "relative_to": "market_price"},
            "feature_table": {
                "file": "table.parquet", "keys": ["card", "date"], "columns": {"market_price": {"kind": "numeric"}},
                "maker": {"kind": "panel", "source": "prices.csv", "item": "card", "day": "date", "value": "price",
                          "horizon_days": 3},
            },
        }
    )  # fmt: skip
    every, where = panel(120, 20, seed=5), pyarrow.fs.LocalFileSystem()
    learn, gold = every.split_by_time(0.2)
    found = write(
        where, str(tmp_path / "dataset"), given, part_of(take(every, learn)), part_of(take(every, gold)), horizon_days=3
    )
    one, held = student_of(tmp_path / "1", found, given)
    two, _ = student_of(tmp_path / "2", found, given, workers=2)
    assert files(one) == files(two)
    assert held <= 2 * CAP + 128
    manifest = read_manifest(one)
    assert manifest.metrics["coverage"] == pytest.approx(0.8, abs=0.1)
    assert manifest.metrics["mae"] < 0.9 * manifest.metrics["mae_baseline"]
    assert manifest.data.since == "2024-01-01"
