"""Steps that do what a retrain does to the world (files, a version, an alias), quickly, and die where they
are told to.

``deadly`` writes what is to die and where into a folder; ``die_here`` is called at every such place, and
once it is the one, what is to die is killed as by kill -9.
"""

from __future__ import annotations

import os
import pickle
import signal
from pathlib import Path
from typing import Literal

from pipelines.promote import promote as real_promote
from pipelines.registry import reach
from pipelines.run import Came, Outputs, Run

Victim = Literal["worker", "engine", "all"]

DEADLY_STEPS = {
    name: f"tests.fakes.deadly_steps:{name}" for name in ("collect", "prepare", "train", "evaluate", "promote")
}
BUNDLE = "bundle.pickle"


def deadly(folder: Path, place: str, victim: Victim) -> None:
    (folder / "die").write_text(f"{place}\n{victim}")


def die_here(folder: Path, place: str) -> None:
    """In a step's process, or in the engine's (where ``worker`` is meant of none)."""
    told = folder / "die"
    if not told.exists():
        return
    where, victim = told.read_text().split("\n")
    if where != place:
        return
    told.unlink()
    if victim == "all":
        os.killpg(os.getpgid(0), signal.SIGKILL)
    os.kill(os.getpid() if victim == "worker" else os.getpgid(0), signal.SIGKILL)
    if victim == "engine":
        signal.pause()


def collect(run: Run, came: Came) -> Outputs:
    raw = run.state / f"{run.job_id}.raw"
    raw.write_text("half a ")
    _begun(run, "collect")
    die_here(run.state, "within collect")
    raw.write_text("whole row")
    return {"rows": 1, "path": str(raw)}


def prepare(run: Run, came: Came) -> Outputs:
    _begun(run, "prepare")
    assert Path(came["collect"]["path"]).read_text() == "whole row"
    return {"dataset": "processed"}


def train(run: Run, came: Came) -> Outputs:
    _begun(run, "train")
    die_here(run.state, "before the version is registered")
    bundle = pickle.loads((run.state / BUNDLE).read_bytes())
    version = reach(run.platform).register(run.use_case, bundle, {}, {"job": run.job_id})
    die_here(run.state, "registered, not recorded")
    return {"version": version.version}


def evaluate(run: Run, came: Came) -> Outputs:
    _begun(run, "evaluate")
    return {"outcome": "promote", "reasons": [], "figures": {}}


def promote(run: Run, came: Came) -> Outputs:
    _begun(run, "promote")
    die_here(run.state, "before the alias moves")
    came_to = real_promote(run, came)
    die_here(run.state, "alias moved, not recorded")
    return came_to


def _begun(run: Run, step: str) -> None:
    with (run.state / "begun").open("a") as file:
        file.write(f"{step}\n")
