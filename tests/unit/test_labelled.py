"""Labelled rows of a file or a panel, and the table that a panel is made into."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipelines.feature_tables import materialise
from pipelines.labelled import LabelledRows, load
from serve_app.adapters.config_files import load_use_case
from serve_app.adapters.parquet_feature_tables import ParquetFeatureTables, table_path
from serve_app.core.errors import BadConfig
from serve_app.core.rows import Rows, text_column
from serve_app.core.use_case import UseCase

CARDS = Path(__file__).parents[2] / "configs" / "use_cases" / "card_price"


def use_case(target: dict[str, Any] | None = None, file: str | None = "rows.csv", **more: Any) -> UseCase:
    given: dict[str, Any] = {
        "name": "sample",
        "title": "Sample",
        "fields": {
            "text": {"kind": "text"},
            "amount": {"kind": "numeric", "required": False, "minimum": 0},
            "limit": {"kind": "numeric", "required": False, "purpose": "decision"},
            "ref": {"kind": "id", "required": False},
        },
        "target": target or {"kind": "classification", "column": "label", "classes": ["0", "none"]},
        "student": {"kind": "lightgbm"},
        "cascade": {"kind": "fixed"},
        "decision": {"kind": "label"},
        "labelled": {"file": file},
    }
    return UseCase.model_validate({**given, **more})


def loaded(folder: Path, content: str, **more: Any) -> LabelledRows | None:
    (folder / "rows.csv").write_text(content, encoding="utf-8")
    return load(use_case(**more), folder, folder / "state")


def test_rows_of_a_csv(tmp_path: Path) -> None:
    labelled = loaded(tmp_path, "text,amount,label,ref\nhello,1.5,0,a\nNA,,none,b\n")
    assert labelled is not None
    assert labelled.rows["text"].tolist() == ["hello", "NA"], "NA is a word here"
    np.testing.assert_array_equal(labelled.rows["amount"], [1.5, np.nan])
    assert labelled.target.tolist() == ["0", "none"]
    assert (labelled.skipped, labelled.time, labelled.group) == (0, None, None)


def test_what_cannot_be_used_is_skipped_and_counted(tmp_path: Path) -> None:
    lines = ["text,amount,label", "a,1,0", "b,1,zero", "c,1,", ",1,0", "d,many,0", "e,-1,0", "f,,none", ",x,zero"]
    labelled = loaded(tmp_path, "\n".join(lines))
    assert labelled is not None
    assert labelled.rows["text"].tolist() == ["a", "f"]
    assert labelled.skipped == 6
    assert labelled.reasons == {
        "label: 'zero' is not a class": 2, "label: missing": 1, "text: missing": 1,
        "amount: expected a number": 1, "amount: expected at least 0": 1,
    }  # fmt: skip


def test_labels_that_are_numbers_in_parquet(tmp_path: Path) -> None:
    pd.DataFrame({"text": ["a", "b"], "label": [0, 0]}).to_parquet(tmp_path / "rows.parquet")
    labelled = load(use_case(file="rows.parquet"), tmp_path, tmp_path)
    assert labelled is not None
    assert labelled.target.tolist() == ["0", "0"]


def test_a_numeric_target(tmp_path: Path) -> None:
    target = {"kind": "regression", "column": "price", "scale": "log"}
    labelled = loaded(tmp_path, "text,price\na,1.5\nb,0\nc,dear\nd,\ne,2\n", target=target)
    assert labelled is not None
    assert labelled.target.dtype == np.float64
    assert labelled.target.tolist() == [1.5, 2.0]
    assert labelled.reasons == {
        "price: expected above 0": 1, "price: expected a number": 1, "price: missing": 1,
    }  # fmt: skip


def test_without_labelled_rows_it_starts_cold(tmp_path: Path) -> None:
    assert load(use_case(file=None), tmp_path, tmp_path) is None
    assert loaded(tmp_path, "text,label\n") is None
    assert loaded(tmp_path, "text,label\na,unknown\n") is None


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"rows\.csv: no such file"):
        load(use_case(), tmp_path, tmp_path)


def test_a_column_that_is_not_there_is_named_with_a_near_miss(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"no column 'text' \(did you mean 'texts'\?\), 'label'"):
        loaded(tmp_path, "texts,amount\na,1\n")


def test_an_optional_column_may_be_absent(tmp_path: Path) -> None:
    labelled = loaded(tmp_path, "text,label\na,0\n")
    assert labelled is not None
    assert np.isnan(labelled.rows["amount"]).all()


@pytest.mark.parametrize("content", [b"PAR1", b""])
def test_a_file_that_is_no_table(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "rows.parquet").write_bytes(content)
    with pytest.raises(BadConfig, match="cannot be read as a table"):
        load(use_case(file="rows.parquet"), tmp_path, tmp_path)


@pytest.fixture
def cards(tmp_path: Path) -> Path:
    """A copy of the panel's folder, with a part of its prices only."""
    folder = tmp_path / "card_price"
    folder.mkdir()
    for name in ("use_case.yaml", "prompt.md"):
        shutil.copy(CARDS / name, folder)
    prices = pd.read_csv(CARDS / "prices.csv", dtype=str)
    some = prices[prices["card_id"].isin(prices["card_id"].unique()[:5])]
    some.to_csv(folder / "prices.csv", index=False)
    return folder


def test_a_panel_gives_the_days_whose_target_is_known(cards: Path, tmp_path: Path) -> None:
    labelled = load(load_use_case(cards), cards, tmp_path)
    assert labelled is not None
    assert labelled.time is not None
    assert labelled.time.dtype == np.dtype("datetime64[D]")
    assert labelled.time.max() == np.datetime64("2025-12-24"), "a week before the last day"
    assert np.isfinite(labelled.target).all()
    assert labelled.skipped == 0
    assert set(load_use_case(cards).features()) <= set(labelled.rows.names)
    assert labelled.horizon_days == 7


def test_a_split_by_time_keeps_the_targets_apart(cards: Path, tmp_path: Path) -> None:
    labelled = load(load_use_case(cards), cards, tmp_path)
    assert labelled is not None
    assert labelled.time is not None
    earlier, later = labelled.split_by_time(0.25)
    gap = labelled.time[later].min() - labelled.time[earlier].max()
    assert gap == np.timedelta64(8, "D"), "the last target of the earlier part was known the day before"
    assert len(later) / len(labelled) == pytest.approx(0.25, abs=0.05)


def test_rows_without_time_are_not_split_by_it() -> None:
    with pytest.raises(ValueError, match="no time"):
        LabelledRows(Rows({}), np.array([])).split_by_time(0.2)


def test_the_table_is_made_once_and_again_when_the_data_change(cards: Path, tmp_path: Path) -> None:
    case = load_use_case(cards)
    path = materialise(case, cards, tmp_path)
    assert path == tmp_path / "use_cases" / "card_price" / "features.parquet"
    first = path.stat().st_ino, path.stat().st_mtime_ns
    materialise(case, cards, tmp_path)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == first
    with (cards / "prices.csv").open("a") as file:
        file.write("newcomer_ex_001,2025-12-31,5.00\n")
    materialise(case, cards, tmp_path)
    assert "newcomer_ex_001" in set(pd.read_parquet(path)["card_id"])


def test_another_description_makes_another_table(cards: Path, tmp_path: Path) -> None:
    case = load_use_case(cards)
    before = pd.read_parquet(materialise(case, cards, tmp_path))
    assert case.feature_table is not None
    maker = case.feature_table.maker.model_copy(update={"horizon_days": 28})
    longer = case.model_copy(update={"feature_table": case.feature_table.model_copy(update={"maker": maker})})
    after = pd.read_parquet(materialise(longer, cards, tmp_path))
    assert not after["fair_price"].equals(before["fair_price"])
    pd.testing.assert_frame_equal(after.drop(columns="fair_price"), before.drop(columns="fair_price"))


def test_a_failed_write_leaves_the_old_table(cards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = load_use_case(cards)
    path = materialise(case, cards, tmp_path)
    before = path.read_bytes()
    with (cards / "prices.csv").open("a") as file:
        file.write("newcomer_ex_001,2025-12-31,5.00\n")

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        materialise(case, cards, tmp_path)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["features.parquet"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("card_id,date,prise\na,2025-01-01,1\n", "no column 'price' .did you mean 'prise'"),
        ("card_id,date,price\na,2025-01-01,dear\n", "dear"),
        ("card_id,date,price\na,someday,1\n", "someday"),
        ("card_id,date,price\n", "no price above 0"),
    ],
)
def test_raw_data_that_cannot_be_used(cards: Path, tmp_path: Path, content: str, why: str) -> None:
    (cards / "prices.csv").write_text(content)
    with pytest.raises(BadConfig, match=why):
        materialise(load_use_case(cards), cards, tmp_path)


def test_the_target_must_not_be_a_feature(cards: Path, tmp_path: Path) -> None:
    case = load_use_case(cards)
    assert case.feature_table is not None
    columns = {**case.feature_table.columns, "fair_price": case.feature_table.columns["market_price"]}
    leaking = case.model_copy(update={"feature_table": case.feature_table.model_copy(update={"columns": columns})})
    with pytest.raises(BadConfig, match="would know the future"):
        materialise(leaking, cards, tmp_path)


def test_serving_sees_the_very_bits_that_were_trained_on(cards: Path, tmp_path: Path) -> None:
    case = load_use_case(cards)
    table = case.feature_table
    labelled = load(case, cards, tmp_path)
    assert labelled is not None
    assert table is not None
    tables = ParquetFeatureTables(lambda name: (table, table_path(tmp_path, name, table)))
    keys = {name: text_column(labelled.rows[name]) for name in table.keys}
    joined = tables.join(case.name, Rows(keys))
    for name in case.features():
        assert joined[name].tobytes() == labelled.rows[name].tobytes(), name
