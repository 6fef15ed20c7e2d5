"""The paths that are there whatever the use cases are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from serve_app.api import feedback, use_cases
from serve_app.api.openapi_answers import ID, answer_example
from serve_app.api.openapi_parts import (
    STRING,
    answered,
    array,
    asking,
    closed,
    or_null,
    path_parameter,
    predicting,
    reading,
    ref,
)
from serve_app.core.json_schema import NO_NUL, example
from serve_app.core.ports import PartState
from serve_app.core.use_case import UseCase

Json = dict[str, Any]
Paths = tuple[Json, Json]

_PART = {"state": {"type": "string", "enum": list(get_args(PartState))}, "detail": STRING, "real": {"type": "boolean"}}
_PART_EXAMPLE = {"state": "ready", "detail": "SQLite", "real": True}
_OIP = "open inference protocol"


def fixed_paths(known: Mapping[str, UseCase], max_batch: int) -> Paths:
    """Paths, and the schemas they refer to."""
    paths = {**_health(), **_open_inference(), **_said(), **_known(known), **_models()}
    return ({**paths, **_named(known)}, _named_schemas(known, max_batch)) if known else (paths, {})


def _named(known: Mapping[str, UseCase]) -> Json:
    """Seed documents put the use case beside the instance."""
    first = next(iter(known.values()))
    given, answer = example(first.fields), answer_example(first)
    one = (ref("NamedInstance"), {"use_case": first.name, "instance": given})
    many = (ref("NamedBatch"), {"use_case": first.name, "instances": [given]})
    answers = {"anyOf": [ref(f"{name}.Answer") for name in known]}
    batches = {"anyOf": [ref(f"{name}.Answers") for name in known]}
    words = "the use case stands in the body"
    single = predicting("predict_named", "predict", f"Predict; {words}", one, (answers, answer))
    batch = predicting(
        "predict_batch_named", "predict", f"Predict a batch; {words}", many, (batches, {"predictions": [answer]})
    )
    return {"/api/v1/predict/": {"post": single}, "/api/v1/predict/batch": {"post": batch}}


def _named_schemas(known: Mapping[str, UseCase], max_batch: int) -> Json:
    ones = [closed({"use_case": _const(name), "instance": ref(f"{name}.Instance")}) for name in known]
    many = [
        closed({"use_case": _const(name), "instances": array(ref(f"{name}.Instance"), minItems=1, maxItems=max_batch)})
        for name in known
    ]
    return {"NamedInstance": {"oneOf": ones}, "NamedBatch": {"oneOf": many}}


def _const(name: str) -> Json:
    return {"type": "string", "const": name}


def _said() -> Json:
    label = {"type": ["string", "number"], "maxLength": feedback.LABEL.max_length, "pattern": NO_NUL}
    note = or_null({"type": "string", "maxLength": feedback.NOTE.max_length, "pattern": NO_NUL})
    body = closed({"label": label, "note": note}, ("note",))
    kept: Json = {"type": "object", "description": "The label as it was kept."}
    logged: Json = {"type": "object", "description": "The prediction as it was logged, with its labels."}
    where = path_parameter("prediction_id", {"type": "string", "pattern": feedback.ID}, ID)
    say = asking(
        "feedback",
        "feedback",
        "A person's label for a prediction",
        (body, {"label": "network"}),
        (kept, {"prediction_id": ID, "label": "network"}),
        where,
    )
    see = reading("prediction", "feedback", "A logged prediction", logged, {"id": ID, "labels": []}, where)
    return {"/api/v1/feedback/{prediction_id}": {"post": say}, "/api/v1/predictions/{prediction_id}": {"get": see}}


def _known(known: Mapping[str, UseCase]) -> Json:
    some = [use_cases.summary(use_case) for use_case in known.values()]
    summary = {
        "name": STRING,
        "title": STRING,
        "description": STRING,
        "target": STRING,
        "predict": STRING,
        "routes": array(STRING),
    }
    free: Json = {"type": "object"}
    full = closed({**summary, **dict.fromkeys(("fields", "target", "cascade", "decision", "schema", "example"), free)})
    every = reading(
        "use_cases", "use cases", "All use cases", closed({"use_cases": array(closed(summary))}), {"use_cases": some}
    )
    paths: Json = {"/api/v1/use_cases": {"get": every}}
    for name, use_case in known.items():
        one = reading(f"use_case_{name}", "use cases", f"The use case {use_case.title}", full, use_cases.full(use_case))
        paths[f"/api/v1/use_cases/{name}"] = {"get": one}
    return paths


def _models() -> Json:
    shown = {"models": [{"use_case": "a_use_case", "version": "3", "state": "ready", "predictor": "lightgbm"}]}
    schema = closed({"models": array({"type": "object"})})
    return {"/api/v1/predict/models": {"get": reading("models", "predict", "The models that serve", schema, shown)}}


def _health() -> Json:
    ready = closed({"ready": {"type": "boolean"}, "parts": array(closed({"name": STRING, **_PART}))})
    ready_example = {"ready": True, "parts": [{"name": "store", **_PART_EXAMPLE}]}
    alive = closed({"status": {"type": "string", "const": "alive"}})
    return {
        "/livez": {"get": reading("livez", "health", "Is the process alive", alive, {"status": "alive"})},
        "/readyz": {
            "get": _or_503(
                reading("readyz", "health", "Can anything be answered", ready, ready_example), ready, ready_example
            )
        },
        "/health": {"get": _healthy("health")},
        **{f"/api/v1/{part}/health": {"get": _healthy(f"{part}_health")} for part in ("predict", "train", "data")},
    }


def _healthy(operation: str) -> Json:
    count: Json = {"type": "integer", "minimum": 0}
    fixed = {
        "status": {"type": "string", "enum": ["healthy", "degraded", "unhealthy"]},
        "service": STRING,
        "version": STRING,
        "model_loaded": {"type": "boolean"},
        "use_cases_count": count,
        "parts": {"type": "object", "additionalProperties": closed(_PART)},
    }
    schema = {**closed(fixed), "patternProperties": {"_count$": or_null(count)}}
    shown = {"status": "healthy", "service": "understudy", "version": "0.1.0", "model_loaded": True}
    shown |= {"use_cases_count": 1, "parts": {"store": _PART_EXAMPLE}}
    return _or_503(reading(operation, "health", "How every part is", schema, shown), schema, shown)


def _or_503(operation: Json, schema: Json, example: Json) -> Json:
    operation["responses"]["503"] = answered(schema, example, "Nothing can be answered; the parts say why.")
    return operation


def _open_inference() -> Json:
    server = closed({"name": STRING, "version": STRING, "extensions": array(STRING)})
    live, ready = closed({"live": {"type": "boolean"}}), closed({"ready": {"type": "boolean"}})
    shown = {"name": "understudy", "version": "0.1.0", "extensions": []}
    return {
        "/v2": {"get": reading("oip_server", _OIP, "The server", server, shown)},
        "/v2/health/live": {"get": reading("oip_live", _OIP, "Is it alive", live, {"live": True})},
        "/v2/health/ready": {
            "get": _or_503(reading("oip_ready", _OIP, "Can it answer", ready, {"ready": True}), ready, {"ready": False})
        },
    }
