"""Every key of ``platform.yaml`` by environment: ``UNDERSTUDY_TEACHER__GEMINI__API_KEY``.

pydantic-settings reads such names too, but passes over a misspelt section in silence (it looks only
for names it knows), cannot say which variable a bad value came from, and would make the settings a
second model beside ``Platform``. Hence this overlay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from serve_app.adapters.config_errors import did_you_mean, problems_of
from serve_app.core.platform import Platform

PREFIX = "UNDERSTUDY_"

Path = tuple[str, ...]


def settings(model: type[BaseModel] = Platform, at: Path = ()) -> Iterator[tuple[Path, FieldInfo]]:
    """Every key that holds a value, with its path."""
    for name, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from settings(info.annotation, (*at, name))
        else:
            yield (*at, name), info


def defaults() -> dict[Path, Any]:
    """The default of every key, as a file would hold it."""
    return {at: _default(at) for at, _ in settings()}


def _default(at: Path) -> Any:
    value: Any = Platform()
    for name in at:
        value = getattr(value, name)
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def variable(at: Path) -> str:
    return PREFIX + "__".join(at).upper()


def overlay(environ: Mapping[str, str], ignored: frozenset[str]) -> tuple[dict[Path, Any], list[str]]:
    """Values by key path, and what is wrong with the rest. An empty value counts as not set."""
    known = {variable(at): (at, info) for at, info in settings()}
    values: dict[Path, Any] = {}
    wrong: list[str] = []
    for name, text in sorted(environ.items()):
        upper = name.upper()
        if not upper.startswith(PREFIX) or upper in ignored:
            continue
        if upper not in known:
            wrong.append(f"environment: unknown variable {name}{did_you_mean(upper, known)}")
        elif text.strip():
            at, info = known[upper]
            try:
                values[at] = parsed(text.strip(), info)
            except ValidationError as error:
                wrong.append(f"environment: {name}: {_reason(error, info)}")
    return values, wrong


def parsed(text: str, info: FieldInfo) -> Any:
    """The value as a file would hold it: numbers and booleans parsed, a secret left as text."""
    value = TypeAdapter(Annotated[info.annotation, info]).validate_python(text)
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _reason(error: ValidationError, info: FieldInfo) -> str:
    return "; ".join(problem.text for problem in problems_of(error, info.annotation))
