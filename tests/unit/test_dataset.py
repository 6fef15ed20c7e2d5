"""What ``prepare`` leaves is what training reads: the same bits, in one order."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.fs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dataset import DAY, LABEL, PLACE, SOURCE, Dataset, Part, labelled_of, open_dataset, part_of, write
from pipelines.labelled import LabelledRows
from pipelines.split import fractions, take
from serve_app.core.errors import NotFound
from serve_app.core.rows import Rows, numeric_column, text_column
from serve_app.core.use_case import UseCase

LOCAL = pyarrow.fs.LocalFileSystem()


def use_case(**more: object) -> UseCase:
    raw = {
        "name": "some",
        "title": "Some",
        "fields": {"size": {"kind": "numeric", "required": False}, "note": {"kind": "text", "required": False}},
        "target": {"kind": "classification", "column": "y", "classes": ["a", "b"]},
        "student": {"kind": "lightgbm"},
        "cascade": {"kind": "fixed"},
        "decision": {"kind": "label"},
    }
    return UseCase.model_validate({**raw, **more})


PANEL = use_case(
    target={"kind": "regression", "column": "fair"},
    feature_table={
        "file": "f.parquet", "keys": ["note", "day"], "columns": {"day": {"kind": "date"}},
        "maker": {"kind": "panel", "source": "p.csv", "item": "note", "day": "day", "value": "v"},
    },
)  # fmt: skip


def rows(sizes: list[float | None], notes: list[str | None]) -> Rows:
    return Rows({"size": numeric_column(sizes), "note": text_column(notes)})


def labelled(count: int) -> LabelledRows:
    found = rows([float(i) for i in range(count)], [f"note {i % 7}" for i in range(count)])
    return LabelledRows(found, text_column(["ab"[i % 2] for i in range(count)]))


def written(folder: Path, learn: Part, gold: Part | None = None) -> Dataset:
    write(LOCAL, str(folder), use_case(), learn, part_of(labelled(3)) if gold is None else gold)
    return open_dataset(str(folder), LOCAL)


def test_the_manifest_counts(tmp_path: Path) -> None:
    both = Part(labelled(4), text_column(["file", "person", "teacher", "teacher"]), text_column(["2026-01-02"] * 4))
    dataset = written(tmp_path, both)
    assert dataset.manifest.rows == {"learn": 4, "gold": 3}
    assert dataset.manifest.label_mix == {"file": 1, "person": 1, "teacher": 2}
    assert dataset.manifest.gold_mix == {"file": 3}
    assert dataset.manifest.classes == {"a": 2, "b": 2}
    assert dataset.files("learn") == [str(tmp_path / "learn" / "day=2026-01-02" / "part-00000.parquet")]


def test_without_its_manifest_there_is_no_dataset(tmp_path: Path) -> None:
    written(tmp_path, part_of(labelled(4)))
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(NotFound, match="no dataset"):
        open_dataset(str(tmp_path), LOCAL)


def test_the_order_and_the_digest_do_not_depend_on_who_came_first(tmp_path: Path) -> None:
    found = labelled(50)
    shuffled = take(found, np.random.default_rng(3).permutation(50))
    one, other = written(tmp_path / "one", part_of(found)), written(tmp_path / "other", part_of(shuffled))
    assert one.manifest == other.manifest
    assert one.frame("learn").equals(other.frame("learn"))
    changed = LabelledRows(found.rows, text_column(["b", *found.target[1:]]))
    assert written(tmp_path / "third", part_of(changed)).manifest.digest != one.manifest.digest


def test_places_are_those_of_the_folds(tmp_path: Path) -> None:
    dataset = written(tmp_path, part_of(labelled(20)))
    read = dataset.read("learn")
    places = dataset.frame("learn")[PLACE].to_numpy()
    np.testing.assert_array_equal(places, fractions(read, ["size", "note"], salt="fold"))
    assert (np.diff(places) > 0).all()


def test_an_empty_part(tmp_path: Path) -> None:
    dataset = written(tmp_path, part_of(labelled(5)), part_of(labelled(0)))
    assert len(dataset.read("gold")) == 0
    assert dataset.read("gold").rows["size"].dtype == np.float64


def test_a_panel_is_read_by_day(tmp_path: Path) -> None:
    days = np.array(["2026-01-03", "2026-01-01", "2026-01-02"], dtype="datetime64[D]")
    found = rows([1.0, 2.0, 3.0], ["x", "y", "z"]).with_columns({"day": text_column([str(day) for day in days])})
    panel = LabelledRows(found, np.array([1.0, 2.0, 3.0]), days, time=days, horizon_days=7)
    write(LOCAL, str(tmp_path), PANEL, part_of(panel, "panel"), part_of(panel, "panel"), 7)
    dataset = open_dataset(str(tmp_path), LOCAL)
    read = dataset.read("learn")
    assert read.target.tolist() == [2.0, 3.0, 1.0]
    assert read.time is not None
    assert read.time.astype(str).tolist() == ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert (read.horizon_days, len(dataset.files("learn"))) == (7, 3)


texts = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
numbers = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(numbers, texts, st.sampled_from("ab")), min_size=1, max_size=8))
def test_the_same_bits_come_back(drawn: list[tuple[float | None, str | None, str]]) -> None:
    sizes, notes, said = (list(column) for column in zip(*drawn, strict=True))
    found = LabelledRows(rows(sizes, notes), text_column(said))
    with tempfile.TemporaryDirectory() as folder:
        dataset = written(Path(folder), part_of(found))
        read, frame = dataset.read("learn"), dataset.frame("learn")
    came = zip(read.rows["size"].tolist(), read.rows["note"].tolist(), read.target.tolist(), strict=True)
    gone = zip(found.rows["size"].tolist(), notes, said, strict=True)
    assert sorted(map(repr, came)) == sorted(map(repr, gone)), "repr tells -0.0 and NaN apart"
    again = labelled_of(use_case(), frame.sample(frac=1, random_state=1), 0)
    assert list(map(repr, again.rows.records())) == list(map(repr, read.rows.records()))


def test_through_arrow_backed_frames(tmp_path: Path) -> None:
    """Pandas reads Parquet's text as its own ``str``, with NaN for None."""
    found = LabelledRows(rows([1.0, None], [None, "x"]), text_column(["a", "b"]))
    dataset = written(tmp_path, part_of(found))
    frame = pd.concat([pd.read_parquet(file, partitioning=None) for file in dataset.files("learn")])
    assert {LABEL, PLACE, SOURCE, DAY} <= set(frame.columns)
    again = labelled_of(use_case(), frame, 0)
    assert list(map(repr, again.rows.records())) == list(map(repr, dataset.read("learn").rows.records()))
