"""What does not fit a schema, gathered over a whole batch and told in one refusal."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from serve_app.core.errors import FieldError, InvalidInput

SHOWN = 100
"""So many misfits are named; of the others only the number is told."""

_LONGEST = 80
_NO_ROW = -1


class _Misfit(NamedTuple):
    """``place`` is the field's among the fields; ``expected`` None stands for an unknown field. Kept
    raw: only those that are told are put into words."""

    row: int
    place: int
    field: str
    cell: Any
    expected: str | None


class Misfits:
    """Gathers the misfits of one batch. ``batch`` is unset for a lone instance, whose errors carry no row.

    Rows, unknown fields and columns each come in the order of rows: of each, the first that may be told
    are kept and the others counted, so that a large bad batch costs no more than a good one."""

    def __init__(self, fields: Mapping[str, Any], batch: bool) -> None:
        self._places = {name: place for place, name in enumerate(fields)}
        self._batch = batch
        self._found: list[_Misfit] = []
        self._count = 0
        self._room = SHOWN

    def objects(self, instances: Sequence[Any]) -> Sequence[int]:
        """The rows that are JSON objects; every other one is a misfit."""
        if set(map(type, instances)) <= {dict}:
            return range(len(instances))
        good = [row for row, instance in enumerate(instances) if type(instance) is dict]
        bad = (row for row, instance in enumerate(instances) if type(instance) is not dict)
        self._count += len(instances) - len(good)
        self._found += [_Misfit(row, -1, "instance", instances[row], "a JSON object") for row in islice(bad, SHOWN)]
        return good

    def unknown(self, row: int, instance: Mapping[str, Any]) -> None:
        """``instance`` has fields that no schema names."""
        names = islice((name for name in instance if name not in self._places), self._room)
        told = [_Misfit(row, len(self._places), name, None, None) for name in names]
        self._count += len(instance) - sum(name in instance for name in self._places)
        self._room -= len(told)
        self._found += told

    def unknown_columns(self, names: Sequence[str]) -> None:
        """Those of a table's columns that no schema names: misfits of no row in particular."""
        others = [name for name in names if name not in self._places]
        self._count += len(others)
        self._found += [_Misfit(_NO_ROW, len(self._places), name, None, None) for name in others[:SHOWN]]

    def column(self, name: str, index: Sequence[int], cells: Sequence[Any], problems: Sequence[str | None]) -> None:
        """``problems``: what was expected of each cell, None where it fits."""
        bad = [place for place, expected in enumerate(problems) if expected is not None]
        self._count += len(bad)
        column = self._places[name]
        self._found += [_Misfit(index[at], column, name, cells[at], problems[at]) for at in bad[:SHOWN]]

    def refuse(self) -> None:
        """Raises InvalidInput when anything was found."""
        if self._count:
            first = sorted(self._found, key=lambda misfit: misfit[:2])[:SHOWN]
            errors = [self._error(misfit) for misfit in first]
            raise InvalidInput(self._summary(errors), errors)

    def _error(self, misfit: _Misfit) -> FieldError:
        row = misfit.row if self._batch and misfit.row != _NO_ROW else None
        if misfit.expected is None:
            return FieldError(short(misfit.field), "unknown field", self._suggestion(misfit.field), row)
        return FieldError(misfit.field, shown(misfit.cell), misfit.expected, row)

    def _suggestion(self, name: str) -> str:
        near = difflib.get_close_matches(name[:_LONGEST], self._places, n=1)
        known = list(self._places)
        names = ", ".join(known[:20]) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
        return f"did you mean {near[0]}?" if near else f"only these fields: {names}"

    def _summary(self, errors: Sequence[FieldError]) -> str:
        what = "1 value does not fit" if self._count == 1 else f"{self._count} values do not fit"
        more = self._count - len(errors)
        return f"{what} the schema" + (f"; the first {SHOWN} are named, {more} more are not" if more else "")


def shown(cell: Any) -> str:
    """A cell as an error shows it: short, never a whole structure, always valid text."""
    if cell is None:
        return "missing"
    if isinstance(cell, dict | list):
        return "an object" if isinstance(cell, dict) else "an array"
    return short(_literal(cell))


def _literal(cell: Any) -> str:
    if isinstance(cell, str):
        return json.dumps(cell[: 2 * _LONGEST], ensure_ascii=False)
    if isinstance(cell, int) and cell.bit_length() > 300:  # Python refuses to print the very largest
        return f"an integer of {cell.bit_length()} bits"
    return json.dumps(cell, default=repr)


def short(text: str) -> str:
    """At most 80 characters, without lone surrogates, which could not be sent."""
    safe = text.encode("ascii", "backslashreplace").decode() if _torn(text) else text
    return safe if len(safe) <= _LONGEST else safe[: _LONGEST - 1] + "…"


def _torn(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text[: 2 * _LONGEST])
