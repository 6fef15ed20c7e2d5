"""Where the Understudy of a state folder runs, for the commands that add to it.

The start command writes it down and takes it away at its end; after a crash it stays, hence the
look whether that process still lives.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

FILE = "running.json"


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """``ray``: the address for ``ray.init``; ``dashboard``: an URL; ``process`` and its birth, in
    seconds since the epoch: who wrote this."""

    ray: str
    dashboard: str
    process: int
    since: float


def write(state: Path, ray: str, dashboard: str) -> None:
    state.mkdir(parents=True, exist_ok=True)
    here = Whereabouts(ray, dashboard, os.getpid(), psutil.Process().create_time())
    draft = state / f".{FILE}.{here.process}"
    draft.write_text(json.dumps(asdict(here)), encoding="utf-8")
    draft.replace(state / FILE)


def read(state: Path) -> Whereabouts | None:
    """None when nothing of this state folder runs on this machine."""
    try:
        found = Whereabouts(**json.loads((state / FILE).read_text(encoding="utf-8")))
        return found if abs(psutil.Process(found.process).create_time() - found.since) < 1 else None
    except (OSError, ValueError, TypeError, psutil.Error):
        return None


def forget(state: Path) -> None:
    """Takes away what this very process wrote, and nobody else's."""
    found = read(state)
    if found is not None and found.process == os.getpid():
        (state / FILE).unlink(missing_ok=True)
