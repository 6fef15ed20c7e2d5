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
from tests.reliability.chaos.clients import Load
from tests.reliability.chaos.grounds import NAME, Finding, Grounds, load
from tests.reliability.chaos.overload import CLIENTS, pss_mb

SECONDS = 20 * 60.0
SWAP_S = 60.0
LOOK_S = 5.0
BURST_S, BURST = 20.0, 1024
"""As many clients at once as the ingress lets in: the connections that HAProxy opens for them, 20 MB, would come
with the first second in which the machine does something else."""
WARM_S = 900.0
"""Then half load, before it counts: what the burst took is given back, caches fill and arenas settle. Seen at 184
requests/s: +21 MB/h from minute 10 on, -1 from minute 15."""
MOST_MB_H = 5.0

Look = tuple[float, float, int, int]
"""Seconds since the beginning, MB, descriptors, actors."""


def half_load(grounds: Grounds, started: Running, seconds: float = SECONDS) -> Finding:
    """``seconds`` after the warm-up. The slope is Theil and Sen's, the median over all pairs, told with its 95 %
    interval: over 20 minutes that is wide, and in the short form it says nothing and is not judged."""
    warm_s, seconds = grounds.long(WARM_S, 8), grounds.long(seconds, 16)
    swap_s = grounds.long(SWAP_S, 8)
    versions = register(started, NAME, int((warm_s + seconds) // swap_s))
    half = _half(grounds, started)
    load(started, clients=BURST, told=False).seconds(grounds.long(BURST_S, 3))
    asking = load(started, min(half, _half(grounds, started)))
    with asking.running():
        _soaked(grounds, started, warm_s, swap_s, versions)
        before = _by_part(started)
        looks = _soaked(grounds, started, seconds, swap_s, versions)
        grown = _grown(before, _by_part(started))
    return _found(grounds, started, asking, looks, grown, f"{seconds / 60:g} min after {warm_s / 60:g} of warm-up")


def _half(grounds: Grounds, started: Running) -> float:
    """Of what is answered at most, a second, with as many labels as the soak tells."""
    asked = load(started, clients=CLIENTS).seconds(grounds.long(20, 6))
    answers = [each for each in asked if each.path.startswith("/api/v1/predict")]
    return counted.rate(answers, answers[0].done, answers[-1].done) / 2


def _soaked(grounds: Grounds, started: Running, seconds: float, swap_s: float, versions: list[str]) -> list[Look]:
    """A swap each ``swap_s``, while somebody asks; what was seen meanwhile."""
    looks: list[Look] = []
    began, swapped = time.monotonic(), 0
    while (at := time.monotonic() - began) < seconds:
        if versions and at >= (swapped + 0.5) * swap_s:
            promote(started, NAME, versions.pop(0))
            swapped += 1
            grounds.say(f"{at:.0f} of {seconds:.0f} s, {len(versions)} swaps to come")
        looks.append((at, pss_mb(started), *_held(started)))
        time.sleep(LOOK_S if not grounds.short else 1)
    return looks


def _found(grounds: Grounds, started: Running, asking: Load, looks: list[Look], grown: str, how_long: str) -> Finding:
    seen = np.array(looks)
    slope, _, low, high = (float(each) * 3600 for each in theilslopes(seen[:, 1], seen[:, 0]))
    files, actors = (int(seen[-5:, n].mean() - seen[:5, n].mean()) for n in (2, 3))
    missing, asked = counted.lost(asking.asked, started.state), asking.asked
    share = counted.share(asked)
    flat = files <= 10 and actors == 0  # HAProxy lets go of connections that it does not need
    held = (grounds.short or slope <= MOST_MB_H) and flat and share == 100.0 and not missing
    told = (
        f"{slope:+.1f} MB/h ({low:+.1f} to {high:+.1f}, 95 %) of {seen[:, 1].mean():.0f} MB, most of it {grown}; "
        f"descriptors {files:+d}, actors {actors:+d}; {share:.3f} % of {len(asked):,} at {asking.rate:.0f}/s, "
        f"failures {counted.failures(asked) or 'none'}; lost {len(missing)}"
    )
    figures = {"mb_h": slope, "low": low, "high": high, "descriptors": files, "actors": actors,
               "answered_percent": share, "looks": looks}  # fmt: skip
    must = f"memory of our replicas ≤ {MOST_MB_H:g} MB/h after warm-up, descriptors and actors flat"
    return Finding(
        f"soak at half load, {how_long}, a swap each {grounds.long(SWAP_S, 8):g} s", must, told, held, figures
    )


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
