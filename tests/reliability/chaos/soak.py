"""Half load for a long time with a swap each minute: whether anything grows."""

from __future__ import annotations

import os
import time
from contextlib import suppress

import numpy as np
import psutil
from scipy.stats import theilslopes

from tests.benchmarks.swap import promote, register
from tests.fakes.running import Running
from tests.reliability.chaos import counted
from tests.reliability.chaos.grounds import NAME, Finding, Grounds, load
from tests.reliability.chaos.overload import CLIENTS, pss_mb

SECONDS = 20 * 60.0
SWAP_S = 60.0
LOOK_S = 5.0
WARM = 0.3
"""Of the time, the part that does not count: caches fill, allocators settle."""
MOST_MB_H = 5.0


def half_load(grounds: Grounds, started: Running, seconds: float = SECONDS) -> Finding:
    """The slope is Theil and Sen's, the median over all pairs, told with its 95 % interval: over 20 minutes that is
    wide, and in the short form it says nothing and is not judged."""
    seconds = grounds.long(seconds, 24)
    swap_s = grounds.long(SWAP_S, 8)
    most = counted.rate(asked := load(started, clients=CLIENTS, told=False).seconds(8), asked[0].done, asked[-1].done)
    versions = register(started, NAME, int(seconds // swap_s))
    looks: list[tuple[float, float, int, int]] = []
    asking = load(started, most / 2)
    with asking.running():
        began = time.monotonic()
        while (at := time.monotonic() - began) < seconds:
            if versions and at >= (int(seconds // swap_s) - len(versions) + 0.5) * swap_s:
                promote(started, NAME, versions.pop(0))
                grounds.say(f"{at:.0f} of {seconds:.0f} s, {len(versions)} swaps to come")
            looks.append((at, pss_mb(started), *_held(started)))
            time.sleep(LOOK_S if not grounds.short else 1)
    warm = np.array([look for look in looks if look[0] >= WARM * seconds])
    slope, _, low, high = (float(each) * 3600 for each in theilslopes(warm[:, 1], warm[:, 0]))
    files, actors = (int(warm[-5:, n].mean() - warm[:5, n].mean()) for n in (2, 3))
    missing = counted.lost(asking.asked, started.state)
    flat = abs(files) <= 10 and actors == 0
    held = (grounds.short or slope <= MOST_MB_H) and flat and counted.share(asking.asked) == 100.0 and not missing
    told = (
        f"{slope:+.1f} MB/h ({low:+.1f} to {high:+.1f}, 95 %) of {warm[:, 1].mean():.0f} MB; descriptors {files:+d}, "
        f"actors {actors:+d}; {counted.share(asking.asked):.3f} % of {len(asking.asked):,} at {most / 2:.0f}/s, "
        f"failures {counted.failures(asking.asked) or 'none'}; lost {len(missing)}"
    )
    figures = {"mb_h": slope, "low": low, "high": high, "descriptors": files, "actors": actors,
               "answered_percent": counted.share(asking.asked), "looks": looks}  # fmt: skip
    must = f"memory of our replicas ≤ {MOST_MB_H:g} MB/h after warm-up, descriptors and actors flat"
    return Finding(f"soak at half load, {seconds / 60:g} min, a swap each {swap_s:g} s", must, told, held, figures)


def _held(started: Running) -> tuple[int, int]:
    """Open descriptors of our replicas, and how many actors there are."""
    files = 0
    for each in started.processes("ServeReplica:understudy"):
        with suppress(psutil.Error, OSError):
            files += len(os.listdir(f"/proc/{each.pid}/fd"))
    return files, len(started.processes("ray::Serve"))
