"""A table is read as the same values in JSON would be."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serve_app.core.errors import FieldError, InvalidInput
from serve_app.core.frames import frame_from_rows, rows_from_frame, text_of
from serve_app.core.rows import Rows
from serve_app.core.schema import validate
from serve_app.core.use_case import CategoricalField, DateField, IdField, NumericField, TextField

FIELDS = {
    "amount": NumericField(kind="numeric", required=False, minimum=-5, maximum=1e6),
    "count": NumericField(kind="numeric", integer=True, default=2),
    "colour": CategoricalField(kind="categorical", values=("red", "blue"), required=False),
    "text": TextField(kind="text", required=False, max_length=12),
    "day": DateField(kind="date", required=False),
    "id": IdField(kind="id", default="none"),
}


def assert_same(ours: Rows, theirs: Rows) -> None:
    assert ours.names == theirs.names
    for name in ours.names:
        assert ours[name].dtype == theirs[name].dtype
        np.testing.assert_array_equal(ours[name], theirs[name])


def outcome(read: Callable[[], Rows]) -> Rows | list[tuple[int | None, str, str]]:
    """The rows, or what was refused of them."""
    try:
        return read()
    except InvalidInput as refusal:
        return [(error.row, error.field, error.expected) for error in refusal.fields]


maybe = st.none()
INSTANCE = st.fixed_dictionaries(
    {
        "amount": maybe | st.floats(-10, 2e6) | st.integers(-10, 10),
        "count": maybe | st.integers(-3, 3) | st.just(1.5),
        "colour": maybe | st.sampled_from(["red", "blue", "green", ""]),
        "text": maybe | st.text(max_size=14),
        "day": maybe | st.dates().map(str) | st.sampled_from(["2025-02-30", "yesterday"]),
        "id": maybe | st.text(max_size=5),
    }
)


@settings(max_examples=200, deadline=None)
@given(instances=st.lists(INSTANCE, min_size=1, max_size=6))
def test_a_frame_reads_as_json_does(instances: list[dict[str, Any]]) -> None:
    frame = pd.DataFrame({name: pd.Series([i[name] for i in instances], dtype=object) for name in FIELDS})
    ours, theirs = outcome(lambda: rows_from_frame(FIELDS, frame)), outcome(lambda: validate(FIELDS, instances))
    if isinstance(ours, Rows) and isinstance(theirs, Rows):
        assert_same(ours, theirs)
    else:
        assert ours == theirs


@settings(max_examples=50, deadline=None)
@given(instances=st.lists(INSTANCE, min_size=1, max_size=6))
def test_there_and_back(instances: list[dict[str, Any]]) -> None:
    try:
        rows = validate(FIELDS, instances)
    except InvalidInput:
        return
    assert_same(rows_from_frame(FIELDS, frame_from_rows(rows)), rows)


def test_numbers_written_as_text() -> None:
    frame = pd.DataFrame({"amount": ["1.5", " 2 ", "NA", "", None, "?", "1e3"], "count": "3"})
    rows = rows_from_frame({n: FIELDS[n] for n in ("amount", "count")}, frame)
    np.testing.assert_array_equal(rows["amount"], [1.5, 2, math.nan, math.nan, math.nan, math.nan, 1000])


def test_a_number_is_read_to_the_last_bit() -> None:
    written = ["0.1", "123456.7890123456789", "4.35", "2.675e-3"]
    rows = rows_from_frame({"amount": FIELDS["amount"]}, pd.DataFrame({"amount": written}))
    assert rows["amount"].tolist() == [float(text) for text in written]


def test_a_word_where_a_number_belongs_is_refused_with_its_row() -> None:
    frame = pd.DataFrame({"amount": ["1", "much", "9999999"]})
    with pytest.raises(InvalidInput) as refusal:
        rows_from_frame({"amount": FIELDS["amount"]}, frame)
    assert refusal.value.fields == (
        FieldError("amount", '"much"', "a number", 1),
        FieldError("amount", "9999999.0", "at most 1e+06", 2),
    )


def test_defaults_fill_what_is_missing_even_a_whole_column() -> None:
    rows = rows_from_frame(FIELDS, pd.DataFrame({"amount": [1.0, 2.0]}))
    assert rows["count"].tolist() == [2.0, 2.0]
    assert rows["id"].tolist() == ["none", "none"]
    assert rows["text"].tolist() == [None, None]


def test_a_default_does_not_hide_a_misfit() -> None:
    with pytest.raises(InvalidInput):
        rows_from_frame({"count": FIELDS["count"]}, pd.DataFrame({"count": ["many"]}))


def test_an_infinite_number_is_refused() -> None:
    with pytest.raises(InvalidInput, match="does not fit"):
        rows_from_frame({"amount": FIELDS["amount"]}, pd.DataFrame({"amount": [math.inf]}))


@pytest.mark.parametrize(
    "days",
    [
        pd.Series(pd.to_datetime(["2025-12-01", None])),
        pd.Series([dt.date(2025, 12, 1), None]),
        pd.Series([dt.datetime(2025, 12, 1, 13, 5), None]),
        pd.Series(["2025-12-01", None]),
    ],
    ids=["datetime64", "date", "datetime", "text"],
)
def test_days_become_iso(days: pd.Series) -> None:
    assert rows_from_frame({"day": FIELDS["day"]}, pd.DataFrame({"day": days}))["day"].tolist() == ["2025-12-01", None]


@pytest.mark.parametrize("dtype", ["Int64", "float64", "object"])
def test_whole_numbers_as_text_have_no_point(dtype: str) -> None:
    assert text_of(pd.Series([1, None, 3], dtype=dtype)).tolist() == ["1", None, "3"]


def test_categories_and_strings_of_pandas() -> None:
    frame = pd.DataFrame({"colour": pd.Categorical(["red", None]), "text": pd.array(["a", None], dtype="string")})
    rows = rows_from_frame({n: FIELDS[n] for n in ("colour", "text")}, frame)
    assert rows["colour"].tolist() == ["red", None]
    assert rows["text"].tolist() == ["a", None]


def test_no_rows() -> None:
    rows = rows_from_frame(FIELDS, pd.DataFrame())
    assert len(rows) == 0
    assert len(frame_from_rows(rows)) == 0
