"""A person's label, checked against what the use case predicts."""

from __future__ import annotations

import math

from serve_app.core.errors import FieldError, InvalidInput
from serve_app.core.use_case import Classification, UseCase


def checked(use_case: UseCase, given: object) -> tuple[str | None, float | None]:
    """``(label, None)`` for a class, ``(None, value)`` for a number. Raises InvalidInput."""
    if isinstance(use_case.target, Classification):
        return _class(use_case.target, given), None
    return None, _number(given)


def _class(target: Classification, given: object) -> str:
    if isinstance(given, str) and given in target.classes:
        return given
    shown = repr(given)[:80]
    raise _misfit(shown, f"one of {', '.join(target.classes)}")


def _number(given: object) -> float:
    if isinstance(given, int | float) and not isinstance(given, bool):
        value = float(given) if abs(given) < 1e300 else math.inf
        if math.isfinite(value):
            return value
    raise _misfit(repr(given)[:80], "a finite number")


def _misfit(shown: str, expected: str) -> InvalidInput:
    return InvalidInput("the label does not fit the use case", [FieldError("label", shown, expected)])
