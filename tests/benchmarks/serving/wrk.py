"""Load by wrk: C, one thread, so that on two cores it takes little from what it measures.

What it found it tells as one line of JSON, which its script prints at the end.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from string import Template

from tests.benchmarks.serving.asking import Ask

MARK = "MEASURED "

REQUESTS = Template("""
local lengths = {$lengths}
local requests, turn = {}, 0
function init(args)
  local file = io.open("$bodies", "rb")
  local headers = {["Content-Type"] = "$type"}
  for number, length in ipairs(lengths) do
    requests[number] = wrk.format("POST", "$path", headers, file:read(length))
  end
  file:close()
end
function request()
  turn = turn % #requests + 1
  return requests[turn]
end
""")
"""Each in its turn."""

SCRIPT = Template("""
$requests
function done(summary, latency, all)
  local e = summary.errors
  io.write(string.format('$mark{"requests": %d, "duration_us": %d, "p50_us": %d, "p99_us": %d, "refused": %d, ' ..
    '"broken": %d, "late": %d}\\n', summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), e.status, e.connect + e.read + e.write, e.timeout))
end
""")


@dataclass(frozen=True, slots=True)
class Measured:
    """``failed``: requests without an answer of status 200 to 399, among ``requests`` or besides."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    failed: int

    @property
    def rate(self) -> float:
        """Answers a second."""
        return max(0, self.requests - self.failed) / self.seconds


def there() -> bool:
    return shutil.which("wrk") is not None


def load(url: str, ask: Ask, connections: int, seconds: float, folder: Path) -> Measured:
    script = write_script(ask, folder)
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{max(1, round(seconds))}s",
        "--timeout",
        "10s",
        "-s",
        str(script),
        url,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=False)
    return parsed(done.stdout + done.stderr)


def write_script(ask: Ask, folder: Path) -> Path:
    script = folder / "ask.lua"
    script.write_text(SCRIPT.substitute(requests=requests_of(ask, folder), mark=MARK), encoding="utf-8")
    return script


def requests_of(ask: Ask, folder: Path) -> str:
    """The part of a script that makes them; the bodies are put into ``folder``."""
    (folder / "bodies").write_bytes(b"".join(ask.bodies))
    lengths = ", ".join(str(len(body)) for body in ask.bodies)
    return REQUESTS.substitute(lengths=lengths, bodies=folder / "bodies", type=ask.content_type, path=ask.path)


def parsed(printed: str) -> Measured:
    """Raises ValueError where wrk did not come to its end."""
    line = next((line for line in printed.splitlines() if line.startswith(MARK)), None)
    if line is None:
        raise ValueError(f"wrk: {' '.join(printed.split())[-200:]}")
    told = json.loads(line.removeprefix(MARK))
    failed = told["refused"] + told["broken"] + told["late"]
    return Measured(told["requests"], told["duration_us"] / 1e6, told["p50_us"] / 1000, told["p99_us"] / 1000, failed)
