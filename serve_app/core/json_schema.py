"""The fields of a use case as a JSON Schema (2020-12, as OpenAPI 3.1 uses it), and an example.

Exact: what the schema allows, ``core.schema.validate`` accepts, and the other way round. The
exceptions are numbers beyond the range of a 64-bit float and the bounds of a date, for which JSON
Schema has no words; the description names the latter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from serve_app.core.use_case import CategoricalField, DateField, IdField, InputField, NumericField, TextField

Schema = dict[str, Any]

NO_NUL = r"^[^\u0000]*$"
_ISO_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


def json_schema(fields: Mapping[str, InputField]) -> Schema:
    """The schema of one instance."""
    return {
        "type": "object",
        "properties": {name: _described(field) for name, field in fields.items()},
        "required": [name for name, field in fields.items() if is_needed(field)],
        "additionalProperties": False,
        "examples": [example(fields)],
    }


def is_needed(field: InputField) -> bool:
    """Whether an instance must bring the field itself: it is required and has no default."""
    return field.required and field.default is None


def example(fields: Mapping[str, InputField]) -> dict[str, Any]:
    """An instance that ``validate`` accepts: the fields' own examples, or values made from their bounds."""
    every = {name: _example(field) for name, field in fields.items()}
    return {name: value for name, value in every.items() if value is not None}


def _described(field: InputField) -> Schema:
    schema = _typed(field)
    if not is_needed(field):
        schema = _nullable(schema)
    if field.default is not None:
        schema["default"] = field.default
    description = " ".join(filter(None, [field.description, _days(field)]))
    return {**schema, "description": description} if description else schema


def _days(field: InputField) -> str:
    """A date's bounds in words: JSON Schema has no keyword for them."""
    if not isinstance(field, DateField):
        return ""
    bounds = [f"from {field.minimum}" if field.minimum else "", f"up to {field.maximum}" if field.maximum else ""]
    return " ".join(filter(None, bounds))


def _nullable(schema: Schema) -> Schema:
    schema["type"] = [schema["type"], "null"]
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
    return schema


def _typed(field: InputField) -> Schema:
    match field:
        case NumericField():
            return _numeric(field)
        case DateField():
            return {"type": "string", "format": "date", "pattern": _ISO_DAY}
        case CategoricalField(values=values) if values:
            return {"type": "string", "enum": list(values)}
        case CategoricalField() | TextField() | IdField():
            return {"type": "string", "maxLength": field.max_length, "pattern": NO_NUL}


def _numeric(field: NumericField) -> Schema:
    bounds = {"minimum": field.minimum, "maximum": field.maximum}
    kind = "integer" if field.integer else "number"
    return {"type": kind, **{name: bound for name, bound in bounds.items() if bound is not None}}


def _example(field: InputField) -> Any:
    given = field.example if field.example is not None else field.default
    if given is not None:
        return given
    match field:
        case NumericField():
            return _number(field)
        case CategoricalField(values=values) if values:
            return values[0]
        case DateField():
            return field.minimum or field.maximum or "2025-01-15"
        case CategoricalField() | TextField() | IdField():
            return field.kind[: field.max_length]


def _number(field: NumericField) -> float:
    """The middle of the bounds, the one bound there is, or 0."""
    bounds = [bound for bound in (field.minimum, field.maximum) if bound is not None]
    if len(bounds) == 2 and not field.integer:
        return bounds[0] / 2 + bounds[1] / 2
    number = bounds[0] if bounds else 0.0
    return float(math.ceil(number)) if field.integer and field.minimum is not None else number
