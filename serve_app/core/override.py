"""An operator's own thresholds in place of a certificate's: what may be asked for, with a reason and an end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from serve_app.core.asked import REASON, Member, members
from serve_app.core.cells import number_problem
from serve_app.core.errors import FieldError, InvalidInput
from serve_app.core.misfits import shown
from serve_app.core.standing import Override
from serve_app.core.use_case import NumericField

LONGEST = timedelta(days=30)

_SHARE = NumericField(kind="numeric", minimum=0, maximum=1)
_NUMBER = {"type": "number", "minimum": 0, "maximum": 1}


def _share_problem(value: Any) -> str | None:
    return number_problem(_SHARE, value)


def _classes_problem(value: Any) -> str | None:
    if not isinstance(value, dict) or not value:
        return "an object of classes, each with its threshold"
    problems = (_share_problem(each) for each in value.values())
    return next((f"for each class {problem}" for problem in problems if problem is not None), None)


def _moment_problem(value: Any) -> str | None:
    return "a moment with a time zone, as 2026-03-01T12:00:00+07:00" if _moment(value) is None else None


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return None if found.tzinfo is None else found


THRESHOLD = Member(_NUMBER, _share_problem)
CLASSES = Member({"type": "object", "minProperties": 1, "additionalProperties": _NUMBER}, _classes_problem)
UNTIL = Member({"type": "string", "format": "date-time"}, _moment_problem)

OVERRIDE: Mapping[str, Member] = {"threshold": THRESHOLD, "classes": CLASSES, "reason": REASON, "until": UNTIL}


def override_of(body: Any, classes: Sequence[str], by: str, now: datetime) -> Override:
    """Raises InvalidInput, naming every misfit."""
    asked = members(body, OVERRIDE, ["reason", "until"])
    misfits = [FieldError(f"classes.{name[:60]}", "unknown class", f"one of: {', '.join(classes)}")
               for name in asked.get("classes", ()) if name not in classes][:20]  # fmt: skip
    if "threshold" not in asked and "classes" not in asked:
        misfits.append(FieldError("threshold", "missing", "a threshold for all classes, or classes with theirs"))
    until = _moment(asked["until"])
    assert until is not None
    if not now < until <= now + LONGEST:
        expected = f"a moment from now on, at most {LONGEST.days} days away"
        misfits.append(FieldError("until", shown(asked["until"]), expected))
    if misfits:
        raise InvalidInput("the override does not fit", misfits)
    threshold = None if "threshold" not in asked else float(asked["threshold"])
    own = {name: float(each) for name, each in asked.get("classes", {}).items()}
    return Override(by, asked["reason"], until.isoformat(), threshold, own)
