"""On what, with what and how it was measured."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

OURS = ("ray", "lightgbm", "fastapi", "uvicorn", "pydantic", "numpy", "orjson")


def about(asked: argparse.Namespace, arguments: Sequence[str], load: str) -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python -m tests.benchmarks.serving", *arguments]),
        "rounds": asked.rounds,
        "seconds": asked.seconds,
        "load": load,
        "machine": {
            "cores": os.cpu_count() or 1,
            "cpu": _cpu(),
            "memory_gb": psutil.virtual_memory().total / 1e9,
            "kernel": platform.release(),
            "python": platform.python_version(),
            "load_average": os.getloadavg()[0],
        },
        "versions": {name: version(name) for name in OURS},
    }


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
