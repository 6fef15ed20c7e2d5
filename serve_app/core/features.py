"""Rows to numbers, in one way for training and serving.

    numeric      as it is, NaN for missing
    categorical  the place among the values seen in training; NaN for missing and for new ones
    date         year, month, day, day of the week
    text         see ``text_features``

What was learned is frozen in a ``Featuriser``, which is kept as JSON and arrays. The same row gives
the same float32 bits alone or in a batch, in any process, on any number of threads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, TypeAdapter, ValidationError

from serve_app.core.config import Config
from serve_app.core.errors import BadBundle
from serve_app.core.npz import read_npz, write_npz
from serve_app.core.rows import Column, Rows
from serve_app.core.text_features import TextField, canonical_column, names
from serve_app.core.tfidf import Floats32

_LARGEST = float(np.finfo(np.float32).max)
_DATE_PARTS = ("year", "month", "day", "weekday")


class NumericSetup(Config):
    kind: Literal["numeric"] = "numeric"
    name: str


class CategoricalSetup(Config):
    kind: Literal["categorical"] = "categorical"
    name: str
    levels: tuple[str, ...]


class DateSetup(Config):
    kind: Literal["date"] = "date"
    name: str


class TextSetup(Config):
    """``words``, ``chars``: sizes of n-grams; ``scores``: columns of the projection that are scores."""

    kind: Literal["text"] = "text"
    name: str
    words: tuple[int, int]
    chars: tuple[int, int] | None
    scores: Annotated[int, Field(ge=0)]


Setup = Annotated[NumericSetup | CategoricalSetup | DateSetup | TextSetup, Field(discriminator="kind")]
NotNumeric = CategoricalSetup | DateSetup | TextSetup
_SETUPS = TypeAdapter(tuple[Setup, ...])


@dataclass(frozen=True)
class Featuriser:
    """``setups``: one a field, in the order of the columns; ``texts``: what each text field learned."""

    setups: tuple[Setup, ...]
    texts: Mapping[str, TextField]

    def matrix(self, rows: Rows, scores: Mapping[str, Floats32] | None = None) -> Floats32:
        """(rows, columns) of float32. ``scores``: by text field, (rows, scores) that stand in for
        the linear model's own, as training needs them."""
        matrix = np.empty((len(rows), self._starts[-1]), dtype=np.float32)
        if self._numeric:
            matrix[:, self._numeric_columns] = _numbers([rows[name] for name in self._numeric])
        for setup, where in self._others:
            matrix[:, where] = self._part(setup, rows[setup.name])
        for name, given in (scores or {}).items():
            if name in self._score_columns:
                matrix[:, self._score_columns[name]] = given
        return matrix

    def scores(self, matrix: Floats32) -> npt.NDArray[np.float64] | None:
        """(rows, scores): the linear model's, summed over the text fields; None without text."""
        found = [matrix[:, where].astype(np.float64) for where in self._score_columns.values()]
        return None if not found else np.asarray(sum(found[1:], start=found[0]))

    def score_columns(self) -> dict[str, slice]:
        """By text field with scores, where in the matrix they stand."""
        return dict(self._score_columns)

    def fields(self) -> list[str]:
        return [setup.name for setup in self.setups]

    def widths(self) -> list[int]:
        """Columns a field, in order."""
        return [self._width(setup) for setup in self.setups]

    def columns(self) -> list[str]:
        """A name for every column."""
        return [name for setup in self.setups for name in self._names(setup)]

    def categorical(self) -> list[int]:
        """Columns that hold codes, not quantities."""
        starts = np.cumsum([0, *self.widths()])
        return [int(at) for at, s in zip(starts, self.setups, strict=False) if isinstance(s, CategoricalSetup)]

    def _part(self, setup: NotNumeric, column: Column) -> Floats32:
        match setup:
            case CategoricalSetup():
                return _codes(column, self._places[setup.name])
            case DateSetup():
                return _date_parts(column)
            case TextSetup():
                return self.texts[setup.name].dense(canonical_column(column))

    # What depends on the setups alone is worked out once: for a lone row it was most of the time.

    @cached_property
    def _starts(self) -> list[int]:
        """Of each field its first column; the count of columns last."""
        return [0, *np.cumsum(self.widths()).tolist()]

    @cached_property
    def _numeric(self) -> list[str]:
        return [setup.name for setup in self.setups if isinstance(setup, NumericSetup)]

    @cached_property
    def _numeric_columns(self) -> slice | list[int]:
        """A slice where they stand side by side: an index of integers is slower by far."""
        at = [start for start, s in zip(self._starts, self.setups, strict=False) if isinstance(s, NumericSetup)]
        return slice(at[0], at[-1] + 1) if at[-1] - at[0] + 1 == len(at) else at

    @cached_property
    def _others(self) -> list[tuple[NotNumeric, slice]]:
        spans = zip(self.setups, pairwise(self._starts), strict=True)
        return [(setup, slice(*span)) for setup, span in spans if not isinstance(setup, NumericSetup)]

    @cached_property
    def _places(self) -> dict[str, dict[str, float]]:
        """The codes of each categorical field's levels."""
        fields = [setup for setup in self.setups if isinstance(setup, CategoricalSetup)]
        return {field.name: {level: float(at) for at, level in enumerate(field.levels)} for field in fields}

    @cached_property
    def _score_columns(self) -> dict[str, slice]:
        starts = dict(zip(self.fields(), self._starts, strict=False))
        return {name: slice(starts[name], starts[name] + t.scores) for name, t in self.texts.items() if t.scores}

    def _width(self, setup: Setup) -> int:
        match setup:
            case TextSetup():
                return self.texts[setup.name].width
            case DateSetup():
                return len(_DATE_PARTS)
            case _:
                return 1

    def _names(self, setup: Setup) -> list[str]:
        match setup:
            case TextSetup():
                return [f"{setup.name}.{part}" for part in names(self.texts[setup.name])]
            case DateSetup():
                return [f"{setup.name}.{part}" for part in _DATE_PARTS]
            case _:
                return [setup.name]

    def files(self) -> dict[str, bytes]:
        """``features.json`` and ``features.npz``; arrays are named ``<place of the field>.<array>``."""
        setups = [setup.model_dump(mode="json") for setup in self.setups]
        arrays = {
            f"{place}.{key}": array
            for place, setup in enumerate(self.setups)
            if setup.kind == "text"
            for key, array in self.texts[setup.name].arrays().items()
        }
        return {"features.json": json.dumps(setups, indent=1).encode(), "features.npz": write_npz(arrays)}

    @classmethod
    def read(cls, files: Mapping[str, bytes]) -> Featuriser:
        """The inverse of ``files``. Raises BadBundle."""
        try:
            setups = _SETUPS.validate_json(files["features.json"])
            arrays = read_npz(files["features.npz"], "features.npz")
            texts = {s.name: _text_field(s, place, arrays) for place, s in enumerate(setups) if s.kind == "text"}
        except (KeyError, ValidationError) as error:
            raise BadBundle(f"the features cannot be read: {error}") from None
        return cls(setups, texts)


def _text_field(setup: TextSetup, place: int, arrays: Mapping[str, npt.NDArray[Any]]) -> TextField:
    own = {key: arrays[f"{place}.{key}"] for key in ("hashes", "idf", "projection")}
    return TextField.read(setup.model_dump(), own)


def _numbers(columns: Sequence[Column]) -> Floats32:
    """(rows, columns) of float32, none of them infinite."""
    values = np.array(columns, dtype=np.float64)
    np.maximum(values, -_LARGEST, out=values)
    np.minimum(values, _LARGEST, out=values)
    return values.astype(np.float32).T


def _codes(column: Column, places: Mapping[str, float]) -> Floats32:
    return np.array([places.get(value, np.nan) for value in column], dtype=np.float32)[:, None]


def _date_parts(column: Column) -> Floats32:
    parts = [_of_day(value) for value in column]
    return np.array(parts, dtype=np.float32).reshape(len(column), len(_DATE_PARTS))


def _of_day(value: str | None) -> tuple[float, ...]:
    if value is None:
        return (np.nan,) * len(_DATE_PARTS)
    day = date.fromisoformat(value)
    return (day.year, day.month, day.day, day.weekday())
