"""Our ULIDs are those of the specification: another implementation reads them back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from serve_app.core.ids import CHANCE, ulids


@given(st.integers(0, 2**48 - 1), st.lists(st.binary(min_size=CHANCE, max_size=CHANCE), max_size=4))
def test_an_id_holds_its_moment_and_its_chance(at_ms: int, chances: list[bytes]) -> None:
    made = ulids(at_ms, b"".join(chances))
    assert made == [str(ULID(at_ms.to_bytes(6) + chance)) for chance in chances]


@given(st.lists(st.integers(0, 2**48 - 1), min_size=2, max_size=5))
def test_ids_sort_by_when_they_were_made(moments: list[int]) -> None:
    chance = [b"\xff" * CHANCE, b"\0" * CHANCE]
    made = [(moment, ulids(moment, chance[place % 2])[0]) for place, moment in enumerate(moments)]
    by_id = [moment for moment, _ in sorted(made, key=lambda pair: pair[1])]
    assert by_id == sorted(moments)
