"""Far more than can be answered, by wrk: what is due is sent as soon as a connection is free, and C on one thread takes
little from what it floods. A generator in Python would take most of a core for itself, and measure that."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from tests.benchmarks.serving import wrk
from tests.benchmarks.serving.asking import Ask

CONNECTIONS = 8192
"""More than can be open at once while the server refuses in time."""

MARK = "FLOODED "

SCRIPT = Template("""
local ffi = require("ffi")
ffi.cdef[[typedef struct { long s; long us; } moment; int gettimeofday(moment *at, void *zone);]]
local at, due, told, threads, begun = ffi.new("moment"), nil, nil, {}, nil
seen, polite, settled = {}, {}, 0
$requests
local function now()
  ffi.C.gettimeofday(at, nil)
  return tonumber(at.s) + tonumber(at.us) / 1e6
end
function delay()
  local time = now()
  begun = begun or time
  due = math.max((due or time) + 1 / $rate, time - 1)
  return math.max(0, math.floor((due - time) * 1000))
end
function response(status, headers, body)
  seen[status] = (seen[status] or 0) + 1
  if status == 200 then
    if now() - begun > $filling then settled = settled + 1 end
    told = told or io.open("$ids", "w")
    told:write(body:match('"id": ?"([^"]+)"'), "\\n")
  elseif headers["Retry-After"] or headers["retry-after"] then
    polite[status] = (polite[status] or 0) + 1
  end
end
function setup(thread) table.insert(threads, thread) end
function done(summary, latency, every)
  local e, all, kind = summary.errors, "", threads[1]:get("polite")
  for status, count in pairs(threads[1]:get("seen")) do
    all = all .. status .. ":" .. count .. ":" .. (kind[status] or 0) .. " "
  end
  io.write(string.format('$mark{"seen": "%s", "settled": %d, "seconds": %.3f, "broken": %d, "late": %d}\\n',
    all, threads[1]:get("settled"), summary.duration / 1e6, e.connect + e.read + e.write, e.timeout))
end
""")


@dataclass(frozen=True, slots=True)
class Flooded:
    """``answered``: a second, once the server was full; ``statuses``: how often each; ``rude``: refused without a time
    to come back, or not at all; ``ids``: of the predictions that a 200 told."""

    seconds: float
    answered: float
    statuses: Mapping[int, int]
    rude: int
    ids: frozenset[str]

    @property
    def asked(self) -> float:
        """A second."""
        return sum(self.statuses.values()) / self.seconds


def closed(url: str, requests: Sequence[tuple[str, Any]], connections: int, seconds: float) -> float:
    """Answers a second, where each of so many asks as soon as it has been answered."""
    with tempfile.TemporaryDirectory() as folder:
        return wrk.load(url, _asked(requests), connections, seconds, Path(folder)).rate


def flood(url: str, requests: Sequence[tuple[str, Any]], rate: float, seconds: float) -> Flooded:
    """What is under way at the end is not waited for, and so what is answered is counted from a quarter on, when as
    much is under way. As nice as Ray's workers are, which it shares the cores with. Raises ValueError where wrk did not
    come to its end."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asking = wrk.requests_of(_asked(requests), folder)
        script = folder / "flood.lua"
        script.write_text(
            SCRIPT.substitute(requests=asking, rate=rate, filling=seconds / 4, ids=folder / "ids", mark=MARK), "utf-8"
        )
        command = [
            "nice",
            "-n15",
            "wrk",
            "-t1",
            f"-c{CONNECTIONS}",
            f"-d{seconds:.0f}s",
            "--timeout",
            "30s",
            "-s",
            str(script),
            url,
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 90, check=False)
        ids = (folder / "ids").read_text().split() if (folder / "ids").exists() else []
    return _read(done.stdout + done.stderr, ids, seconds / 4)


def _asked(requests: Sequence[tuple[str, Any]]) -> Ask:
    """All of them are of one path."""
    return Ask(requests[0][0], [json.dumps(body).encode() for _, body in requests], [], lambda body: [])


def _read(printed: str, ids: Sequence[str], filling: float) -> Flooded:
    line = next((line for line in printed.splitlines() if line.startswith(MARK)), None)
    if line is None:
        raise ValueError(f"wrk: {' '.join(printed.split())[-200:]}")
    told = json.loads(line.removeprefix(MARK))
    statuses: Counter[int] = Counter()
    rude = told["broken"] + told["late"]
    for each in told["seen"].split():
        status, count, polite = map(int, each.split(":"))
        statuses[status] = count
        rude += 0 if status == 200 else count - polite
    answered = told["settled"] / (told["seconds"] - filling)
    return Flooded(told["seconds"], answered, dict(statuses), rude, frozenset(ids))
