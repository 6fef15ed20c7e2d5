"""An Arrow table is read as the same values in JSON would be, and refused for the same misfits."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from serve_app.core.errors import FieldError, InvalidInput
from serve_app.core.rows import Rows
from serve_app.core.schema import validate
from serve_app.core.tables import READ, rows_from_table
from serve_app.core.use_case import InputField

FIELDS: dict[str, InputField] = TypeAdapter(dict[str, InputField]).validate_python(
    {
        "amount": {"kind": "numeric", "required": False, "minimum": -5, "maximum": 1e6},
        "count": {"kind": "numeric", "integer": True, "default": 2},
        "size": {"kind": "numeric"},
        "colour": {"kind": "categorical", "values": ["red", "blue"], "required": False},
        "text": {"kind": "text", "required": False, "max_length": 12},
        "day": {"kind": "date", "required": False},
        "id": {"kind": "id", "default": "none"},
    }
)
NUMBERS = st.none() | st.floats(-10, 2e6)
COLUMNS = {
    "amount": st.one_of(NUMBERS, st.just(math.nan), st.just(math.inf)),
    "count": st.none() | st.integers(-3, 3),
    "size": NUMBERS,
    "colour": st.none() | st.sampled_from(["red", "blue", "green", ""]),
    "text": st.none() | st.text(max_size=14),
    "day": st.none() | st.dates().map(str) | st.sampled_from(["2025-02-30", "yesterday"]),
    "id": st.none() | st.text(max_size=5),
    "other": st.none(),
}
INSTANCES = st.lists(st.fixed_dictionaries({n: c for n, c in COLUMNS.items() if n != "other"}), min_size=1, max_size=5)


def outcome(read: Callable[[], Rows]) -> list[dict[str, Any]] | tuple[FieldError, ...]:
    try:
        return list(read().records())
    except InvalidInput as refusal:
        return refusal.fields


def one(**columns: Any) -> pa.Table:
    """A table of one row that fits, but for ``columns``."""
    return pa.table({"size": pa.array([1.0]), **columns})


@given(INSTANCES, st.booleans(), st.booleans())
@settings(max_examples=200, deadline=None)
def test_a_table_is_read_or_refused_as_its_rows_in_json_are(
    instances: list[dict[str, Any]], coded: bool, split: bool
) -> None:
    columns = {name: pa.array([row[name] for row in instances]) for name in instances[0]}
    columns |= {n: c.dictionary_encode() for n, c in columns.items() if coded and pa.types.is_string(c.type)}
    whole = pa.table(columns)
    table = pa.concat_tables([whole.slice(0, 1), whole.slice(1)]) if split else whole
    assert outcome(lambda: rows_from_table(FIELDS, table)) == outcome(lambda: validate(FIELDS, instances))


@pytest.mark.parametrize(
    "kind", [pa.int8(), pa.uint64(), pa.int32(), pa.float16(), pa.float32(), pa.float64()], ids=str
)
def test_every_kind_of_number_is_a_number(kind: pa.DataType) -> None:
    rows = rows_from_table(FIELDS, pa.table({"size": pa.array([3, 7], kind), "count": pa.array([None, 4], kind)}))
    assert rows["size"].dtype == rows["count"].dtype == np.float64
    assert (list(rows["size"]), list(rows["count"])) == ([3.0, 7.0], [2.0, 4.0])


def test_a_whole_number_beyond_a_double_is_rounded_as_json_is() -> None:
    huge = 2**60 + 1
    assert (
        rows_from_table(FIELDS, pa.table({"size": [huge]}))["size"][0] == validate(FIELDS, [{"size": huge}])["size"][0]
    )


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
def test_every_kind_of_text_is_a_text(kind: pa.DataType) -> None:
    rows = rows_from_table(FIELDS, one(text=pa.array(["é" * 12], kind), id=pa.array([None], kind)))
    assert (rows["text"][0], rows["id"][0]) == ("é" * 12, "none")


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()], ids=str)
def test_a_day_is_its_text(kind: pa.DataType) -> None:
    assert rows_from_table(FIELDS, one(day=pa.array([dt.date(2025, 2, 28)], kind)))["day"][0] == "2025-02-28"


def test_a_column_of_nulls_or_none_at_all_is_missing() -> None:
    nulls = rows_from_table(FIELDS, one(text=pa.nulls(1), count=pa.nulls(1), amount=pa.nulls(1)))
    assert list(nulls.records()) == list(rows_from_table(FIELDS, one()).records())
    assert nulls.names == tuple(FIELDS)


@pytest.mark.parametrize(
    ("column", "problem", "expected"),
    [
        ({"amount": ["1.5"]}, '"1.5"', "a number"),
        ({"amount": [True]}, "true", "a number"),
        ({"amount": [math.nan]}, "NaN", "a finite number"),
        ({"text": [7]}, "7", "a text"),
        ({"text": [True]}, "true", "a text"),
        ({"count": [1.5]}, "1.5", "an integer"),
        ({"day": ["2025-02-30"]}, '"2025-02-30"', "a date as YYYY-MM-DD"),
        ({"day": pa.array([2**31 - 1], pa.int32()).cast(pa.date32())}, None, "a date as YYYY-MM-DD"),
    ],
)
def test_a_type_is_not_stretched(column: dict[str, Any], problem: str | None, expected: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        rows_from_table(FIELDS, one(**column))
    (error,) = refused.value.fields
    assert (error.field, error.expected, error.row) == (next(iter(column)), expected, 0)
    assert problem in (None, error.problem)


def test_a_column_that_no_field_names_is_told_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        rows_from_table(FIELDS, pa.table({"size": [1.0, 2.0], "amuont": [1.0, 2.0]}))
    assert refused.value.fields == (FieldError("amuont", "unknown field", "did you mean amount?", None),)


UNREADABLE = {
    "list<item: double>": pa.array([[1.0]]),
    "struct<x: int64>": pa.array([{"x": 1}]),
    "binary": pa.array([b"x"]),
    "timestamp[s]": pa.array([1], pa.timestamp("s")),
    "decimal128(3, 1)": pa.array([1], pa.decimal128(3, 1)),
    "dictionary<values=int64, indices=int32, ordered=0>": pa.array([1]).dictionary_encode(),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_types_that_no_cell_has_are_refused_by_column(kind: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        rows_from_table(FIELDS, one(amount=UNREADABLE[kind]))
    assert refused.value.fields == (FieldError("amount", kind, READ, None),)


def test_a_column_may_stand_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        rows_from_table(FIELDS, pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0])], ["size", "size"]))
    assert refused.value.fields == (FieldError("size", "stands twice", "each field once", None),)


def test_a_long_entry_that_every_row_names_is_one_text() -> None:
    """Else a small stream would grow a thousandfold."""
    long = pa.DictionaryArray.from_arrays(pa.array(np.zeros(1000, np.int8)), pa.array(["x" * 12]))
    texts = rows_from_table(FIELDS, pa.table({"size": np.ones(1000), "text": long}))["text"]
    assert len({id(text) for text in texts}) == 1
