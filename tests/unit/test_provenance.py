from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.core.provenance import Origin, Said, Settled, settle

START = datetime(2026, 1, 1, tzinfo=UTC)


def said(origin: Origin, label: str | float, by: str = "kim", minute: int = 0) -> Said:
    return Said(origin, by, START + timedelta(minutes=minute), f"{minute:04d}{by}", label)


def test_people_outrank_the_teacher_whenever_they_spoke() -> None:
    for minute in (0, 9):
        found = settle([said("teacher", "a", "gemini", 5), said("person", "b", "kim", minute)])
        assert found == Settled("b", "person", conflict=True)


def test_the_file_is_people_too() -> None:
    assert settle([said("file", "a", "file 1"), said("teacher", "b", minute=3)]) == Settled("a", "file", conflict=True)


def test_most_people_win_and_a_tie_is_left_out() -> None:
    two = [said("person", "a", "kim"), said("person", "b", "ann")]
    assert settle(two) == Settled(None, "person", conflict=True)
    assert settle([*two, said("file", "b", "file 7")]) == Settled("b", "person", conflict=True)
    tied = [*two, said("teacher", "a", "gemini")]
    assert settle(tied).label is None, "the teacher does not decide between people"


def test_the_newest_word_of_a_person_counts() -> None:
    changed = [said("person", "a", "kim", 1), said("person", "b", "kim", 2), said("person", "b", "ann", 0)]
    assert settle(changed) == Settled("b", "person", conflict=False)


def test_one_voice_is_no_crowd() -> None:
    often = [said("person", "a", "kim", minute) for minute in range(9)]
    assert settle([*often, said("person", "b", "ann"), said("person", "b", "joe")]).label == "b"


def test_numbers_come_to_their_median() -> None:
    values = [said("person", value, by) for value, by in ((1.0, "a"), (9.0, "b"), (2.0, "c"))]
    assert settle(values) == Settled(2.0, "person", conflict=True)
    assert settle(values[:2]).label == 5.0
    assert settle([said("panel", 3.0), said("teacher", 4.0)]) == Settled(3.0, "panel", conflict=True)
    assert settle([said("panel", 3.0), said("person", 4.0)]).label == 4.0


@pytest.mark.parametrize("origin", ["file", "person", "teacher", "panel"])
def test_a_lone_word(origin: Origin) -> None:
    assert settle([said(origin, "a")]) == Settled("a", origin, conflict=False)


statements = st.builds(
    said,
    st.sampled_from(["file", "person", "teacher", "panel"]),
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["kim", "ann", "joe"]),
    st.integers(0, 3),
)


@given(st.lists(statements, min_size=1, max_size=8), st.randoms())
def test_the_order_of_arrival_changes_nothing(drawn: list[Said], rng: random.Random) -> None:
    shuffled = list(drawn)
    rng.shuffle(shuffled)
    assert settle(shuffled) == settle(drawn)


@given(st.lists(statements, min_size=1, max_size=8))
def test_what_is_learned_was_said_by_the_highest_who_spoke(drawn: list[Said]) -> None:
    found = settle(drawn)
    people = [each for each in drawn if each.origin in ("file", "person")]
    if people:
        assert found.origin in ("file", "person")
        assert found.label is None or found.label in {each.label for each in people}
    assert found.conflict or found.label is not None
    if len({each.label for each in drawn}) == 1:
        assert found.label == drawn[0].label
        assert not found.conflict
