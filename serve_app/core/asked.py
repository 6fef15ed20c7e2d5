"""What may stand in the bodies that start or steer something, and is it that.

Strict: an unknown member, a null or a wrong type is refused by name, so that a misspelt ``day`` does
not start another run than was meant. The same table makes the OpenAPI document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from serve_app.core.cells import number_problem, text_problem
from serve_app.core.errors import FieldError, InvalidInput
from serve_app.core.jobs import Kind
from serve_app.core.json_schema import NO_NUL
from serve_app.core.misfits import SHOWN, short, shown
from serve_app.core.use_case import NumericField, TextField, UseCase


@dataclass(frozen=True, slots=True)
class Member:
    """``problem``: what was expected of a value, None where it fits."""

    schema: Mapping[str, Any]
    problem: Callable[[Any], str | None]


def _whole(minimum: int, maximum: int) -> Member:
    field = NumericField(kind="numeric", integer=True, minimum=minimum, maximum=maximum)
    return Member({"type": "integer", "minimum": minimum, "maximum": maximum}, lambda v: number_problem(field, v))


def _text(max_length: int) -> Member:
    field = TextField(kind="text", max_length=max_length)

    def problem(value: Any) -> str | None:
        return f"a text of 1 to {max_length} characters" if value == "" else text_problem(field, value)

    return Member({"type": "string", "minLength": 1, "maxLength": max_length, "pattern": NO_NUL}, problem)


def _flag() -> Member:
    return Member({"type": "boolean"}, lambda value: None if isinstance(value, bool) else "true or false")


DAYS, REASON, PATH, VERSION, FLAG = _whole(1, 36_500), _text(500), _text(1000), _text(64), _flag()

JOB_MEMBERS: Mapping[Kind, Mapping[str, Member]] = {
    "train": {"days": DAYS, "reason": REASON},
    "preprocess": {"days": DAYS},
    "build_features": {"days": DAYS},
    "score": {"path": PATH, "teacher": FLAG},
}
"""What each kind of job may be asked with; none of it must be there."""


def members(body: Any, known: Mapping[str, Member], required: Iterable[str] = ()) -> dict[str, Any]:
    """``body`` when every member fits; whole numbers as int. Raises InvalidInput naming every misfit."""
    if not isinstance(body, dict):
        raise InvalidInput("the body is not an object", [FieldError("body", shown(body), "an object")])
    found = [FieldError(name, "missing", "this member") for name in required if name not in body]
    allowed = f"only {', '.join(sorted(known))}" if known else "no members at all"
    found += [FieldError(short(name), "unknown field", allowed) for name in body if name not in known][:SHOWN]
    for name, member in known.items():
        expected = member.problem(body[name]) if name in body else None
        if expected is not None:
            found.append(FieldError(name, "null" if body[name] is None else shown(body[name]), expected))
    if found:
        raise InvalidInput("the body does not fit", found)
    return {name: _as_meant(known[name], value) for name, value in body.items()}


def _as_meant(member: Member, value: Any) -> Any:
    """7.0 is the integer 7 to JSON Schema, and the same request."""
    return int(value) if member.schema["type"] == "integer" else value


def job_params(kind: Kind, use_case: UseCase, body: Any, data_root: str) -> dict[str, Any]:
    """The params of a job. Raises InvalidInput."""
    params = members(body, JOB_MEMBERS[kind])
    if kind == "score":
        _check_path(params, use_case, data_root)
    return params


def _check_path(params: Mapping[str, Any], use_case: UseCase, data_root: str) -> None:
    path = params.get("path")
    if path is None and use_case.scoring.path is None:
        expected = f"a path, as scoring.path of {use_case.name} names none"
        raise InvalidInput("there is nothing to score", [FieldError("path", "missing", expected)])
    expected_path = None if path is None else path_problem(path, data_root)
    if expected_path is not None:
        raise InvalidInput("the path may not be read", [FieldError("path", shown(path), expected_path)])


def path_problem(path: str, data_root: str) -> str | None:
    """Only what lies under the data root or in the use case's folder may be named: whoever may ask for a
    score must not be able to read the machine's other files with it."""
    if ".." in re.split(r"[/\\]", path):
        return "a path without '..'"
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", path):
        within = data_root.startswith("s3://") and path.startswith(data_root.rstrip("/") + "/")
        return None if within else "a relative path, or s3:// below the data root"
    if path.startswith(("/", "\\", "~")):
        return "a path relative to the data root or to the use case's folder"
    return None
