"""The paths of decisions made again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serve_app.api import feedback
from serve_app.api.openapi_answers import ID
from serve_app.api.openapi_jobs import FREE, LOOKING, STAMP, limited
from serve_app.api.openapi_parts import (
    STRING,
    answered,
    array,
    closed,
    operation_of,
    or_null,
    parameter,
    path_parameter,
)
from serve_app.core.use_case import UseCase

Json = dict[str, Any]

REPLAYING = ("404", "409", "500", "503")


def replay_paths(known: Mapping[str, UseCase]) -> Json:
    paths = {"/api/v1/predictions/{prediction_id}/replay": {"post": _replay()}}
    return {**paths, "/api/v1/ops/sample": {"get": _sample(known)}} if known else paths


def _replay() -> Json:
    difference = closed({"path": STRING, "recorded": {}, "replayed": {}})
    schema = closed(
        {
            "match": {"type": "boolean"},
            "recorded": FREE,
            "replayed": or_null(FREE),
            "given": FREE,
            "first_difference": or_null(difference),
        }
    )
    side = {"answer": {"id": ID, "source": "student"}, "model_version": "3"}
    given = {"teacher": "not_asked", "teacher_failure": None, "audit_rate": None}
    given |= {"certificate": None, "no_student": None}
    shown = {"match": True, "recorded": side, "replayed": side, "given": given, "first_difference": None}
    where = path_parameter("prediction_id", {"type": "string", "pattern": feedback.ID}, ID)
    words = "Make a logged decision again, and compare"
    return operation_of("replay", "feedback", words, {"200": answered(schema, shown)}, REPLAYING, where)


def _sample(known: Mapping[str, UseCase]) -> Json:
    first = next(iter(known))
    schema = closed({"use_case": STRING, "since": STAMP, "ids": array(STRING)})
    shown = {"use_case": first, "since": "2026-01-05T00:00:00+00:00", "ids": [ID]}
    name = parameter("query", "use_case", {"type": "string", "enum": list(known)}, first)
    since = parameter("query", "since", STAMP, "2026-01-05T00:00:00Z", "Of all there are, unless given.")
    more = {"parameters": [{**name, "required": True}, since, limited()]}
    words = "Predictions chosen at random over a time"
    return operation_of("sample", "ops", words, {"200": answered(schema, shown)}, LOOKING, more)
