"""The paths of jobs: how they are asked for, looked at, watched and cancelled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from serve_app.api import jobs, query
from serve_app.api.cursor import PATTERN as CURSOR
from serve_app.api.event_stream import MEDIA_TYPE
from serve_app.api.jobs import DATA, TRAIN, Family
from serve_app.api.openapi_errors import BODY
from serve_app.api.openapi_parts import (
    STRING,
    answered,
    array,
    body_of,
    closed,
    operation_of,
    or_null,
    parameter,
    ref,
)
from serve_app.core.asked import JOB_MEMBERS, Member
from serve_app.core.jobs import STEPS, Kind, State
from serve_app.core.use_case import UseCase

Json = dict[str, Any]

JOB_ID = "01JZ8Q4T6V3M5N7P9R1S2T4V6X"
AT = "2026-01-05T02:00:00+00:00"
FREE: Json = {"type": "object"}
STAMP: Json = {"type": "string", "format": "date-time"}
LOOKING = ("404", "422", "500", "503")
STARTING = (*BODY, "409")

_NAME = "An EventSource sends it by itself when it comes back."
_KEY = "The same key and body give the same job, however often they are sent."
_DOES: Mapping[Kind, tuple[str, str, Json]] = {
    "train": ("/api/v1/train/{use_case}", "Retrain", {"days": 30, "reason": "new labels from the service desk"}),
    "preprocess": ("/api/v1/data/{use_case}/preprocess", "Collect data from its sources", {"days": 7}),
    "build_features": ("/api/v1/data/{use_case}/build-features", "Collect data and build features of it", {"days": 7}),
    "score": ("/api/v1/data/{use_case}/score", "Score a table with the champion", {"path": "suppliers.csv"}),
}


def job_schemas() -> Json:
    percent = {"type": "integer", "minimum": 0, "maximum": 100}
    job = {
        "job_id": STRING,
        "kind": {"type": "string", "enum": list(query.KINDS)},
        "use_case": STRING,
        "status": {"type": "string", "enum": list(get_args(State))},
        "progress": percent,
        "step": or_null(STRING),
        "steps": array(STRING),
        "params": FREE,
        "by": STRING,
        "trigger": STRING,
        "cancel_requested": {"type": "boolean"},
        "created_at": STAMP,
        "started_at": or_null(STAMP),
        "finished_at": or_null(STAMP),
        "error": or_null(closed({"code": STRING, "detail": or_null(STRING)})),
        "result": or_null(FREE),
    }
    return {"Job": closed(job), "Jobs": closed({"jobs": array(ref("Job")), "next": or_null(STRING)})}


def job_example(kind: Kind = "train", use_case: str = "a_use_case") -> Json:
    return {
        "job_id": JOB_ID,
        "kind": kind,
        "use_case": use_case,
        "status": "PENDING",
        "progress": 0,
        "step": None,
        "steps": list(STEPS[kind]),
        "params": {},
        "by": "local",
        "trigger": "api",
        "cancel_requested": False,
        "created_at": AT,
        "started_at": None,
        "finished_at": None,
        "error": None,
        "result": None,
    }


def job_paths(known: Mapping[str, UseCase]) -> Json:
    paths = {**_family(TRAIN), **_family(DATA)}
    if known:
        paths |= {path: {"post": _asked(kind, known)} for kind, (path, _, _) in _DOES.items()}
        paths["/api/v1/train/"] = {"post": _named(known)}
    return paths


def members_schema(members: Mapping[str, Member], required: tuple[str, ...] = ()) -> Json:
    optional = tuple(name for name in members if name not in required)
    return closed({name: dict(member.schema) for name, member in members.items()}, optional)


def of_use_case(known: Mapping[str, UseCase]) -> Json:
    return parameter("path", "use_case", {"type": "string", "enum": list(known)}, next(iter(known)))


def limited(usual: int = query.LIMIT) -> Json:
    schema = {"type": "integer", "minimum": 1, "maximum": query.MOST, "default": usual}
    return parameter("query", "limit", schema, usual)


def paged() -> list[Json]:
    go_on = parameter("query", "cursor", {"type": "string", "pattern": CURSOR}, "WyIwMUpaIl0", "A page's `next`.")
    return [
        parameter("query", "use_case", {"type": "string", "pattern": query.USE_CASE}, "a_use_case"),
        limited(),
        go_on,
    ]


def _asked(kind: Kind, known: Mapping[str, UseCase]) -> Json:
    _, words, example = _DOES[kind]
    more = {"parameters": [of_use_case(known), _key()]}
    body = body_of(members_schema(JOB_MEMBERS[kind]), example, required=False)
    return operation_of(kind, _tag(kind), words, _accepted(kind, known), STARTING, {**more, **body})


def _named(known: Mapping[str, UseCase]) -> Json:
    names = {"type": "string", "enum": list(known)}
    members = members_schema(JOB_MEMBERS["train"])
    schema = closed({"use_case": names, **members["properties"]}, tuple(members["properties"]))
    example = {"use_case": next(iter(known)), "days": 30}
    more = {"parameters": [_key()], **body_of(schema, example)}
    words = "Retrain; the use case stands in the body"
    return operation_of("train_named", _tag("train"), words, _accepted("train", known), STARTING, more)


def _accepted(kind: Kind, known: Mapping[str, UseCase]) -> Json:
    found = answered(ref("Job"), job_example(kind, next(iter(known))), "Accepted: it is kept, and will be run.")
    found["headers"]["Location"] = {"schema": STRING, "description": "Where its status is."}
    found["headers"]["Idempotent-Replayed"] = {"schema": STRING, "description": "`true` for a job of before."}
    return {"202": found}


def _key() -> Json:
    return parameter("header", "Idempotency-Key", {"type": "string", "pattern": jobs.KEY}, "retrain-2026-01-05", _KEY)


def _tag(kind: Kind) -> str:
    return TRAIN.name if kind in TRAIN.kinds else DATA.name


def _family(family: Family) -> Json:
    name, base = family.name, f"/api/v1/{family.name}"
    where = {"parameters": [parameter("path", "job_id", {"type": "string", "pattern": jobs.ID}, JOB_ID)]}
    example = job_example(family.kinds[0])
    one = {"200": answered(ref("Job"), example)}
    page = {"200": answered(ref("Jobs"), {"jobs": [example], "next": None})}
    reading = ("404", "500", "503")
    cancelling = (*BODY, "409")
    body = body_of(closed({}), {}, required=False)
    watch = {"parameters": [*where["parameters"], _seen()]}
    return {
        f"{base}/status/{{job_id}}": {"get": operation_of(f"{name}_status", name, "A job", one, reading, where)},
        f"{base}/jobs/{{job_id}}": {"get": operation_of(f"{name}_job", name, "A job", one, reading, where)},
        f"{base}/jobs": {"get": operation_of(f"{name}_jobs", name, "Jobs", page, LOOKING, _narrowed(family))},
        f"{base}/jobs/{{job_id}}/cancel": {
            "post": operation_of(f"cancel_{name}_job", name, "Cancel a job", one, cancelling, {**where, **body})
        },
        f"{base}/jobs/{{job_id}}/events": {
            "get": operation_of(f"{name}_events", name, "What happens to a job", _stream(), LOOKING, watch)
        },
    }


def _narrowed(family: Family) -> Json:
    status = parameter("query", "status", {"type": "string", "enum": list(get_args(State))}, "RUNNING")
    kind = parameter("query", "kind", {"type": "string", "enum": list(family.kinds)}, family.kinds[0])
    return {"parameters": [*paged(), status, kind]}


def _seen() -> Json:
    return parameter("header", "Last-Event-ID", {"type": "string", "pattern": jobs.SEQ}, "3", _NAME)


def _stream() -> Json:
    shown = 'retry: 1000\n\nid: 1\nevent: accepted\ndata: {"job_id": "' + JOB_ID + '", "seq": 1}\n\n'
    words = "Server-sent events: `id` is the event's place, `event` what happened, `data` JSON."
    content = {MEDIA_TYPE: {"schema": STRING, "example": shown}}
    stream = {"description": words, "headers": {"X-Request-ID": {"schema": STRING}}, "content": content}
    return {"200": stream, "204": {"description": "It has ended, and every event was seen: do not come back."}}
