"""An environment for each peer, with the exact versions that stand in ``peer_apps``, kept from run to run."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.serving.systems import DidNotServe
from tests.fakes.running import ROOT

APPS = Path(__file__).parent / "peer_apps"
KEPT = ROOT / ".understudy" / "bench"
UV = Path(sys.executable).parent / "uv"
PATIENCE_S = 900


def environment(name: str) -> Path:
    """Its ``bin``. Raises DidNotServe where it cannot be made."""
    wanted, folder = APPS / f"{name}.txt", KEPT / f"env-{name}"
    made, mark = hashlib.sha256(wanted.read_bytes()).hexdigest(), folder / "made-from"
    if not mark.exists() or mark.read_text(encoding="utf-8") != made:
        _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
        _uv("pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), "--compile-bytecode",
            "-r", str(wanted))  # fmt: skip
        mark.write_text(made, encoding="utf-8")
    return folder / "bin"


def versions(name: str) -> list[str]:
    """Everything in it, as ``name==version``."""
    python = KEPT / f"env-{name}" / "bin" / "python"
    return _uv("pip", "freeze", "--python", str(python)).split() if python.exists() else []


def _uv(*arguments: str) -> str:
    try:
        done = subprocess.run([str(UV), *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        raise DidNotServe(f"not installed: {PATIENCE_S} s were not enough") from None
    if done.returncode:
        raise DidNotServe(f"not installed: {' '.join(done.stderr.split())[-300:]}")
    return done.stdout
