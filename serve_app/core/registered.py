"""A registered version as people look at it: what it is, what it was made of, what the gate said.

Tags are texts; those of several parts hold JSON. Whoever wrote one may have been an older Understudy,
so that a tag that is not there, or not as expected, is null and never an error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from serve_app.core.ports import Version

CHAMPION = "champion"
CERTIFICATE = "certificate."
"""Before the names of the tags that tell of it."""

Gate = dict[str, Any]


def shown(version: Version) -> dict[str, Any]:
    tags = version.tags
    return {
        "use_case": version.use_case,
        "version": version.version,
        "digest": version.digest,
        "aliases": list(version.aliases),
        "family": tags.get("family"),
        "origin": tags.get("origin"),
        "metrics": dict(version.metrics),
        "candidates": _json(tags, "candidates", list) or [],
        "label_mix": _json(tags, "label_mix", dict),
        "lineage": {
            "job": tags.get("job"),
            "dataset": tags.get("dataset"),
            "since": tags.get("since"),
            "until": tags.get("until"),
            "parent": tags.get("parent"),
        },
        "gate": gate_of(version),
        "certificate": certificate_of(version),
        "created_at": version.created_at.isoformat() if version.created_at else None,
    }


def gate_of(version: Version) -> Gate | None:
    """What the gate ruled, None where it was never asked."""
    outcome = version.tags.get("gate.outcome")
    if outcome is None:
        return None
    reasons = _json(version.tags, "gate.reasons", list)
    figures, gold = (_json(version.tags, f"gate.{part}", dict) for part in ("figures", "gold"))
    return {"outcome": outcome, "reasons": reasons or [], "figures": figures or {}, "gold": gold}


def certificate_of(version: Version) -> dict[str, str] | None:
    """What it is certified for, in short; None for one that never was. All of it: ``/api/v1/ops/certificates``."""
    own = {name: text for name, text in version.tags.items() if name.startswith(CERTIFICATE)}
    return {name.removeprefix(CERTIFICATE): text for name, text in sorted(own.items())} or None


def last_ruling(versions: Sequence[Version]) -> dict[str, Any] | None:
    """``versions`` newest first."""
    return next(({"version": v.version, **gate} for v in versions if (gate := gate_of(v)) is not None), None)


def named(versions: Sequence[Version], alias: str) -> Version | None:
    return next((version for version in versions if alias in version.aliases), None)


def _json(tags: Mapping[str, str], name: str, kind: type) -> Any:
    try:
        found = json.loads(tags.get(name, "null"))
    except ValueError:
        return None
    return found if isinstance(found, kind) else None
