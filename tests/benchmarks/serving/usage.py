"""What processes hold and what they have used."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Memory:
    """In MB. ``pss``: pages that several processes share are counted once; ``rss``: once a process."""

    pss: float
    rss: float
    processes: int


def memory(processes: Iterable[psutil.Process]) -> Memory:
    found = [kept for each in processes if (kept := _rollup(each.pid))]
    return Memory(sum(p for p, _ in found) / 1000, sum(r for _, r in found) / 1000, len(found))


def _rollup(pid: int) -> tuple[float, float] | None:
    """PSS and RSS in kB of a process that may have gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return None
    told = {line.split(":")[0]: float(line.split()[1]) for line in lines}
    return told["Pss"] * 1.024, told["Rss"] * 1.024


def cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """User and system time of all, with what their ended children took."""
    total = 0.0
    for each in processes:
        with suppress(psutil.NoSuchProcess):
            total += sum(each.cpu_times()[:4])
    return total
