from __future__ import annotations

import math
import time
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from serve_app.core.errors import InvalidInput
from serve_app.core.json_schema import example, json_schema
from serve_app.core.rows import Rows
from serve_app.core.schema import judged, validate, validate_one
from serve_app.core.sieve import Sieve
from serve_app.core.use_case import InputField

FIELDS: dict[str, InputField] = TypeAdapter(dict[str, InputField]).validate_python(
    {
        "text": {"kind": "text", "max_length": 20},
        "size": {"kind": "categorical", "values": ["small", "large"], "default": "small"},
        "city": {"kind": "categorical", "required": False, "max_length": 10},
        "price": {"kind": "numeric", "minimum": 0, "maximum": 1000},
        "count": {"kind": "numeric", "integer": True, "required": False},
        "day": {"kind": "date", "minimum": "2024-01-01", "maximum": "2025-12-31"},
        "key": {"kind": "id", "required": False},
    }
)
GOOD: dict[str, Any] = {"text": "hello", "price": 1.5, "day": "2025-02-28"}


def misfits(instance: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(InvalidInput) as refused:
        validate_one(FIELDS, instance)
    assert all(error.row is None for error in refused.value.fields)
    return [(error.field, error.problem, error.expected) for error in refused.value.fields]


def test_defaults_stand_in_for_absent_and_null() -> None:
    rows = validate(FIELDS, [GOOD, {**GOOD, "size": None, "count": None}])
    assert list(rows["size"]) == ["small", "small"]
    assert np.isnan(rows["count"]).all()
    assert rows.names == tuple(FIELDS)


@pytest.mark.parametrize(
    ("field", "value", "problem", "expected"),
    [
        ("text", 5, "5", "a text"),
        ("text", True, "true", "a text"),
        ("text", None, "missing", "a text"),
        ("text", "x" * 21, '"xxxxxxxxxxxxxxxxxxxxx"', "at most 20 characters"),
        ("text", "a\0b", '"a\\u0000b"', "text without NUL characters and lone surrogates"),
        ("text", "\ud800", '"\\ud800"', "text without NUL characters and lone surrogates"),
        ("text", ["a"], "an array", "a text"),
        ("size", "huge", '"huge"', "one of: small, large"),
        ("city", {}, "an object", "a text"),
        ("price", "1.5", '"1.5"', "a number"),
        ("price", True, "true", "a number"),
        ("price", math.nan, "NaN", "a finite number"),
        ("price", math.inf, "Infinity", "a finite number"),
        ("price", 10**400, "an integer of 1329 bits", "a number that a 64-bit float can hold"),
        ("price", -0.1, "-0.1", "at least 0"),
        ("price", 1000.1, "1000.1", "at most 1000"),
        ("price", None, "missing", "a number"),
        ("count", 1.5, "1.5", "an integer"),
        ("day", "2025-02-29", '"2025-02-29"', "a date as YYYY-MM-DD"),
        ("day", "20250228", '"20250228"', "a date as YYYY-MM-DD"),
        ("day", "2025-W09-5", '"2025-W09-5"', "a date as YYYY-MM-DD"),
        ("day", "2025-02-28T00:00:00", '"2025-02-28T00:00:00"', "a date as YYYY-MM-DD"),
        ("day", "٢٠٢٥-02-28", '"٢٠٢٥-02-28"', "a date as YYYY-MM-DD"),
        ("day", 20250228, "20250228", "a date as YYYY-MM-DD"),
        ("day", "2023-12-31", '"2023-12-31"', "2024-01-01 or later"),
        ("day", "2026-01-01", '"2026-01-01"', "2025-12-31 or earlier"),
    ],
)
def test_a_misfit_is_named_with_what_was_expected(field: str, value: Any, problem: str, expected: str) -> None:
    assert misfits({**GOOD, field: value}) == [(field, problem, expected)]


def test_every_misfit_is_named_in_the_order_of_the_fields() -> None:
    assert misfits({"prise": 1, "text": 3}) == [
        ("text", "3", "a text"),
        ("price", "missing", "a number"),
        ("day", "missing", "a date as YYYY-MM-DD"),
        ("prise", "unknown field", "did you mean price?"),
    ]


@pytest.mark.parametrize(("instance", "shown"), [([], "an array"), ("x", '"x"'), (None, "missing"), (3, "3")])
def test_an_instance_must_be_an_object(instance: Any, shown: str) -> None:
    assert misfits(instance) == [("instance", shown, "a JSON object")]


def test_misfits_of_a_batch_carry_their_row() -> None:
    with pytest.raises(InvalidInput) as refused:
        validate(FIELDS, [GOOD, {**GOOD, "price": -1}, 7, {**GOOD, "text": None}])
    assert [(error.row, error.field) for error in refused.value.fields] == [(1, "price"), (2, "instance"), (3, "text")]


def test_only_the_first_hundred_misfits_are_named() -> None:
    with pytest.raises(InvalidInput) as refused:
        validate(FIELDS, [{**GOOD, "price": "x", "count": "y"}] * 5000)
    assert [error.row for error in refused.value.fields] == [row for row in range(50) for _ in "pc"]
    assert "10000 values do not fit" in str(refused.value)
    assert "9900 more" in str(refused.value)


def test_many_unknown_fields_do_not_cost_a_suggestion_each() -> None:
    began = time.perf_counter()
    with pytest.raises(InvalidInput):
        validate_one(FIELDS, {**GOOD, **{f"pricey{i}": 0 for i in range(100_000)}})
    assert time.perf_counter() - began < 3


def test_an_error_never_echoes_a_long_value() -> None:
    with pytest.raises(InvalidInput) as refused:
        validate_one(FIELDS, {**GOOD, "text": "é" * 1_000_000, "k" * 1_000_000: 1})
    assert all(len(error.problem) <= 80 and len(error.field) <= 80 for error in refused.value.fields)


# Mostly near misses: values of the right field with the wrong shape, as well as any JSON at all.
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=()))
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
GOOD_CELLS = st.sampled_from(["small", "large", "2025-02-28", "", "é", 0, 7, 0.5, 2**53 + 1, -0.0, 1000])
NEAR = st.fixed_dictionaries({}, optional=dict.fromkeys([*FIELDS, "other"], GOOD_CELLS | JSON))


@given(st.lists(NEAR | JSON, max_size=5))
@settings(max_examples=300, deadline=None)
def test_any_json_is_accepted_or_refused_as_invalid_input(instances: list[Any]) -> None:
    outcome = accepted_or_refused(instances)
    if isinstance(outcome, InvalidInput):
        assert outcome.fields
        assert all(0 <= (error.row or 0) < len(instances) for error in outcome.fields)
    else:
        assert len(outcome) == len(instances)


def accepted_or_refused(instances: list[Any]) -> Rows | InvalidInput:
    try:
        return validate(FIELDS, instances)
    except InvalidInput as refused:
        return refused


ACCEPTED = st.fixed_dictionaries(
    {
        "text": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
        "price": st.floats(0, 1000) | st.integers(0, 1000),
        "day": st.dates(*(np.datetime64(day).astype(object) for day in ("2024-01-01", "2025-12-31"))).map(str),
        "size": st.sampled_from(["small", "large"]),
        "city": st.none() | st.text("abc", max_size=10),
        "count": st.none() | st.integers(-(2**70), 2**70),
        "key": st.none() | st.text("xyz", max_size=10),
    }
)


@given(st.lists(ACCEPTED, min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
def test_accepted_rows_round_trip_to_the_double(instances: list[dict[str, Any]]) -> None:
    as_doubles = [{**one, "count": None if one["count"] is None else float(one["count"])} for one in instances]
    assert list(validate(FIELDS, instances).records()) == as_doubles


@given(st.lists(NEAR | ACCEPTED, min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_the_sieve_lets_through_only_what_is_accepted_cell_by_cell(instances: list[Any]) -> None:
    columns = Sieve(FIELDS).columns(instances)
    if columns is not None:
        assert tuple(columns) == tuple(FIELDS)
        for name, column in judged(FIELDS, instances, batch=True).items():
            assert columns[name].dtype == column.dtype
            np.testing.assert_array_equal(columns[name], column)


@given(st.lists(ACCEPTED, max_size=4))
@settings(max_examples=100, deadline=None)
def test_the_sieve_holds_nothing_back_that_fits(instances: list[Any]) -> None:
    """Else it would be slow for nothing, and nobody would see it."""
    assert (Sieve(FIELDS).columns(instances) is None) == (not instances)


@given(NEAR)
@settings(max_examples=300, deadline=None)
def test_the_json_schema_allows_exactly_what_is_accepted(instance: dict[str, Any]) -> None:
    checker = jsonschema.Draft202012Validator(json_schema(FIELDS), format_checker=jsonschema.FormatChecker(["date"]))
    outcome = accepted_or_refused([instance])
    if isinstance(outcome, InvalidInput):
        beyond_the_schema = {"or later", "or earlier", "finite", "float", "surrogates"}
        if not any(word in error.expected for error in outcome.fields for word in beyond_the_schema):
            assert not checker.is_valid(instance)
    else:
        assert checker.is_valid(instance)


def test_the_example_is_accepted() -> None:
    validate_one(FIELDS, example(FIELDS))
    jsonschema.validate(example(FIELDS), json_schema(FIELDS))
