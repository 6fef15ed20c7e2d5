"""An answer in the shape that a declared route promises: output field -> dotted path.

    {"signal": "decision.action", "low": "answer.prediction.interval.0"}

The document that paths lead into has the parts ``input``, ``features``, ``answer``, ``explanation``,
``narrative`` and ``decision``, as far as the route has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

PARTS = ("input", "features", "answer", "explanation", "narrative", "decision")


def reshape(shape: Mapping[str, str], document: Mapping[str, Any], otherwise: str) -> Any:
    """The fields of ``shape``, in its order; the part named ``otherwise`` when it is empty."""
    if not shape:
        return document[otherwise]
    return {name: look_up(document, path) for name, path in shape.items()}


def look_up(document: Any, path: str) -> Any:
    """What stands at a dotted ``path``; a step into a list is an index. None when there is nothing."""
    for step in path.split("."):
        document = _into(document, step)
    return document


def _into(part: Any, step: str) -> Any:
    if isinstance(part, Mapping):
        return part.get(step)
    if isinstance(part, Sequence) and not isinstance(part, str) and step.isdecimal():
        return part[int(step)] if int(step) < len(part) else None
    return None
