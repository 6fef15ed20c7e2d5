"""Rows: columns in, records out, and back without losing a bit."""

from __future__ import annotations

import json
import math
import pickle
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.core.rows import Rows, numeric_column, text_column

RECORDS = st.lists(
    st.fixed_dictionaries(
        {"size": st.none() | st.floats(allow_nan=False, allow_infinity=False), "word": st.none() | st.text()}
    ),
    min_size=1,
)


def of(records: list[dict[str, Any]]) -> Rows:
    return Rows.from_records(records, ["size"], ["word"])


def three() -> Rows:
    return Rows({"size": numeric_column([1.5, None, 3.0]), "word": text_column(["a", None, "c"])})


@given(RECORDS)
def test_records_go_out_and_come_back_bit_for_bit(records: list[dict[str, Any]]) -> None:
    """Also through JSON, as the event log keeps them."""
    rows = of(records)
    assert list(rows.records()) == records
    again = of(json.loads(json.dumps(list(rows.records()))))
    assert again["size"].tobytes() == rows["size"].tobytes()
    assert again["word"].tolist() == rows["word"].tolist()


@given(RECORDS)
def test_rows_travel_bit_for_bit(records: list[dict[str, Any]]) -> None:
    rows = of(records).with_columns({"count": np.arange(len(records)), "twice": np.full(len(records), -0.0)})
    there = pickle.loads(pickle.dumps(rows, protocol=5))
    assert there.names == rows.names
    assert there.kinds == rows.kinds
    for name in rows.names:
        same = there[name].tolist() == rows[name].tolist() if name == "word" else False
        assert same or there[name].tobytes() == rows[name].tobytes()


def test_rows_without_columns_travel_too() -> None:
    assert pickle.loads(pickle.dumps(Rows({}))).names == ()


@given(records=RECORDS, data=st.data())
def test_stacked_rows_come_apart_again(records: list[dict[str, Any]], data: st.DataObject) -> None:
    cuts = [0, *sorted(data.draw(st.lists(st.integers(0, len(records)), max_size=4))), len(records)]
    whole = of(records)
    parts = [whole.span(start, stop) for start, stop in pairwise(cuts)]
    again = Rows.stacked(parts)
    assert list(again.records()) == records
    assert again.kinds == whole.kinds


@given(records=RECORDS, data=st.data())
def test_taking_keeps_rows_whole_and_in_the_order_asked_for(records: list[dict[str, Any]], data: st.DataObject) -> None:
    index = data.draw(st.lists(st.integers(0, len(records) - 1)))
    taken = of(records).take(index)
    assert len(taken) == len(index)
    assert list(taken.records()) == [records[row] for row in index]


@given(records=RECORDS, data=st.data())
def test_a_mask_takes_where_it_is_true(records: list[dict[str, Any]], data: st.DataObject) -> None:
    mask = data.draw(st.lists(st.booleans(), min_size=len(records), max_size=len(records)))
    wanted = [record for record, yes in zip(records, mask, strict=True) if yes]
    assert list(of(records).take(np.array(mask)).records()) == wanted


def test_taking_none_leaves_the_columns() -> None:
    empty = three().take([])
    assert (len(empty), empty.names) == (0, ("size", "word"))
    assert empty["size"].dtype == np.float64
    assert list(empty.records()) == []


def test_what_is_missing_is_none_outside_and_nan_inside() -> None:
    assert math.isnan(three()["size"][1])
    assert three().record(1) == {"size": None, "word": None}


def test_a_field_that_a_record_does_not_have_is_missing() -> None:
    assert of([{"word": "a"}]).record(0) == {"size": None, "word": "a"}


def test_numbers_are_plain_floats_outside() -> None:
    assert type(three().record(0)["size"]) is float


def test_selecting_gives_the_columns_in_the_order_asked_for() -> None:
    assert three().select(["word", "size"]).names == ("word", "size")
    assert three().select(["word"]).names == ("word",)
    with pytest.raises(KeyError):
        three().select(["colour"])


def test_more_columns_leave_the_old_rows_as_they_were() -> None:
    rows = three()
    more = rows.with_columns({"size": numeric_column([9.0] * 3), "new": text_column(["x"] * 3)})
    assert more.record(0) == {"size": 9.0, "word": "a", "new": "x"}
    assert rows.record(0) == {"size": 1.5, "word": "a"}


def test_a_text_column_of_equally_long_texts_stays_a_column_of_texts() -> None:
    assert text_column(["ab", "cd"]).shape == (2,)
    assert text_column([]).shape == (0,)


def test_no_columns_are_no_rows() -> None:
    assert len(Rows({})) == 0


def test_records_are_each_row_s_own() -> None:
    odd = np.array([np.float64("nan"), np.float32(2.5), "text"], dtype=object)
    rows = Rows({"n": numeric_column([1.0, None, -0.0]), "t": text_column(["a", None, ""]), "odd": odd})
    found = list(rows.records())
    assert found == [rows.record(row) for row in range(3)]
    assert [type(each["odd"]) for each in found] == [type(None), float, str]
    assert str(found[2]["n"]) == "-0.0"
    assert list(Rows({}).records()) == []
