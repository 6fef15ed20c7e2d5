"""How Understudy is set, by name: which parts run where, and whether its log is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from serve_app.core.platform import Platform

SETTINGS: Mapping[str, Mapping[str, str]] = {
    "graph": {"STORE__PREDICTIONS": "drop"},
    "graph-2": {"STORE__PREDICTIONS": "drop", "REPLICAS__INGRESS": "2"},
    "graph-log": {},
    "near": {"PLACEMENT": "near", "STORE__PREDICTIONS": "drop"},
    "near-log": {"PLACEMENT": "near"},
    "near-2": {"PLACEMENT": "near", "STORE__PREDICTIONS": "drop", "REPLICAS__INGRESS": "2"},
    "fused": {"PLACEMENT": "fused", "STORE__PREDICTIONS": "drop"},
    "fused-log": {"PLACEMENT": "fused"},
    "fused-compiled": {"PLACEMENT": "fused", "STORE__PREDICTIONS": "drop", "STUDENTS__PREDICTOR": "compiled"},
    "fused-2": {"PLACEMENT": "fused", "STORE__PREDICTIONS": "drop", "REPLICAS__INGRESS": "2"},
    "fused-2-log": {"PLACEMENT": "fused", "REPLICAS__INGRESS": "2"},
    "fused-2-compiled": {
        "PLACEMENT": "fused",
        "STORE__PREDICTIONS": "drop",
        "REPLICAS__INGRESS": "2",
        "STUDENTS__PREDICTOR": "compiled",
    },
}
"""Keys of ``platform.yaml``, as the environment writes them. A setting with a key that this version does not
know is left out."""


def known() -> dict[str, Mapping[str, str]]:
    """Those whose every key this version knows."""
    return {name: setting for name, setting in SETTINGS.items() if knows(setting)}


def knows(setting: Mapping[str, str]) -> bool:
    try:
        for key, value in setting.items():
            Platform.model_validate(_nested(key, value))
    except ValidationError:
        return False
    return True


def _nested(key: str, value: str) -> dict[str, Any]:
    nested: Any = value
    for part in reversed(key.lower().split("__")):
        nested = {part: nested}
    return dict(nested)
