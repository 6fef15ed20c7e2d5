"""Errors as the OpenAPI document shows them, each with an example that is made like a real one."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException

from serve_app.api import errors as api
from serve_app.api.door import FOREIGN_NAME
from serve_app.api.errors import MEDIA_TYPE, problem_of
from serve_app.core import errors

Json = dict[str, Any]

_REQUEST = "01JZ8Q4T6V3M5N7P9R1S2T4V6X"

_FIELD_ERROR: Json = {
    "type": "object",
    "properties": {
        "field": {"type": "string"},
        "problem": {"type": "string"},
        "expected": {"type": "string"},
        "row": {"type": "integer", "minimum": 0, "description": "The index in a batch."},
    },
    "required": ["field", "problem", "expected"],
    "additionalProperties": False,
}
_PROBLEM: Json = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable; one may branch on it."},
        "instance": {"type": "string", "description": "The request's id."},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}, "maxItems": 300},
        "job_id": {"type": "string", "description": "The job that is under way, with `job_running`."},
        "error": {"type": "string", "description": "The detail once more, on paths of the Open Inference Protocol."},
    },
    "required": ["type", "title", "status", "detail", "code", "instance"],
    "additionalProperties": False,
}
PROBLEM_SCHEMAS: Json = {"Problem": _PROBLEM, "FieldError": _FIELD_ERROR}

_MISFITS = [
    errors.FieldError("price", '"12"', "a number", 3),
    errors.FieldError("prise", "unknown field", "did you mean price?", 7),
]
_SHOWN: dict[str, list[Exception]] = {
    "400": [
        api.InvalidJson("the body is not JSON: unexpected end of data"),
        api.InvalidArrow("the body is not an Arrow IPC stream: Tried reading schema message, was null or length 0"),
        api.TooDeep("a body may nest 32 levels deep"),
    ],
    "401": [
        errors.NotSignedIn(
            "show a token of POST /api/v1/auth/login as `Authorization: Bearer …`, or a key as `X-API-Key`"
        ),
        errors.BadToken("the token is none of ours"),
        errors.TokenExpired("the token has expired"),
        errors.UserDisabled("the user may not log in any more"),
        errors.LoginRefused("the name or the password is wrong"),
    ],
    "403": [errors.Forbidden("this takes the role admin; yours is user")],
    "404": [
        errors.UnknownUseCase("no use case is called 'it_ticket'"),
        errors.UnknownPrediction("no prediction has such an id"),
        errors.UnknownKey("no such key in the feature table"),
        errors.UnknownJob("no job has such an id"),
        errors.UnknownUser("no user is called 'budy'"),
        errors.UnknownApiKey("no API key has such an id"),
        HTTPException(404, "no route has this path; GET /openapi.json lists those there are"),
    ],
    "405": [HTTPException(405, "Method Not Allowed")],
    "408": [api.SlowBody("the body did not arrive within 30 s")],
    "409": [
        errors.JobRunning("a retrain of this use case is under way", _REQUEST),
        errors.PromotionRefused("a replica cannot serve version 4: its golden rows differ"),
        errors.TooLate("the job has ended"),
        errors.NameTaken("a user is called ani already"),
        errors.LastAdmin("ani is the last admin who may log in, and stays one"),
        errors.NoSession("a key is revoked, not logged out"),
        errors.LeasedElsewhere("the row is in somebody else's hands until 12:05 UTC"),
        errors.ModelNotRegistered("its model is no longer registered: tickets has no model version '3'"),
        errors.PolicyNotKept("what stood behind its policy version was not kept: it was logged by an older release"),
        errors.SchemaChanged("the schema of tickets has changed since, and version 3 cannot be loaded beside it"),
    ],
    "413": [errors.TooLarge("a body may hold 10485760 bytes")],
    "415": [errors.UnsupportedMedia("send application/json, not text/plain")],
    "421": [errors.Misdirected(FOREIGN_NAME)],
    "422": [
        errors.InvalidInput("2 values do not fit the schema", _MISFITS),
        errors.OtherBody("this Idempotency-Key came with another request before"),
    ],
    "429": [
        errors.LoginLocked("too many logins failed for this name", 4),
        errors.TooOften("the zone predict allows 1000 a second, and 5000 at once", 1),
    ],
    "500": [RuntimeError()],
    "503": [
        errors.StoreUnavailable("the event log cannot be written, so nothing is answered", 1),
        errors.Overloaded("more is asked at once than the queues allow"),
        api.TimedOut("the answer took too long; nothing is known of its outcome"),
    ],
}
_WORDS = {
    "400": "The body cannot be read as what its content type says.",
    "401": "Nobody says who asks, or what they show is not good (any more).",
    "403": "Whoever asks is known, and may not.",
    "404": "There is no such use case, prediction, key, job, version, user or path.",
    "405": "The path has other methods; `Allow` names them.",
    "408": "The body took too long to arrive.",
    "409": "It contradicts what is already so; nothing was changed.",
    "413": "The body is larger than the limit.",
    "415": "The content type is not JSON, nor another that the route reads.",
    "421": "Without a login (`auth.mode: local`) a name that anybody can register is no name of this machine.",
    "422": "The input does not fit its schema: every misfit is named. Nothing was done or logged.",
    "429": "Too many logins failed, or the caller's zone allows no more now; `Retry-After` says when to come back.",
    "500": "A bug. The log tells more under the request's id.",
    "503": "A part is away or overloaded; `Retry-After` says when to try again.",
}

LIMITED = {
    "RateLimit": 'What the caller\'s zone has left, and in how many seconds it is full: `"predict";r=4999;t=1`.',
    "RateLimit-Policy": 'What the zone allows, and in how many seconds it is filled: `"predict";q=5000;w=5`.',
}
"""On every answer within a zone that is in force."""


def _response(status: str) -> Json:
    problems = [problem_of(exc) for exc in _SHOWN[status]]
    shown = {problem.code: {"value": problem.as_dict(_REQUEST)} for problem in problems}
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": shown}}
    return {"description": _WORDS[status], "content": content, "headers": _headers(status)}


def _headers(status: str) -> Json:
    known = {"503": {"Retry-After": "Seconds."}, "409": {"Location": "Of the job that is under way."}}
    known |= {"429": {"Retry-After": "Seconds.", **LIMITED}, "401": {"WWW-Authenticate": "Bearer."}}
    more = known.get(status, {})
    described = {name: {"schema": {"type": "string"}, "description": words} for name, words in more.items()}
    return {"X-Request-ID": {"schema": {"type": "string"}}, **described}


RESPONSES: Json = {f"Error{status}": _response(status) for status in _SHOWN}

READING = ("404", "500", "503")
BODY = ("400", "404", "408", "413", "415", "422", "500", "503")


def errors_of(statuses: tuple[str, ...]) -> Json:
    return {status: {"$ref": f"#/components/responses/Error{status}"} for status in statuses}
