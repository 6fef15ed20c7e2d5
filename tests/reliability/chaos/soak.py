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
WARM_S = 600.0
"""Before the time that counts: seen over 20 minutes at 226 requests/s, caches fill and allocators settle for ten."""
MOST_MB_H = 5.0


def half_load(grounds: Grounds, started: Running, seconds: float = SECONDS) -> Finding:
    """``seconds`` after the warm-up. The slope is Theil and Sen's, the median over all pairs, told with its 95 %
    interval: over 20 minutes that is wide, and in the short form it says nothing and is not judged."""
    warm_s, seconds = grounds.long(WARM_S, 8), grounds.long(seconds, 16)
    swap_s, whole_s = grounds.long(SWAP_S, 8), warm_s + seconds
    most = counted.rate(asked := load(started, clients=CLIENTS, told=False).seconds(8), asked[0].done, asked[-1].done)
    versions = register(started, NAME, int(whole_s // swap_s))
    before: dict[str, float] = {}
    looks: list[tuple[float, float, int, int]] = []
    asking = load(started, most / 2)
    with asking.running():
        began = time.monotonic()
        while (at := time.monotonic() - began) < whole_s:
            if versions and at >= (int(whole_s // swap_s) - len(versions) + 0.5) * swap_s:
                promote(started, NAME, versions.pop(0))
                grounds.say(f"{at:.0f} of {whole_s:.0f} s, {len(versions)} swaps to come")
            before = before or (_by_part(started) if at >= warm_s else {})
            looks.append((at, pss_mb(started), *_held(started)))
            time.sleep(LOOK_S if not grounds.short else 1)
        grown = _grown(before, _by_part(started))
    warm = np.array([look for look in looks if look[0] >= warm_s])
    slope, _, low, high = (float(each) * 3600 for each in theilslopes(warm[:, 1], warm[:, 0]))
    files, actors = (int(warm[-5:, n].mean() - warm[:5, n].mean()) for n in (2, 3))
    missing = counted.lost(asking.asked, started.state)
    flat = files <= 10 and actors == 0  # HAProxy lets go of connections that it does not need
    held = (grounds.short or slope <= MOST_MB_H) and flat and counted.share(asking.asked) == 100.0 and not missing
    told = (
        f"{slope:+.1f} MB/h ({low:+.1f} to {high:+.1f}, 95 %) of {warm[:, 1].mean():.0f} MB, most of it {grown}; "
        f"descriptors {files:+d}, actors {actors:+d}; "
        f"{counted.share(asking.asked):.3f} % of {len(asking.asked):,} at {most / 2:.0f}/s, "
        f"failures {counted.failures(asking.asked) or 'none'}; lost {len(missing)}"
    )
    figures = {"mb_h": slope, "low": low, "high": high, "descriptors": files, "actors": actors,
               "answered_percent": counted.share(asking.asked), "looks": looks}  # fmt: skip
    title = f"soak at half load, {seconds / 60:g} min after {warm_s / 60:g} of warm-up, a swap each {swap_s:g} s"
    must = f"memory of our replicas ≤ {MOST_MB_H:g} MB/h after warm-up, descriptors and actors flat"
    return Finding(title, must, told, held, figures)


def _by_part(started: Running) -> dict[str, float]:
    """MB of PSS by deployment."""
    found: dict[str, float] = {}
    for each in started.processes("ServeReplica:understudy"):
        with suppress(psutil.Error):
            name = each.cmdline()[0].split(":", 4)[-1].partition(".")[0].strip()
            found[name] = found.get(name, 0.0) + each.memory_full_info().pss / 1e6
    return found


def _grown(before: dict[str, float], after: dict[str, float]) -> str:
    """The three that grew most."""
    by = sorted(((after[name] - before[name], name) for name in before if name in after), reverse=True)
    return ", ".join(f"{name} {mb:+.1f}" for mb, name in by[:3])


def _held(started: Running) -> tuple[int, int]:
    """Open descriptors of our replicas, and how many actors there are."""
    files = 0
    for each in started.processes("ServeReplica:understudy"):
        with suppress(psutil.Error, OSError):
            files += len(os.listdir(f"/proc/{each.pid}/fd"))
    return files, len(started.processes("ray::Serve"))
