"""The pieces of OpenAPI that every path is put together from."""

from __future__ import annotations

from typing import Any

from serve_app.api.openapi_errors import BODY, READING, errors_of

Json = dict[str, Any]

JSON = "application/json"
STRING: Json = {"type": "string"}
NUMBER: Json = {"type": "number"}
SHARE: Json = {"type": "number", "minimum": 0, "maximum": 1}


def ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def closed(properties: Json, optional: tuple[str, ...] = ()) -> Json:
    """An object with exactly these properties."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def or_null(schema: Json) -> Json:
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    nullable = {**schema, "type": [schema["type"], "null"]}
    return {**nullable, "enum": [*schema["enum"], None]} if "enum" in schema else nullable


def array(items: Json, **bounds: int) -> Json:
    return {"type": "array", "items": items, **bounds}


def reading(operation: str, tag: str, summary: str, schema: Json, example: Any, more: Json | None = None) -> Json:
    """A GET. ``more``: further members of the operation, such as parameters."""
    return _operation(operation, tag, summary, {"200": answered(schema, example)}, READING, more)


def asking(
    operation: str, tag: str, summary: str, body: tuple[Json, Any], answer: tuple[Json, Any], more: Json | None = None
) -> Json:
    """A POST with a JSON body. ``body`` and ``answer``: schema and example."""
    content = {JSON: {"schema": body[0], "example": body[1]}}
    request = {"requestBody": {"required": True, "content": content}}
    return _operation(operation, tag, summary, {"200": answered(*answer)}, BODY, {**request, **(more or {})})


def _operation(operation: str, tag: str, summary: str, good: Json, bad: tuple[str, ...], more: Json | None) -> Json:
    responses = {**good, **errors_of(bad)}
    return {"operationId": operation, "tags": [tag], "summary": summary, "responses": responses, **(more or {})}


def answered(schema: Json, example: Any, words: str = "The answer.") -> Json:
    headers = {"X-Request-ID": {"schema": STRING}}
    return {"description": words, "headers": headers, "content": {JSON: {"schema": schema, "example": example}}}


def path_parameter(name: str, schema: Json, example: str) -> Json:
    return {"parameters": [{"name": name, "in": "path", "required": True, "schema": schema, "example": example}]}
