"""The whole application rolled over under load, a deploy that fails, and the way back."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.reliability.chaos import counted
from tests.reliability.chaos.clients import Asked, Load
from tests.reliability.chaos.grounds import SMALL, Asking, Finding, Grounds, running_replicas, until_whole

RATE = 20.0
UNBUILDABLE = """
from serve_app.app import AppArgs


def build(args: AppArgs):
    raise RuntimeError("this cannot be built")
"""
MUST = "no failure; the old keeps serving, one command goes back"


def good(grounds: Grounds, asking: Asking) -> Finding:
    """An edit of platform.yaml: every replica is another afterwards."""
    before = {each.pid for each in asking.started.processes("ServeReplica:understudy")}
    asked, done = _meanwhile(asking, lambda: _deploy(asking, "poll_s: 5.0", "poll_s: 4.0"))
    after = {each.pid for each in asking.started.processes("ServeReplica:understudy")}
    rolled = done.returncode == 0 and not before & after
    return _found("rolling redeploy of the whole application", asking, asked, rolled, f"replicas all new: {rolled}")


def bad_build(grounds: Grounds, asking: Asking) -> Finding:
    """What the check of the files cannot see: a program of one's own that fails when it is run."""
    (asking.started.folder / "unbuildable.py").write_text(UNBUILDABLE)
    file = asking.started.folder / "serve_config.yaml"
    asked, done = _meanwhile(asking, lambda: _deploy(asking, "serve_app.app:build", "unbuildable:build", file))
    return _refused("a deploy that cannot be built", asking, asked, done)


def bad_replicas(grounds: Grounds, asking: Asking) -> Finding:
    """It is built, and its new replicas never get well: they have no store to open."""
    nowhere = "url: sqlite:////proc/nowhere/events.db"
    asked, done = _meanwhile(asking, lambda: _deploy(asking, "url: sqlite:///{state}/events.db", nowhere))
    return _refused("a deploy whose replicas never get well", asking, asked, done)


def back(grounds: Grounds, asking: Asking) -> Finding:
    """From a deploy that went well to what was before it."""
    before = asking.started.command("deploy", timeout=300)
    asked, done = _meanwhile(asking, lambda: asking.started.command("deploy", "--back", timeout=300))
    well = before.returncode == 0 and done.returncode == 0
    return _found("understudy deploy --back", asking, asked, well, (done.stdout + done.stderr).strip().splitlines()[-1])


def _deploy(asking: Asking, old: str, new: str, file: Path | None = None) -> subprocess.CompletedProcess[str]:
    """With the edit of platform.yaml, or of ``file``, which is as before afterwards."""
    file = file or asking.started.configs / "platform.yaml"
    good = file.read_text()
    assert old in good
    file.write_text(good.replace(old, new, 1))
    try:
        return asking.started.command("deploy", timeout=400)
    finally:
        file.write_text(good)


def _meanwhile(asking: Asking, act) -> tuple[list[Asked], subprocess.CompletedProcess[str]]:  # type: ignore[no-untyped-def]
    asking.llm.behaviour, asking.llm.latency_s = "good", 0.0
    replicas = running_replicas(asking.started)
    load = Load(asking.started.url, [(f"/api/v1/predict/{SMALL}", asking.unsure)], RATE)
    with load.running():
        done = act()
        until_whole(asking.started, replicas)
    return load.asked, done


def _refused(fault: str, asking: Asking, asked: list[Asked], done: subprocess.CompletedProcess[str]) -> Finding:
    told = (done.stderr or done.stdout).strip().splitlines()[-1][:200]
    return _found(fault, asking, asked, done.returncode == 1 and "Traceback" not in done.stderr, told)


def _found(fault: str, asking: Asking, asked: list[Asked], well: bool, told: str) -> Finding:
    missing = counted.lost(asked, asking.started.state)
    held = well and counted.share(asked) == 100.0 and not missing
    measured = f"{counted.share(asked):.2f} % of {len(asked):,}, failures {counted.failures(asked) or 'none'}; {told}"
    figures = {"asked": len(asked), "answered_percent": counted.share(asked), "lost": len(missing), "told": told}
    return Finding(fault, MUST, measured, held, figures)
