"""A million rows by the ``score`` job, beside a bare loop over ``Booster.predict`` on the same file.

    python -m tests.benchmarks.score [--rows 1000000] [--rounds 3] [--out bench/score.json]

Starts an Understudy of its own, with the benchmark's model (200 trees, 30 numbers) as champion. In every round the
bare loop reads the Parquet file by batches of 4,096 rows and predicts them in a process of its own, with one thread
and with as many as there are cores; then the job scores the same file over the API: reading, validation, student,
cascade, decision, the table that it writes, and its summary. Of the job are told the seconds of its step, and those
from the request to its end; of memory the most that all of Understudy's processes held at once (PSS), over what they
held before. Every probability is compared with the loop's.
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
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.benchmarks.lone import NAME, lone_use_case
from tests.benchmarks.serving.numbers import NAMES, STEPS
from tests.benchmarks.serving.usage import memory
from tests.fakes.running import ROOT, Running, running

FILE, SEED = "weekly.parquet", 11
BLOCK = 100_000

MEMORY_LOOKS = 4
"""Each so many looks at the job the memory of all processes: that takes 0.2 s of a core that the job wants."""

LOOP = """
import sys, time
import lightgbm as lgb, numpy as np, pyarrow.parquet as pq
model, table, threads, out = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
booster = lgb.Booster(model_file=model)
names = booster.feature_name()
began, found = time.perf_counter(), []
for batch in pq.ParquetFile(table).iter_batches(4096, columns=names):
    matrix = np.column_stack([column.to_numpy() for column in batch.columns]).astype(np.float32)
    found.append(booster.predict(matrix, num_threads=threads))
print(time.perf_counter() - began)
np.save(out, np.concatenate(found))
"""


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds; ``grown_mb``: the most that was held beyond what was held before."""

    loop_one: float
    loop_all: float
    step: float
    job: float
    before_mb: float
    grown_mb: float


def main() -> int:
    asked = _arguments()
    with tempfile.TemporaryDirectory() as data:
        _prepared(Path(data), asked.rows)
        state = {"UNDERSTUDY_STATE": str(Path(data) / "state")}
        with tempfile.TemporaryDirectory() as folder, running(Path(folder), state, Path(data) / "configs") as started:
            rounds = [_round(Path(data), started, turn + 1, asked.rounds) for turn in range(asked.rounds)]
    told = _told(asked.rows, rounds)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps({**told, "rounds": [asdict(each) for each in rounds]}, indent=1) + "\n")
    print(json.dumps(told, indent=1))
    return 0


def _prepared(data: Path, rows: int) -> None:
    """The configuration with its table in the use case's folder, and the model beside it."""
    lone_use_case(data, {"fields": {"row": {"kind": "id"}}, "scoring": {"path": FILE, "key": "row"}})
    rng, file = np.random.default_rng(SEED), data / "configs" / "use_cases" / NAME / FILE
    with pq.ParquetWriter(file, _block(rng, 0, 1).schema) as writer:
        for start in range(0, rows, BLOCK):
            writer.write_table(_block(rng, start, min(BLOCK, rows - start)))


def _block(rng: np.random.Generator, start: int, rows: int) -> pa.Table:
    ids = pa.array([f"r{number:07d}" for number in range(start, start + rows)])
    drawn = (rng.normal(size=(rows, len(NAMES))) * STEPS).round() / STEPS
    return pa.table({"row": ids, **{name: drawn[:, column] for column, name in enumerate(NAMES)}})


def _round(data: Path, started: Running, turn: int, of: int) -> Round:
    print(f"round {turn} of {of}: the loop", file=sys.stderr, flush=True)
    one, all_cores = (_loop(data, threads) for threads in (1, 0))
    print(f"round {turn} of {of}: the job", file=sys.stderr, flush=True)
    before = memory(started.all_processes()).pss
    began = time.perf_counter()
    job, most = _watched(started)
    took = time.perf_counter() - began
    if job["status"] != "COMPLETED":
        raise SystemExit(f"the job ended {job['state']}: {job['error']}")
    _compare(Path(job["result"]["path"]), data)
    return Round(one, all_cores, _seconds(job), took, before, most - before)


def _loop(data: Path, threads: int) -> float:
    table = data / "configs" / "use_cases" / NAME / FILE
    done = subprocess.run(
        [sys.executable, "-c", LOOP, str(data / "model.txt"), str(table), str(threads), str(data / "found.npy")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout)


def _watched(started: Running) -> tuple[dict[str, Any], float]:
    """The job when it has ended, and the most memory that was seen."""
    with started.client() as client:
        accepted = client.post(f"/api/v1/data/{NAME}/score", json={})
        accepted.raise_for_status()
        held = []
        for look in count():
            job: dict[str, Any] = client.get(f"/api/v1/data/status/{accepted.json()['job_id']}").json()
            if look % MEMORY_LOOKS == 0:
                held.append(memory(started.all_processes()).pss)
            if job["status"] not in ("PENDING", "RUNNING"):
                return job, max(held)
            time.sleep(0.5)
    raise AssertionError


def _seconds(job: dict[str, Any]) -> float:
    began, ended = (datetime.fromisoformat(job[name]) for name in ("started_at", "finished_at"))
    return (ended - began).total_seconds()


def _compare(folder: Path, data: Path) -> None:
    table = pq.read_table(folder, columns=["score"])
    found, expected = table["score"].to_numpy(), np.load(data / "found.npy")
    if len(found) != len(expected) or np.abs(found - expected).max() > 1e-12:
        raise SystemExit("the job's scores are not those of the loop")


def _told(rows: int, rounds: list[Round]) -> dict[str, Any]:
    median = {name: statistics.median(getattr(each, name) for each in rounds) for name in Round.__slots__}
    ratios = {name: [getattr(each, loop) / each.step for each in rounds]
              for name, loop in (("one_thread", "loop_one"), ("all_cores", "loop_all"))}  # fmt: skip
    return {
        "rows": rows,
        "rows_per_s": {name: round(rows / median[name]) for name in ("loop_one", "loop_all", "step", "job")},
        "of_the_loops_speed": {name: _spread(each) for name, each in ratios.items()},
        "memory_mb": {"before": round(median["before_mb"]), "most_beyond": round(median["grown_mb"])},
    }


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 2),
        "least": round(min(values), 2),
        "most": round(max(values), 2),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.score", description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "score.json")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
