"""The paths of alerts, batch runs, money, and reload."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from serve_app.api.openapi_errors import BODY
from serve_app.api.openapi_jobs import AT, FREE, JOB_ID, LOOKING, STAMP, limited, of_use_case, paged
from serve_app.api.openapi_parts import STRING, answered, array, body_of, closed, operation_of, or_null, parameter
from serve_app.api.query import USE_CASE
from serve_app.core.budget import Span
from serve_app.core.use_case import UseCase

Json = dict[str, Any]

TAG = "ops"

DOLLARS: Json = {"type": "number", "minimum": 0}


def ops_paths(known: Mapping[str, UseCase]) -> Json:
    paths = {
        "/alerts": {"get": _alerts("alerts")},
        "/api/v1/ops/alerts": {"get": _alerts("ops_alerts")},
        "/api/v1/ops/budget": {"get": _budget()},
        "/reload": {"post": _reload(known)},
    }
    return {**paths, "/api/v1/data/{use_case}/scores": {"get": _scores(known)}} if known else paths


def _alerts(name: str) -> Json:
    alert = closed({"use_case": STRING, "at": STAMP, "run": STRING, "alert": FREE})
    schema = closed({"alerts": array(alert), "next": or_null(STRING)})
    shown = {"use_case": "a_use_case", "at": AT, "run": JOB_ID, "alert": {"row": 7, "action": "ALERT", "score": 0.91}}
    good = {"200": answered(schema, {"alerts": [shown], "next": None})}
    return operation_of(name, TAG, "Alerts of batch runs, the newest run first", good, LOOKING, {"parameters": paged()})


def _budget() -> Json:
    limit = {
        "use_case": STRING,
        "limit": {"type": "string", "enum": list(get_args(Span))},
        "user": or_null(STRING),
        "usd": DOLLARS,
        "spent_usd": {**DOLLARS, "description": "Spent, or set aside for calls under way."},
        "remaining_usd": DOLLARS,
        "resets_at": STAMP,
        "when_short": {"type": "string", "enum": ["student", "review"]},
    }
    shown = {"use_case": "a_use_case", "limit": "day", "user": None, "usd": 5.0, "spent_usd": 1.25}
    shown |= {"remaining_usd": 3.75, "resets_at": AT, "when_short": "student"}
    good = {"200": answered(closed({"limits": array(closed(limit))}), {"limits": [shown]})}
    more = {"parameters": [parameter("query", "use_case", {**STRING, "pattern": USE_CASE}, "a_use_case")]}
    return operation_of("budget", TAG, "What the teacher may cost and has cost", good, LOOKING, more)


def _scores(known: Mapping[str, UseCase]) -> Json:
    run: Json = {"type": "object", "properties": {"id": STRING, "at": STAMP}, "required": ["id", "at"]}
    schema = closed({"use_case": STRING, "scores": array(run)})
    shown = {"id": JOB_ID, "at": AT, "rows": 4000, "alerts": 12, "actions": {"ALERT": 12, "OK": 3988}}
    good = {"200": answered(schema, {"use_case": next(iter(known)), "scores": [shown]})}
    more = {"parameters": [of_use_case(known), limited()]}
    return operation_of("scores", "data", "Batch runs, newest first", good, LOOKING, more)


def _reload(known: Mapping[str, UseCase]) -> Json:
    count: Json = {"type": "integer", "minimum": 0}
    each = closed({"version": or_null(STRING), "replicas": count})
    use_cases = {"type": "object", "additionalProperties": each}
    fixed = closed({"status": {"type": "string", "const": "reloaded"}, "use_cases": use_cases})
    schema = {**fixed, "patternProperties": {"_count$": or_null(count)}}
    shown = {"status": "reloaded", "use_cases": {"a_use_case": {"version": "3", "replicas": 2}}, "cards_count": 250}
    names: Json = {"type": "string", "enum": list(known)} if known else STRING
    body = body_of(closed({"use_case": names}, ("use_case",)), {}, required=False)
    return operation_of("reload", TAG, "Read the aliases again, now", {"200": answered(schema, shown)}, BODY, body)
