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
    return operation_of(operation, tag, summary, {"200": answered(schema, example)}, READING, more)


def asking(
    operation: str, tag: str, summary: str, body: tuple[Json, Any], answer: tuple[Json, Any], more: Json | None = None
) -> Json:
    """A POST with a JSON body. ``body`` and ``answer``: schema and example."""
    return operation_of(operation, tag, summary, {"200": answered(*answer)}, BODY, {**body_of(*body), **(more or {})})


def predicting(operation: str, tag: str, summary: str, body: tuple[Json, Any], answer: tuple[Json, Any]) -> Json:
    """A POST that is answered by student and teacher, the latter as long as there is money for it."""
    asked = asking(operation, tag, summary, body, answer)
    words = "Seconds until there is money for rows that were not paid for (`reason: budget`)."
    asked["responses"]["200"]["headers"]["Retry-After"] = {"schema": STRING, "description": words}
    return asked


def body_of(schema: Json, example: Any, required: bool = True) -> Json:
    """``requestBody``, as a member of an operation."""
    return {"requestBody": {"required": required, "content": {JSON: {"schema": schema, "example": example}}}}


def operation_of(name: str, tag: str, summary: str, good: Json, bad: tuple[str, ...], more: Json | None) -> Json:
    """Any operation. ``good``: responses by status; ``bad``: the statuses of its errors."""
    responses = {**good, **errors_of(bad)}
    return {"operationId": name, "tags": [tag], "summary": summary, "responses": responses, **(more or {})}


def answered(schema: Json, example: Any, words: str = "The answer.") -> Json:
    headers = {"X-Request-ID": {"schema": STRING}}
    return {"description": words, "headers": headers, "content": {JSON: {"schema": schema, "example": example}}}


def path_parameter(name: str, schema: Json, example: str) -> Json:
    return {"parameters": [parameter("path", name, schema, example)]}


def parameter(where: str, name: str, schema: Json, example: Any, words: str = "") -> Json:
    described = {"description": words} if words else {}
    required = {"required": True} if where == "path" else {}
    return {"name": name, "in": where, **required, "schema": schema, "example": example, **described}
