"""What is written down of every answered prediction, before its answer is sent.

A prediction can be recomputed from its event alone: the features as validated and looked up, the
student's and the teacher's answers, and the versions of model and policy that made the verdict.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class LoggedPrediction:
    """One answered prediction. ``answer`` is exactly what the client was sent; ``features`` are the
    row as the student saw it (validated input and looked-up columns); ``student`` and ``teacher``
    are their full answers; ``propensity`` is how likely the row was to be sent to the teacher;
    ``audit_rate`` the share of all rows that were being audited, where chance chose this one (else None)."""

    id: str
    use_case: str
    at: datetime
    features: dict[str, Any]
    student: dict[str, Any] | None
    teacher: dict[str, Any] | None
    answer: dict[str, Any]
    model_version: str | None
    policy_version: str
    schema_version: str
    propensity: float
    cost_usd: float
    latency_ms: float
    request_id: str | None = None
    user: str | None = None
    audit_rate: float | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """What somebody said the right answer was. ``label`` for classes, ``value`` for numbers."""

    id: str
    prediction_id: str
    at: datetime
    by: str
    label: str | None = None
    value: float | None = None
    note: str | None = None


def digest(content: Any) -> str:
    """``sha256:…`` of any JSON value, the same for the same content in any order of keys."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    # A client may send a lone surrogate, which plain UTF-8 refuses.
    return "sha256:" + hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
