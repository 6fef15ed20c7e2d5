"""Predictions and labels for the laws of the event log."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from serve_app.core.events import Label, LoggedPrediction

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
_numbers = itertools.count(1)


def new_id() -> str:
    """Rising, as the ids of real predictions do."""
    return f"01J{next(_numbers):023d}"


def logged(**changes: Any) -> LoggedPrediction:
    whole = LoggedPrediction(
        id=new_id(),
        use_case="colours",
        at=NOON,
        features={"words": "printer rusak, tolong", "height": 1.5, "missing": None},
        student={"label": "red", "confidence": 0.93, "probabilities": [0.93, 0.07]},
        teacher={"label": "blue", "confidence": None, "provider": "recorded"},
        answer={"prediction": {"label": "red"}, "degraded": False, "reason": None},
        model_version="3",
        policy_version="sha256:p",
        schema_version="sha256:s",
        propensity=0.1,
        cost_usd=0.000123,
        latency_ms=4.5,
        request_id="r-1",
        user="ani",
    )
    return replace(whole, **changes)


def label(prediction_id: str, **changes: Any) -> Label:
    return replace(Label(id=new_id(), prediction_id=prediction_id, at=NOON, by="ani", label="red"), **changes)
