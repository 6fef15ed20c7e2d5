"""The Open Inference Protocol's paths of one use case."""

from __future__ import annotations

from typing import Any

from serve_app.api.open_inference import described
from serve_app.api.openapi_answers import answer_example
from serve_app.api.openapi_parts import STRING, answered, array, closed, predicting, reading, ref
from serve_app.api.tensors import DATATYPES, column, outputs
from serve_app.core.json_schema import example
from serve_app.core.use_case import NumericField, UseCase

Json = dict[str, Any]

_SHAPE = array({"type": "integer", "minimum": 1}, minItems=1, maxItems=2)
_FREE: Json = {"type": "object"}


def tensor_schemas(use_case: UseCase, max_batch: int) -> Json:
    cell = {"type": ["number", "string", "array", "null"]}
    tensor = {
        "name": {"type": "string", "enum": list(use_case.fields)},
        "shape": _SHAPE,
        "datatype": {"type": "string", "enum": list(DATATYPES)},
        "data": array(cell, minItems=1, maxItems=max_batch),
        "parameters": _FREE,
    }
    wanted = closed(
        {"name": {"type": "string", "enum": [n for n, _ in outputs(use_case)]}, "parameters": _FREE}, ("parameters",)
    )
    inputs = array(closed(tensor, ("parameters",)), minItems=1, maxItems=len(use_case.fields))
    request = {"id": STRING, "parameters": _FREE, "inputs": inputs, "outputs": array(wanted)}
    return {
        f"{use_case.name}.InferRequest": closed(request, ("id", "parameters", "outputs")),
        f"{use_case.name}.InferResponse": _response(use_case),
    }


def _response(use_case: UseCase) -> Json:
    output = {
        "name": {"type": "string", "enum": [name for name, _ in outputs(use_case)]},
        "shape": _SHAPE,
        "datatype": {"type": "string", "enum": ["FP64", "BYTES"]},
        "data": array({"type": ["number", "string", "null"]}),
    }
    parts = {"model_name": STRING, "model_version": STRING, "id": STRING, "outputs": array(closed(output))}
    return closed(parts, ("model_version", "id"))


def tensor_paths(use_case: UseCase) -> Json:
    name = use_case.name
    request = (ref(f"{name}.InferRequest"), _request_example(use_case))
    answer = (ref(f"{name}.InferResponse"), _response_example(use_case))
    infer = predicting(f"infer_{name}", "open inference protocol", f"Infer: {use_case.title}", request, answer)
    return {
        f"/v2/models/{name}": {"get": _metadata(use_case)},
        f"/v2/models/{name}/ready": {"get": _ready(name)},
        f"/v2/models/{name}/infer": {"post": infer},
    }


def _metadata(use_case: UseCase) -> Json:
    tensor = {"name": STRING, "datatype": STRING, "shape": array({"type": "integer"}), "parameters": _FREE}
    tensors = array(closed(tensor, ("parameters",)))
    parts = {"name": STRING, "versions": array(STRING), "platform": STRING, "inputs": tensors, "outputs": tensors}
    shown = described(use_case, ["3"])
    words = f"Metadata: {use_case.title}"
    return reading(f"metadata_{use_case.name}", "open inference protocol", words, closed(parts), shown)


def _ready(name: str) -> Json:
    schema, shown = closed({"name": STRING, "ready": {"type": "boolean"}}), {"name": name, "ready": True}
    one = reading(f"ready_{name}", "open inference protocol", f"Does {name} answer", schema, shown)
    one["responses"]["503"] = answered(schema, {**shown, "ready": False}, "It does not.")
    return one


def _request_example(use_case: UseCase) -> Json:
    given = example(use_case.fields)
    return {
        "inputs": [
            {
                "name": name,
                "shape": [1],
                "datatype": "FP64" if isinstance(use_case.fields[name], NumericField) else "BYTES",
                "data": [value],
            }
            for name, value in given.items()
        ]
    }


def _response_example(use_case: UseCase) -> Json:
    answers = [answer_example(use_case)]
    tensors = [{"name": n, "shape": [1], "datatype": kind, "data": column(n, answers)} for n, kind in outputs(use_case)]
    return {"model_name": use_case.name, "model_version": "3", "outputs": tensors}
