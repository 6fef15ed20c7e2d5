"""Tensors of the Open Inference Protocol as columns, and answers as tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from serve_app.api.body import many
from serve_app.core.errors import FieldError, InvalidInput
from serve_app.core.misfits import short, shown
from serve_app.core.use_case import Classification, UseCase

WHOLE = {f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)}
DATATYPES = (*sorted(WHOLE), "FP16", "FP32", "FP64", "BYTES")
_MEMBERS = {"name", "shape", "datatype", "data", "parameters"}


def tensors_of(inputs: Any, max_batch: int) -> dict[str, list[Any]]:
    """name -> values, all of one length. Raises InvalidInput for anything that is no such tensor."""
    if not isinstance(inputs, list) or not inputs:
        raise _misfit("inputs", shown(inputs), "an array of tensors, one for each field")
    columns: dict[str, list[Any]] = {}
    for place, tensor in enumerate(inputs):
        name, data = _tensor(f"inputs[{place}]", tensor, max_batch)
        if name in columns:
            raise _misfit(f"inputs[{place}]", f"{short(name)} once more", "each field once")
        columns[name] = data
    lengths = {len(data) for data in columns.values()}
    if len(lengths) > 1:
        raise _misfit("inputs", f"lengths {sorted(lengths)[:5]}", "tensors of one length")
    return columns


def _tensor(where: str, tensor: Any, max_batch: int) -> tuple[str, list[Any]]:
    if not isinstance(tensor, dict) or not {"name", "shape", "datatype", "data"} <= tensor.keys() <= _MEMBERS:
        raise _misfit(where, shown(tensor), "an object with name, shape, datatype and data")
    check_extras(where, tensor)
    name = tensor["name"]
    if not isinstance(name, str):
        raise _misfit(f"{where}.name", shown(name), "the name of a field")
    data = _flat(where, many(f"{where}.data", tensor["data"], max_batch))
    if tensor["shape"] not in ([len(data)], [len(data), 1]):
        raise _misfit(f"{where}.shape", f"{shown(tensor['shape'])} for {len(data)} values", "[n] or [n, 1]")
    _check_type(where, tensor["datatype"], data)
    return name, data


def check_extras(where: str, part: Mapping[str, Any]) -> None:
    """What the protocol lets one add: an id is a text, parameters are an object (and not looked at)."""
    if not isinstance(part.get("id", ""), str):
        raise _misfit(f"{where}.id", shown(part["id"]), "a text")
    if not isinstance(part.get("parameters", {}), dict):
        raise _misfit(f"{where}.parameters", shown(part["parameters"]), "an object")


def wanted_of(asked: Any, there: Sequence[str]) -> Sequence[str]:
    """The output tensors asked for; all of them when none is."""
    if not isinstance(asked, list):
        raise _misfit("outputs", shown(asked), "an array")
    for place, one in enumerate(asked):
        if (
            not isinstance(one, dict)
            or not {"name"} <= one.keys() <= {"name", "parameters"}
            or one["name"] not in there
        ):
            raise _misfit(f"outputs[{place}]", shown(one), f"an object with a name out of: {', '.join(there)}")
        check_extras(f"outputs[{place}]", one)
    return [one["name"] for one in asked] or there


def _flat(where: str, data: list[Any]) -> list[Any]:
    """[[a], [b]] and [a, b] are the same column."""
    if not any(isinstance(value, list) for value in data):
        return data
    if not all(isinstance(value, list) and len(value) == 1 for value in data):
        raise _misfit(f"{where}.data", "arrays of several values", "one value a row")
    return [value[0] for value in data]


def _check_type(where: str, datatype: Any, data: Sequence[Any]) -> None:
    if datatype not in DATATYPES:
        raise _misfit(f"{where}.datatype", shown(datatype), f"one of: {', '.join(DATATYPES)}")
    kinds: tuple[type, ...] = (str,) if datatype == "BYTES" else (int,) if datatype in WHOLE else (int, float)
    for row, value in enumerate(data):
        if value is not None and type(value) not in kinds:
            raise InvalidInput("a value of another type", [FieldError(where, shown(value), f"{datatype}", row)])


def outputs(use_case: UseCase) -> list[tuple[str, str]]:
    """Name and datatype of every output tensor."""
    if not isinstance(use_case.target, Classification):
        return [("value", "FP64"), ("low", "FP64"), ("high", "FP64"), ("ids", "BYTES")]
    score = [("score", "FP64")] if use_case.target.positive else []
    return [("label", "BYTES"), ("confidence", "FP64"), *score, ("ids", "BYTES")]


def column(name: str, answers: Sequence[Mapping[str, Any]]) -> list[Any]:
    """One output over all answers; null where nobody could answer."""
    if name == "ids":
        return [answer["id"] for answer in answers]
    predictions = [answer["prediction"] for answer in answers]
    if name in ("low", "high"):
        end = 0 if name == "low" else 1
        return [part["interval"][end] if part.get("interval") else None for part in predictions]
    return [part.get(name) for part in predictions]


def _misfit(field: str, problem: str, expected: str) -> InvalidInput:
    return InvalidInput("the tensors do not fit", [FieldError(field, problem, expected)])
