"""The paths of the audit log."""

from __future__ import annotations

from typing import Any

from serve_app.api.audit import LONGEST, NAMES
from serve_app.api.openapi_jobs import AT, FREE, JOB_ID, LOOKING, STAMP, paged
from serve_app.api.openapi_parts import STRING, answered, array, closed, operation_of, or_null, parameter, ref
from serve_app.core.audit import GENESIS

Json = dict[str, Any]

TAG = "ops"
HASH: Json = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
SEQ: Json = {"type": "integer", "minimum": 1}
SIDE: Json = {"description": "Any JSON; null where there is nothing to say."}

_WHEN = "7d and 24h ago, a day, or a day and time in ISO 8601."
_EXAMPLES = {"by": "ani", "action": "promote", "target": "4"}


def audit_schemas() -> Json:
    who = {"id": STRING, "at": STAMP, "by": STRING, "action": STRING, "use_case": or_null(STRING), "detail": FREE}
    what = {"target": or_null(STRING), "address": or_null(STRING), "before": SIDE, "after": SIDE}
    return {"AuditEntry": closed({**who, **what, "seq": SEQ, "previous": HASH, "hash": HASH})}


def audit_paths() -> Json:
    return {
        "/audit": {"get": _audit("audit_log")},
        "/api/v1/ops/audit": {"get": _audit("audit")},
        "/api/v1/ops/audit/head": {"get": _head()},
    }


def _audit(name: str) -> Json:
    schema = closed({"entries": array(ref("AuditEntry")), "next": or_null(STRING)})
    shown = {"id": JOB_ID, "at": AT, "by": "ani", "action": "promote", "use_case": "a_use_case", "target": "4"}
    shown |= {"detail": {"reason": "checked by hand"}, "address": "10.0.0.7"}
    shown |= {"before": {"version": "3"}, "after": {"version": "4"}}
    shown |= {"seq": 1, "previous": GENESIS, "hash": "9f86d081" * 8}
    good = {"200": answered(schema, {"entries": [shown], "next": None})}
    names = [parameter("query", each, {**STRING, "minLength": 1, "maxLength": LONGEST}, _EXAMPLES[each])
             for each in NAMES]  # fmt: skip
    times = [parameter("query", each, {**STRING, "maxLength": 40}, example, _WHEN)
             for each, example in (("since", "30d"), ("until", "2030-01-01"))]  # fmt: skip
    more = {"parameters": [*paged(), *names, *times]}
    return operation_of(name, TAG, "Who did what to what, newest first", good, LOOKING, more)


def _head() -> Json:
    schema = closed(
        {"head": {**STRING, "pattern": "^[0-9]+:[0-9a-f]{64}$"}, "seq": {**SEQ, "minimum": 0}, "hash": HASH}
    )
    shown = {"head": f"0:{GENESIS}", "seq": 0, "hash": GENESIS}
    words = "Where the audit log ends, to be written down elsewhere"
    return operation_of("audit_head", TAG, words, {"200": answered(schema, shown)}, LOOKING, None)
