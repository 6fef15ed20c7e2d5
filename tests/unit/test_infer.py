"""What is made of a labelled table."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from serve_app.core.errors import InvalidInput
from serve_app.core.infer import Inferred, infer
from serve_app.core.infer_kinds import guess

N = 60
LABELS = ["a", "b", "c"] * (N // 3)
DATA = Path("../shared/data")


def made(target: Any = None, **columns: Any) -> Inferred:
    return infer(pd.DataFrame({**columns, "y": LABELS if target is None else target}), "y")


def kind(name: str, values: Any, comma: bool = False) -> str:
    return guess(name, pd.Series(values), comma).kind


def texts(count: int = N) -> list[str]:
    return [f"the printer number {n} on floor {n % 7} does not print any more" for n in range(count)]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("x", [1.5, 2, None], "numeric"),
        ("x", [1, 2, 3], "numeric"),
        ("x", ["1", " 2.5", "-3e4", ""], "numeric"),
        ("x", ["1,250.5", "3", "12,000,000"], "numeric"),
        ("x", ["3,14", "2,5", "1.234,5"], "numeric"),
        ("x", ["1", "2", "n/a", "?"], "numeric"),
        ("x", [Decimal("1.5"), Decimal(2)], "numeric"),
        ("x", ["00123", "04567", "00123", "04567"], "categorical"),
        ("x", ["2024-01-05", "2023-12-31"], "date"),
        ("x", ["2024-01-05T10:00:00Z", "2023-12-31 01:02:03"], "date"),
        ("x", ["31.12.2024", "1.2.2024"], "date"),
        ("x", ["12/31/2024", "1/2/2024"], "date"),
        ("x", [dt.date(2024, 1, 5), None], "date"),
        ("x", pd.to_datetime(["2024-01-05", "2024-02-05"]), "date"),
        ("x", ["2024-13-45", "2024-01-05", "2024-13-45", "2024-01-05"], "categorical"),
        ("x", [True, False, True], "categorical"),
        ("x", [True, None, False], "categorical"),
        ("x", ["red", "blue"] * 20, "categorical"),
        ("x", pd.Series(["red", "blue"] * 20, dtype="category"), "categorical"),
        ("x", texts(), "text"),
        ("subject", [f"Title {n}" for n in range(50)], "text"),
        ("ticket_id", [f"INC{n}" for n in range(50)], "id"),
        ("customerID", [f"C-{n}" for n in range(50)], "id"),
        ("order no", list(range(1000, 1050)), "id"),
        ("x", ["123e4567-e89b-12d3-a456-42661417400" + str(n % 10) for n in range(30)], "id"),
        ("paid", list(range(50)), "numeric"),
        ("x", [None, None], "unusable"),
        ("x", ["", "  "], "unusable"),
        ("x", [[1], [2]], "unusable"),
        ("x", [b"a", b"b"], "unusable"),
    ],
)
def test_kinds(name: str, values: Any, expected: str) -> None:
    assert kind(name, values) == expected


def test_values_of_numbers_however_written() -> None:
    assert guess("x", pd.Series(["3,14", "1.234,5", None])).values.tolist()[:2] == [3.14, 1234.5]
    assert guess("x", pd.Series(["1,250", "3,000"])).values.tolist() == [1250, 3000]
    assert guess("x", pd.Series(["1,250", "3,000"]), comma=True).values.tolist() == [1.25, 3]
    found = guess("x", pd.Series([1.0, np.inf, 2.0]))
    assert np.isnan(found.values[1])
    assert "1 infinite taken as missing" in found.why


def test_values_of_dates_are_iso_days() -> None:
    assert guess("x", pd.Series(["31.12.2024", None])).values.tolist() == ["2024-12-31", None]
    assert guess("x", pd.Series(["12/31/2024", "1/2/2024"])).values.tolist() == ["2024-12-31", "2024-01-02"]
    assert "the month could also come first" in guess("x", pd.Series(["1/2/2024", "3/4/2024"])).why
    assert "time of day is left out" in guess("x", pd.Series(["2024-01-05T10:00:00", "2024-01-06"])).why


def test_required_follows_what_is_missing_and_bounds_are_only_noted() -> None:
    found = made(x=[None, *range(1, N)], t=texts())
    assert found.fields[0].keys == {"kind": "numeric", "required": False, "example": 1.0}
    assert "1 to 59; 1 of 60 missing" in found.fields[0].why
    assert found.fields[1].keys == {"kind": "text", "max_length": 10_000, "example": texts()[0]}


@pytest.mark.parametrize(
    ("labels", "task", "classes", "positive"),
    [
        ([0, 1, 0] * 20, "classification", ["0", "1"], "1"),
        ([1.0, 0.0, 1.0] * 20, "classification", ["0", "1"], "0"),
        ([True, False, False] * 20, "classification", ["false", "true"], "true"),
        (["no", "yes"] * 30, "classification", ["no", "yes"], "yes"),
        ([10, 9, 2] * 20, "classification", ["2", "9", "10"], None),
        (["None", "none", "-"] * 20, "classification", ["-", "None", "none"], None),
        ([n / 7 for n in range(N)], "regression", None, None),
        ([str(n / 7) for n in range(N)], "regression", None, None),
    ],
)
def test_targets(labels: Any, task: str, classes: list[str] | None, positive: str | None) -> None:
    found = made(labels, t=texts()).target
    assert (found.task, found.keys.get("classes"), found.keys.get("positive")) == (task, classes, positive)


def test_class_numbers_are_classes_and_measures_are_not() -> None:
    codes = pd.DataFrame({"t": texts(3000), "y": [n % 77 for n in range(3000)]})
    assert infer(codes, "y").target.task == "classification"
    assert infer(codes, "y", task="regression").target.task == "regression"
    ages = pd.DataFrame({"t": texts(3000), "y": [18 + n % 60 for n in range(3000)]})
    assert infer(ages, "y").target.task == "regression"


def test_a_wide_positive_number_is_learned_as_logarithm() -> None:
    assert made([10 ** (n / 10) for n in range(N)], t=texts()).target.keys["scale"] == "log"
    assert made([n - 5.5 for n in range(N)], t=texts()).target.keys["scale"] == "linear"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["a"] * N, r"holds 'a' \(60\); expected at least two classes"),
        ([None] * N, "holds no label"),
        ([""] * N, "holds no label"),
        (["a"] * (N - 1) + ["b"], "two classes with two rows each"),
        ([f"label {n}" for n in range(N)], "holds 60 distinct values in 60 rows"),
        ([3.7] * N, r"holds '3.7' \(60\)"),
    ],
)
def test_columns_that_are_no_target(labels: Any, expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected):
        made(labels, t=texts())


def test_five_thousand_classes() -> None:
    table = pd.DataFrame({"t": texts(15_000), "y": [f"c{n % 5000}" for n in range(15_000)]})
    with pytest.raises(InvalidInput, match=r"5,000 distinct values in 15,000 rows; expected at most 1,000 classes"):
        infer(table, "y")


def test_a_number_cannot_be_made_of_words() -> None:
    with pytest.raises(InvalidInput, match="no numbers, such as 'a'"):
        infer(pd.DataFrame({"t": texts(), "y": LABELS}), "y", task="regression")


def test_a_missing_target_names_the_columns() -> None:
    with pytest.raises(InvalidInput, match="no column 'lable'; the columns are: t, y"):
        infer(pd.DataFrame({"t": texts(), "y": LABELS}), "lable")


def test_rows_without_a_label_repeated_or_empty_are_left_out_and_counted() -> None:
    rows = texts()
    rows[4], rows[6] = rows[1], ""
    labels = [None if n == 2 else "ab"[n % 2] for n in range(N)]
    labels[4] = labels[1]
    found = made(labels, t=rows)
    assert len(found.table) == N - 3
    told = " | ".join(found.notes)
    assert "1 row left out without a label" in told
    assert "1 row left out with a label and nothing else" in told
    assert "1 row left out that repeat" in told
    assert found.fields[0].keys.get("required", True)


def test_columns_about_the_table_are_left_out_and_told() -> None:
    more = {"split": ["train", "test"] * 30, "": range(N), "one": ["x"] * N, "none": [None] * N, "many": [[1]] * N}
    found = made(t=texts(), **more)
    assert [each.name for each in found.fields] == ["t"]
    told = " | ".join(found.notes)
    for part in (
        "split left out: it says train",
        "(without a name) left out: it numbers",
        "one left out: it holds one",
    ):
        assert part in told
    assert "none left out" in told
    assert "many left out" in told


def test_columns_of_one_name() -> None:
    table = pd.DataFrame([[t, t, t[::-1], y] for t, y in zip(texts(), LABELS, strict=True)], columns=list("ttty"))
    found = infer(table, "y")
    assert [each.name for each in found.fields] == ["t", "t_2"]
    twice = pd.DataFrame([[t, y, y + "x"] for t, y in zip(texts(), LABELS, strict=True)], columns=list("tyy"))
    with pytest.raises(InvalidInput, match="two different columns are called 'y'"):
        infer(twice, "y")


def test_dropped_as_asked() -> None:
    table = pd.DataFrame({"t": texts(), "u": texts(), "y": LABELS})
    assert [each.name for each in infer(table, "y", drop=["u"]).fields] == ["t"]
    with pytest.raises(InvalidInput, match="cannot drop 'v'; the columns are: t, u"):
        infer(table, "y", drop=["v"])


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, "no column beside the target is usable"),
        ({"id": [f"A{n}" for n in range(N)]}, "only ids"),
        ({"x": [None] * N}, "no column beside the target is usable"),
    ],
)
def test_nothing_to_learn_from(columns: dict[str, Any], expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected):
        made(**columns)


def test_a_header_without_rows() -> None:
    with pytest.raises(InvalidInput, match="a header and no rows"):
        infer(pd.DataFrame({"t": [], "y": []}), "y")


def test_a_column_that_gives_the_answer_away_is_pointed_out() -> None:
    code = {"a": "1x", "b": "2x", "c": "3x"}
    found = made(t=texts(), label_code=[code[y] for y in LABELS])
    assert any("WARNING: label_code" in note and "--drop" in note for note in found.notes)


def test_the_table_is_typed_and_holds_only_fields_and_target() -> None:
    found = made([0, 1, 1] * 20, t=texts(), n=["1", ""] * 30, at=["2024-01-05", None] * 30)
    assert list(found.table.columns) == ["t", "n", "at", "y"]
    assert found.table["n"].dtype == np.float64
    assert found.table["at"].tolist()[:2] == ["2024-01-05", None]
    assert found.table["y"].tolist()[:3] == ["0", "1", "1"]


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real data is not beside the project")
@pytest.mark.parametrize(
    ("file", "target", "kinds", "rows", "keys"),
    [
        ("it_service_tickets/tickets.parquet", "label", ["text"], 47_837, ("classification", 8, None)),
        ("banking77/banking77.parquet", "label", ["text"], 13_072, ("classification", 77, None)),
        ("polish_bankruptcy/year1.parquet", "bankrupt", ["numeric"] * 64, 6_945, ("classification", 2, "1")),
        ("headlines/headlines.parquet", "label", ["text"], 10_000, ("classification", 4, None)),
        ("nusax_id/nusax_id.parquet", "label", ["text"], 1_000, ("classification", 3, None)),
        ("tradeprices_daily/prices.parquet", "price", ["date", "categorical"], 25_668, ("regression", 0, None)),
    ],
)
def test_real_tables(file: str, target: str, kinds: list[str], rows: int, keys: tuple[str, int, str | None]) -> None:
    found = infer(pd.read_parquet(DATA / file), target)
    assert [each.keys["kind"] for each in found.fields] == kinds
    assert len(found.table) == rows
    learned = found.target.keys
    assert (found.target.task, len(learned.get("classes", ())), learned.get("positive")) == keys
