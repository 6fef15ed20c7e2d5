"""What is in force, kept in the state folder: ``platform.yaml`` as it was deployed, and the one deployed before.

A replica reads the platform's file whenever it starts, also one that takes the place of a dead one: an edit that is
not deployed must not reach it. So each deployed version lies here under the digest of its text, and the applications
are told that path.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FOLDER = "deployed"
RECORD = "deployed.json"

Applications = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Deployed:
    """``now``: the applications in force; ``before``: those that were before them, empty where there were none."""

    now: Applications
    before: Applications


def keep(file: Path, state: Path) -> Path:
    """A copy that nobody edits, for our own eyes: there may be keys in it. Raises OSError."""
    content = file.read_bytes()
    kept = (state / FOLDER).resolve() / f"{hashlib.sha256(content).hexdigest()[:16]}.yaml"
    kept.parent.mkdir(parents=True, exist_ok=True)
    if not kept.exists():
        _write(kept, content)
    return kept


def pinned(applications: Applications, platform: Path) -> Applications:
    """The same applications, told to read that ``platform``."""
    return [{**each, "args": {**(each.get("args") or {}), "platform": str(platform)}} for each in applications]


def remember(state: Path, now: Applications, before: Applications) -> None:
    state.mkdir(parents=True, exist_ok=True)
    _write(state / RECORD, json.dumps(asdict(Deployed(now, before)), indent=1).encode())


def recall(state: Path) -> Deployed | None:
    """None where nothing was ever deployed."""
    try:
        return Deployed(**json.loads((state / RECORD).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all."""
    draft = file.with_name(f".{file.name}.draft")
    draft.unlink(missing_ok=True)
    draft.touch(0o600)
    draft.write_bytes(content)
    draft.replace(file)
