"""A retrain on the cluster beside the same training in one process.

    python -m tests.benchmarks.retrain [it_service_tickets] [--rounds 3] [--out bench/retrain.json]

Starts an Understudy of its own and makes a use case of the real table by ``understudy new``. In every round the same
rows are trained in a process of their own, with all cores, by the same code without Ray (``pipelines.fit``); then a
retrain is asked for over the API. Told are the seconds from the request to the job's end, its steps, and the target:
at most 1.5 times the training alone, and 15 seconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import pandas as pd

from tests.benchmarks.new_over_http import CASES, DATA
from tests.fakes.running import ROOT, Running, running

FACTOR, BESIDE_S = 1.5, 15.0

ALONE = """
import sys, time
from pathlib import Path
from pipelines.fit import fit
from pipelines.labelled import load
from serve_app.adapters.config_files import load_use_case
folder, state, cores = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
case = load_use_case(folder)
began = time.perf_counter()
found = fit(case, load(case, folder, state), threads=cores)
print(time.perf_counter() - began)
"""


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds."""

    alone: float
    job: float
    steps: dict[str, float]


def main() -> int:
    asked = _arguments()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as started:
        pd.read_parquet(DATA / CASES[asked.data].file).to_parquet(started.folder / "table.parquet")
        made = started.command("new", asked.data, "--from", "table.parquet", "--target", CASES[asked.data].target,
                               timeout=1800)  # fmt: skip
        if made.returncode != 0:
            raise SystemExit(made.stderr.strip()[-500:])
        rounds = [_round(started, asked.data, turn + 1, asked.rounds) for turn in range(asked.rounds)]
    told = _told(rounds)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps({**told, "rounds": [asdict(each) for each in rounds]}, indent=1) + "\n")
    print(json.dumps(told, indent=1))
    return 0


def _round(started: Running, name: str, turn: int, of: int) -> Round:
    print(f"round {turn} of {of}: in one process", file=sys.stderr, flush=True)
    alone = started.python(
        "-c", ALONE, str(started.configs / "use_cases" / name), str(started.state), "2", timeout=1800
    )
    if alone.returncode != 0:
        raise subprocess.SubprocessError(alone.stderr[-500:])
    print(f"round {turn} of {of}: on the cluster", file=sys.stderr, flush=True)
    began = time.perf_counter()
    job = _retrained(started, name)
    return Round(float(alone.stdout.split()[-1]), time.perf_counter() - began, _steps(started, job))


def _retrained(started: Running, name: str) -> dict[str, Any]:
    accepted = httpx.post(f"{started.url}/api/v1/train/{name}", json={}, timeout=60)
    accepted.raise_for_status()
    while True:
        found = httpx.get(f"{started.url}/api/v1/train/status/{accepted.json()['job_id']}", timeout=60)
        job: dict[str, Any] = found.json()
        if job["status"] not in ("PENDING", "RUNNING"):
            break
        time.sleep(0.25)
    if job["status"] != "COMPLETED":
        raise SystemExit(f"the retrain ended {job['state']}: {job['error']}")
    return job


def _steps(started: Running, job: dict[str, Any]) -> dict[str, float]:
    """Seconds by step, from the job's events."""
    stream = httpx.get(f"{started.url}/api/v1/train/jobs/{job['job_id']}/events", timeout=60).text
    events = [json.loads(line.removeprefix("data:")) for line in stream.splitlines() if line.startswith("data:")]
    return {event["step"]: event["duration_s"] for event in events if event.get("what") == "step_finished"}


def _told(rounds: list[Round]) -> dict[str, Any]:
    alone, job = (statistics.median(getattr(each, name) for each in rounds) for name in ("alone", "job"))
    allowed = [FACTOR * each.alone + BESIDE_S for each in rounds]
    return {
        "alone_s": round(alone, 1),
        "job_s": round(job, 1),
        "beyond_1.5_times_s": round(statistics.median(e.job - FACTOR * e.alone for e in rounds), 1),
        "held": sum(each.job <= most for each, most in zip(rounds, allowed, strict=True)),
        "of": len(rounds),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.retrain", description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip
    parser.add_argument("data", nargs="?", default="it_service_tickets", choices=list(CASES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "retrain.json")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
