"""The paths of savings and what-if."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serve_app.api.openapi_errors import BODY
from serve_app.api.openapi_jobs import AT, FREE, LOOKING, STAMP
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
    ref,
)
from serve_app.api.query import USE_CASE
from serve_app.core.period import SINCE
from serve_app.core.use_case import Classification, UseCase
from serve_app.core.what_if_asked import WHAT_IF

Json = dict[str, Any]

TAG = "ops"
COUNT: Json = {"type": "integer", "minimum": 0}
DAY: Json = {"type": "string", "format": "date"}
_WHEN = "7d and 24h ago, a day, or a day and time in ISO 8601."


def savings_schemas() -> Json:
    estimate = {"value": or_null(SHARE), "low": or_null(SHARE), "high": or_null(SHARE), "rows": COUNT}
    estimate |= {"audited": COUNT, "effective": NUMBER, "reason": or_null(STRING)}
    usd = {"type": ["string", "null"], "enum": ["calls", "estimate", None]}
    quality = {"agreement": ref("Estimate"), "accuracy": ref("Estimate")}
    return {
        "Estimate": closed(estimate),
        "CallPrice": closed({"usd": or_null(NUMBER), "on": usd, "calls": COUNT}),
        "Bill": closed(_bill(quality)),
        "DaysBill": closed({"day": DAY, **_bill(quality)}),
        "WouldBe": closed(_would_be(quality)),
        "Was": closed(_was(quality)),
    }


def savings_paths(known: Mapping[str, UseCase]) -> Json:
    paths = {"/api/v1/ops/savings": {"get": _savings()}}
    return {**paths, "/api/v1/ops/what-if": {"post": _what_if(known)}} if known else paths


def _savings() -> Json:
    each = {"use_case": STRING, "price": ref("CallPrice"), "whole": ref("Bill"), "days": array(ref("DaysBill"))}
    schema = closed({"since": STAMP, "until": STAMP, "use_cases": array(closed(each))})
    told = {"use_case": "a_use_case", "price": _PRICE, "whole": _BILL, "days": [{"day": "2026-01-05", **_BILL}]}
    good = {"200": answered(schema, {"since": AT, "until": AT, "use_cases": [told]})}
    time: Json = {"type": "string", "minLength": 1, "maxLength": 40}
    asked = [
        parameter("query", "use_case", {"type": "string", "pattern": USE_CASE}, "a_use_case"),
        parameter("query", "since", {**time, "default": SINCE}, "30d", _WHEN),
        parameter("query", "until", time, "2026-01-31", _WHEN),
        parameter("query", "by", {"type": "string", "enum": ["day"]}, "day"),
    ]
    words = "What the teacher cost and what was saved, and how good the answers were"
    return operation_of("savings", TAG, words, good, LOOKING, {"parameters": asked})


def _what_if(known: Mapping[str, UseCase]) -> Json:
    classes = [name for name, use_case in known.items() if isinstance(use_case.target, Classification)]
    first = classes[0] if classes else next(iter(known))
    changed: Json = {"threshold": 0.9} if classes else {"budget": {"per_day_usd": 1.0}}
    members = {name: dict(member.schema) for name, member in WHAT_IF.items()}
    members["use_case"] = {"type": "string", "enum": list(known)}
    body = body_of(closed(members, tuple(name for name in WHAT_IF if name != "use_case")),
                   {"use_case": first, "since": "30d", **changed})  # fmt: skip
    thresholds = {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": or_null(SHARE)}}
    schema = closed(
        {
            "use_case": STRING, "since": STAMP, "until": STAMP, "changed": FREE, "price": ref("CallPrice"),
            "was": ref("Was"), "would_be": ref("WouldBe"), "thresholds": or_null(thresholds), "note": or_null(STRING),
        }
    )  # fmt: skip
    told = {
        "use_case": first,
        "since": AT,
        "until": AT,
        "changed": changed,
        "price": _PRICE,
        "thresholds": None,
        "note": None,
    }
    good = {"200": answered(schema, {**told, "was": _WAS, "would_be": _WOULD_BE})}
    return operation_of("what_if", TAG, "A past period under another policy", good, (*BODY, "404"), body)


def _bill(quality: Json) -> Json:
    each = closed({"requests": COUNT, **quality})
    saved = dict.fromkeys(("student", "cache", "budget", "total"), or_null(NUMBER))
    return {
        "requests": COUNT,
        "calls": closed(dict.fromkeys(("made", "failed", "audits"), COUNT)),
        "avoided": closed(dict.fromkeys(("student", "cache", "budget"), COUNT)),
        "spent_usd": NUMBER,
        "audits_usd": NUMBER,
        "saved_usd": closed(saved),
        "always_usd": or_null(NUMBER),
        **quality,
        "unanswered": COUNT,
        "classes": {"type": "object", "additionalProperties": each},
    }


def _was(quality: Json) -> Json:
    bill = _bill(quality)
    kept = {name: bill[name] for name in ("calls", "agreement", "accuracy", "unanswered", "classes")}
    return {"rows": COUNT, **kept, "cost_usd": NUMBER}


def _would_be(quality: Json) -> Json:
    counts = dict.fromkeys(("cached", "budget_short", "to_person", "unanswered"), COUNT)
    return {
        "rows": COUNT,
        "left_out": array(closed({"reason": STRING, "rows": COUNT})),
        "calls": closed(dict.fromkeys(("made", "new", "failed"), COUNT)),
        "cost_usd": or_null(NUMBER),
        "known_usd": NUMBER,
        **counts,
        **quality,
        "classes": {"type": "object", "additionalProperties": closed(quality)},
    }


_AGREEMENT = {"value": 0.962, "low": 0.941, "high": 0.977, "rows": 612, "audited": 430, "effective": 430.0}
_AGREEMENT |= {"reason": None}
_ACCURACY = {"value": None, "low": None, "high": None, "rows": 0, "audited": 0, "effective": 0.0}
_ACCURACY |= {"reason": "no audited row has a person's label"}
_QUALITY = {"agreement": _AGREEMENT, "accuracy": _ACCURACY}
_PRICE = {"usd": 0.0012, "on": "calls", "calls": 600}
_BILL = {
    "requests": 20_000, "calls": {"made": 600, "failed": 12, "audits": 430},
    "avoided": {"student": 19_288, "cache": 100, "budget": 0}, "spent_usd": 0.72, "audits_usd": 0.516,
    "saved_usd": {"student": 23.1456, "cache": 0.12, "budget": 0.0, "total": 23.2656}, "always_usd": 23.9856,
    **_QUALITY, "unanswered": 12, "classes": {"a_class": {"requests": 20_000, **_QUALITY}},
}  # fmt: skip
_WAS = {"rows": 20_000, "calls": _BILL["calls"], **_QUALITY, "unanswered": 12, "classes": _BILL["classes"],
        "cost_usd": 0.72}  # fmt: skip
_WOULD_BE = {
    "rows": 20_000, "left_out": [], "calls": {"made": 1400, "new": 800, "failed": 12}, "cost_usd": 1.68,
    "known_usd": 0.72, "cached": 100, "budget_short": 0, "to_person": 0, "unanswered": 12, **_QUALITY,
    "classes": {"a_class": _QUALITY},
}  # fmt: skip
