"""The paths of certificates and their overrides."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from serve_app.api import query
from serve_app.api.openapi_errors import BODY
from serve_app.api.openapi_jobs import AT, LOOKING, STAMP, members_schema, of_use_case
from serve_app.api.openapi_parts import (
    NUMBER,
    SHARE,
    STRING,
    answered,
    array,
    body_of,
    closed,
    operation_of,
    or_null,
    parameter,
)
from serve_app.core.certificate import Reference
from serve_app.core.certified import Whole
from serve_app.core.override import OVERRIDE
from serve_app.core.standing import State
from serve_app.core.use_case import UseCase

Json = dict[str, Any]

TAG = "ops"
COUNT: Json = {"type": "integer", "minimum": 0}

_OVERRIDE = closed(
    {
        "by": STRING,
        "reason": STRING,
        "until": STAMP,
        "threshold": or_null(SHARE),
        "classes": {"type": "object", "additionalProperties": SHARE},
    }
)
_CLASS = closed(
    {
        "class": STRING,
        "state": {"type": "string", "enum": list(get_args(State))},
        "threshold": or_null(SHARE),
        "certified_threshold": or_null(SHARE),
        "rows": COUNT,
        "disagreements": COUNT,
        "bound": or_null(SHARE),
        "needed": or_null(COUNT),
        "withdrawn": or_null(closed({"at": STAMP, "rows": COUNT, "disagreements": COUNT})),
        "reason": STRING,
    }
)
_CERTIFICATE = closed(
    {
        "use_case": STRING,
        "version": or_null(STRING),
        "state": {"type": "string", "enum": list(get_args(Whole))},
        "target": NUMBER,
        "reference": {"type": "string", "enum": list(get_args(Reference))},
        "delta": NUMBER,
        "level": or_null(NUMBER),
        "number": or_null({"type": "integer", "minimum": 1}),
        "rows": COUNT,
        "audited_since": or_null(closed({"rows": COUNT, "disagreements": COUNT, "at": STAMP})),
        "override": or_null(_OVERRIDE),
        "classes": array(_CLASS),
    }
)
_SHOWN: Json = {
    "use_case": "a_use_case", "version": "3", "state": "certified", "target": 0.95, "reference": "teacher",
    "delta": 0.05, "level": 0.0076, "number": 2, "rows": 1204,
    "audited_since": {"rows": 87, "disagreements": 2, "at": AT}, "override": None,
    "classes": [
        {"class": "network", "state": "certified", "threshold": 0.81, "certified_threshold": 0.81, "rows": 390,
         "disagreements": 7, "bound": 0.047, "needed": 0, "withdrawn": None,
         "reason": "7 of 390 rows of evidence disagreed"},
    ],
}  # fmt: skip


def certificate_paths(known: Mapping[str, UseCase]) -> Json:
    paths = {"/api/v1/ops/certificates": {"get": _certificates()}}
    if not known:
        return paths
    return {**paths, "/api/v1/ops/certificates/{use_case}/override": {"post": _post(known), "delete": _delete(known)}}


def _certificates() -> Json:
    good = {"200": answered(closed({"certificates": array(_CERTIFICATE)}), {"certificates": [_SHOWN]})}
    name = parameter("query", "use_case", {"type": "string", "pattern": query.USE_CASE}, "a_use_case")
    words = "What each student may answer alone, what that rests on, and how it stands"
    return operation_of("certificates", TAG, words, good, LOOKING, {"parameters": [name]})


def _post(known: Mapping[str, UseCase]) -> Json:
    schema = {
        **members_schema(OVERRIDE),
        "required": ["reason", "until"],
        "anyOf": [{"required": ["threshold"]}, {"required": ["classes"]}],
    }
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="seconds")
    body = body_of(schema, {"threshold": 0.9, "reason": "the teacher is away until tomorrow", "until": tomorrow})
    words = "Other thresholds than the certificate's, for at most 30 days"
    more = {"parameters": [of_use_case(known)], **body}
    return operation_of("override", TAG, words, _stands(), (*BODY, "409"), more)


def _delete(known: Mapping[str, UseCase]) -> Json:
    words, bad = "The certificate's thresholds again", ("404", "409", "500", "503")
    return operation_of("end_override", TAG, words, _stands(), bad, {"parameters": [of_use_case(known)]})


def _stands() -> Json:
    return {"200": answered(_CERTIFICATE, _SHOWN)}
