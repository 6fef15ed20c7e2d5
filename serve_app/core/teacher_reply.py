"""The form an LLM must answer in, and what its text is worth.

A closed form: ``{"label": one of the classes, "confidence": 0..1}``, or ``{"value": a number}``.
Anything else is no answer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from serve_app.core.platform import Prices


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a reply says: a label with the stated confidence (0..1), or a value."""

    label: str | None = None
    confidence: float | None = None
    value: float | None = None


def reply_schema(classes: Sequence[str]) -> dict[str, Any]:
    """JSON Schema of the reply; without ``classes`` a number is asked for. No bounds on numbers:
    strict modes differ in what they accept, and ``read_reply`` checks them."""
    properties: dict[str, Any] = {"value": {"type": "number"}}
    if classes:
        properties = {"label": {"type": "string", "enum": list(classes)}, "confidence": {"type": "number"}}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def read_reply(text: str, classes: Sequence[str]) -> Opinion | None:
    """The opinion in ``text``, None when it does not keep to the form."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    return _class_opinion(content, classes) if classes else _value_opinion(content)


def cost_usd(prices: Prices, tokens_in: int, tokens_out: int) -> float:
    return (tokens_in * prices.input + tokens_out * prices.output) / 1_000_000


def _class_opinion(content: dict[str, Any], classes: Sequence[str]) -> Opinion | None:
    label, confidence = content.get("label"), content.get("confidence")
    if label not in classes or not _is_number(confidence) or not 0 <= confidence <= 1:
        return None
    return Opinion(label=label, confidence=float(confidence))


def _value_opinion(content: dict[str, Any]) -> Opinion | None:
    value = content.get("value")
    return Opinion(value=float(value)) if _is_number(value) else None


def _is_number(value: Any) -> TypeGuard[int | float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= 1e300 if isinstance(value, int) else math.isfinite(value)
