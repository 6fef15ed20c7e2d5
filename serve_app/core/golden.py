"""Golden rows: a handful of rows with the student's exact answers, kept in its bundle.

A model file with one digit flipped loads and predicts wrongly; another build of a library may round
another way. Whoever loads a bundle predicts its golden rows and compares bit for bit. JSON keeps the
bits: Python writes the shortest text that reads back as the same float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, Self, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from serve_app.core.answers import ClassAnswers, Floats, StudentAnswers, ValueAnswers
from serve_app.core.errors import BadBundle
from serve_app.core.manifest import first_problem
from serve_app.core.rows import Rows

MAX_ROWS = 32

_Config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
_Numbers = tuple[float, ...]


class GoldenClasses(BaseModel):
    """``probabilities``: one list a row, in the order of ``classes``."""

    model_config = _Config
    kind: Literal["classes"] = "classes"
    classes: tuple[str, ...]
    probabilities: tuple[_Numbers, ...]

    def __len__(self) -> int:
        return len(self.probabilities)


class GoldenValues(BaseModel):
    """``value``, ``low``, ``high``: one number a row."""

    model_config = _Config
    kind: Literal["values"] = "values"
    value: _Numbers
    low: _Numbers
    high: _Numbers

    def __len__(self) -> int:
        return len(self.value)


class Golden(BaseModel):
    """1 to 32 ``rows`` of features, as ``Rows.record`` gives them, and what the student answers."""

    model_config = _Config
    rows: Annotated[tuple[dict[str, JsonValue], ...], Field(min_length=1, max_length=MAX_ROWS)]
    answers: Annotated[GoldenClasses | GoldenValues, Field(discriminator="kind")]

    @model_validator(mode="after")
    def _as_many(self) -> Self:
        if len(self.answers) != len(self.rows):
            raise ValueError(f"{len(self.rows)} rows but {len(self.answers)} answers")
        return self

    @classmethod
    def of(cls, rows: Rows, answers: StudentAnswers) -> Golden:
        """``rows``: at most 32, with the features only. Raises BadBundle for answers that are not finite."""
        try:
            return cls(rows=tuple(rows.records()), answers=_kept(answers))
        except ValidationError as error:
            raise BadBundle(f"these cannot be golden rows: {first_problem(error)}") from None

    @classmethod
    def from_json(cls, text: bytes) -> Golden:
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise BadBundle(f"golden rows cannot be read: {first_problem(error)}") from None

    def as_json(self) -> bytes:
        return self.model_dump_json(indent=1).encode()

    def check_rows(self, features: Mapping[str, str]) -> None:
        """Raises BadBundle unless every row has exactly ``features`` (name -> kind), each of its kind."""
        for number, row in enumerate(self.rows):
            if set(row) != set(features):
                raise BadBundle(f"golden row {number} does not have exactly the model's features")
            for name, kind in features.items():
                _check_value(row[name], kind, f"golden row {number}: {name!r}")

    def as_rows(self, features: Mapping[str, str]) -> Rows:
        """``features``: name -> kind, as in the manifest. The columns are in its order."""
        numeric = [name for name, kind in features.items() if kind == "numeric"]
        other = [name for name, kind in features.items() if kind != "numeric"]
        return Rows.from_records(self.rows, numeric, other).select(list(features))


def same(golden: Golden, answers: StudentAnswers) -> str | None:
    """None when ``answers`` are the golden ones bit for bit, else what differs first."""
    if len(answers) != len(golden.rows):
        return f"{len(answers)} answers for {len(golden.rows)} golden rows"
    match golden.answers, answers:
        case GoldenClasses() as kept, ClassAnswers():
            return _same_classes(kept, answers)
        case GoldenValues() as kept, ValueAnswers():
            return _same_values(kept, answers)
    return f"the golden answers are {golden.answers.kind}, but the student gave {type(answers).__name__}"


def _same_classes(kept: GoldenClasses, answers: ClassAnswers) -> str | None:
    if kept.classes != answers.classes:
        return f"the classes are {list(answers.classes)}, not {list(kept.classes)}"
    wanted = np.array(kept.probabilities, dtype=np.float64)
    if wanted.shape != answers.probabilities.shape:
        return f"the probabilities are of shape {answers.probabilities.shape}, not {wanted.shape}"
    for row, column in _different(wanted, answers.probabilities):
        was, now = float(wanted[row, column]), float(answers.probabilities[row, column])
        return f"golden row {row}: the probability of {kept.classes[column]!r} is {now!r}, not {was!r}"
    return None


def _same_values(kept: GoldenValues, answers: ValueAnswers) -> str | None:
    for name in ("value", "low", "high"):
        wanted, given = np.array(getattr(kept, name), dtype=np.float64), cast(Floats, getattr(answers, name))
        for (row,) in _different(wanted, given):
            return f"golden row {row}: {name} is {float(given[row])!r}, not {float(wanted[row])!r}"
    return None


def _different(wanted: Floats, given: Floats) -> Iterator[Sequence[int]]:
    """Where the bits differ: 0.0 and -0.0 are not the same."""
    bits = np.ascontiguousarray(given, dtype=np.float64).view(np.int64)
    return (tuple(map(int, at)) for at in np.argwhere(wanted.view(np.int64) != bits))


def _check_value(value: JsonValue, kind: str, what: str) -> None:
    wanted = (int, float) if kind == "numeric" else (str,)
    if value is not None and (isinstance(value, bool) or not isinstance(value, wanted)):
        raise BadBundle(f"{what} is {value!r}, which is not {kind}")
    if isinstance(value, float) and not math.isfinite(value):
        raise BadBundle(f"{what} is not finite")


def _kept(answers: StudentAnswers) -> GoldenClasses | GoldenValues:
    match answers:
        case ClassAnswers():
            return GoldenClasses(classes=answers.classes, probabilities=_nested(answers.probabilities))
        case ValueAnswers():
            value, low, high = (tuple(a.tolist()) for a in (answers.value, answers.low, answers.high))
            return GoldenValues(value=value, low=low, high=high)
    raise BadBundle("there is no student, so there are no golden answers")


def _nested(matrix: Floats) -> tuple[_Numbers, ...]:
    return tuple(tuple(row) for row in matrix.tolist())
