"""The paths of the review queue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serve_app.api import feedback, review
from serve_app.api.openapi_answers import ID
from serve_app.api.openapi_errors import BODY
from serve_app.api.openapi_jobs import AT, FREE, LOOKING, STAMP, limited, of_use_case
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
    reading,
)
from serve_app.core.json_schema import NO_NUL
from serve_app.core.use_case import UseCase

Json = dict[str, Any]

TAG = "review"
WHY: Json = {"type": "string", "enum": ["disagreement", "unanswered", "degraded"]}


def review_paths(known: Mapping[str, UseCase]) -> Json:
    if not known:
        return {}
    return {
        "/api/v1/review/{key}": {"get": _queue(known), "post": _said()},
        "/api/v1/review/{use_case}/agreement": {"get": _agreement(known)},
    }


def _by() -> Json:
    words = "Who looks; whoever is logged in, where there is a login."
    return parameter("query", "by", {"type": "string", "pattern": review.PERSON}, "ani", words)


def _queue(known: Mapping[str, UseCase]) -> Json:
    first = next(iter(known))
    row = {
        "id": STRING,
        "at": STAMP,
        "features": FREE,
        "student": or_null(FREE),
        "teacher": or_null(FREE),
        "prediction": or_null(FREE),
        "decision": or_null(FREE),
        "why": WHY,
        "score": NUMBER,
        "disagreement": SHARE,
        "value": NUMBER,
        "uncertainty": SHARE,
        "leased_until": STAMP,
    }
    schema = closed({"use_case": STRING, "by": STRING, "rows": array(closed(row))})
    student, teacher = {"label": "network", "confidence": 0.55}, {"label": "access", "provider": "openai"}
    shown = {"id": ID, "at": AT, "features": {"text": "no VPN since Monday"}, "student": student, "teacher": teacher}
    shown |= {"prediction": {"label": "access", "confidence": 0.85}, "decision": {"action": "ROUTE"}}
    shown |= {"why": "disagreement", "score": 0.45, "disagreement": 1.0, "value": 1.0, "uncertainty": 0.45}
    good = {"200": answered(schema, {"use_case": first, "by": "ani", "rows": [{**shown, "leased_until": AT}]})}
    key = parameter("path", "key", {"type": "string", "enum": list(known)}, first, "The use case.")
    words = "Rows that want a person, the most urgent first; yours for a while"
    return operation_of("review_queue", TAG, words, good, LOOKING, {"parameters": [key, _by(), limited(review.LIMIT)]})


def _said() -> Json:
    label = {"type": "string", "maxLength": feedback.LABEL.max_length, "pattern": NO_NUL}
    note = or_null({"type": "string", "maxLength": feedback.NOTE.max_length, "pattern": NO_NUL})
    parts: Json = {"label": label, "value": NUMBER, "skip": {"type": "boolean", "const": True}, "note": note}
    body = {**closed(parts, tuple(parts)), "oneOf": [{"required": [name]} for name in review.SAID]}
    kept = {"id": STRING, "prediction_id": STRING, "use_case": STRING, "by": STRING, "at": STAMP}
    schema = closed({**kept, "label": or_null(STRING), "value": or_null(NUMBER), "skipped": {"type": "boolean"}})
    shown = {"id": ID, "prediction_id": ID, "use_case": "a_use_case", "by": "ani", "at": AT}
    good = {"200": answered(schema, {**shown, "label": "access", "value": None, "skipped": False})}
    key = parameter("path", "key", {"type": "string", "pattern": feedback.ID}, ID, "The prediction.")
    more = {"parameters": [key, _by()], **body_of(body, {"label": "access"})}
    return operation_of("review", TAG, "What a person says of a row, or that they pass", good, (*BODY, "409"), more)


def _agreement(known: Mapping[str, UseCase]) -> Json:
    count: Json = {"type": "integer", "minimum": 0}
    schema = {"use_case": STRING, "rows": count, "people": count}
    schema |= {"measure": {"type": "string", "enum": ["nominal", "interval"]}, "share": or_null(SHARE)}
    schema |= {"alpha": or_null(NUMBER), "differ": array(STRING)}
    shown = {"use_case": next(iter(known)), "rows": 40, "people": 3, "measure": "nominal", "share": 0.9}
    example = {**shown, "alpha": 0.83, "differ": [ID]}
    where = {"parameters": [of_use_case(known)]}
    words = "How well people agree who labelled the same rows"
    return reading("agreement", TAG, words, closed(schema), example, where)
