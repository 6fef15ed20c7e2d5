"""A person's label, checked."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.core.errors import InvalidInput
from serve_app.core.feedback import checked
from serve_app.core.use_case import UseCase
from tests.fakes.small_graph import small_use_cases

TICKETS, PRICES = (small_use_cases()[name] for name in ("tickets", "prices"))


@pytest.mark.parametrize("label", ["access", "network", "other"])
def test_a_class_of_the_target_is_kept(label: str) -> None:
    assert checked(TICKETS, label) == (label, None)


@pytest.mark.parametrize("wrong", ["Access", " access", "", "hardware", 1, None, ["access"], {"a": 1}, True])
def test_anything_else_is_refused_with_what_was_expected(wrong: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked(TICKETS, wrong)
    (field,) = refused.value.fields
    assert (field.field, field.expected) == ("label", "one of access, network, other")
    assert repr(wrong) == field.problem


@given(st.floats(-1e299, 1e299) | st.integers(-(10**12), 10**12))
def test_a_number_is_kept_as_a_float(value: float) -> None:
    label, kept = checked(PRICES, value)
    assert label is None
    assert kept == value
    assert type(kept) is float


@pytest.mark.parametrize(
    "wrong", [float("nan"), float("inf"), float("-inf"), 10**400, -(10**400), 1e300, True, "3.5", None, [3.5]]
)
def test_what_is_no_finite_number_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked(PRICES, wrong)
    assert refused.value.fields[0].expected == "a finite number"


@pytest.mark.parametrize("use_case", [TICKETS, PRICES], ids=lambda each: each.name)
def test_a_refusal_does_not_repeat_a_book(use_case: UseCase) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked(use_case, "x" * 10_000)
    assert len(refused.value.fields[0].problem) == 80
