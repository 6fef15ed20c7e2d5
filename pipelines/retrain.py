"""A retrain by hand, followed until its end:

    python -m pipelines.retrain NAME

    collect  ->  the tables and labels that there are, bad rows apart
    prepare  ->  what to learn from, and gold that is never learned from
    train    ->  a challenger of every family, the best of them registered
    evaluate ->  challenger and champion answer the same gold rows before the gate
    promote  ->  the alias moves, or it is said why not

The Understudy that runs takes the job up; where none runs, it is done here, on a Ray of its own.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ulid import ULID

from serve_app.adapters import whereabouts
from serve_app.adapters.platform_file import PlatformFile, read_platform
from serve_app.adapters.sql_jobs import open_jobs
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.errors import JobRunning, UnderstudyError
from serve_app.core.jobs import TERMINAL, Job, JobEvent
from serve_app.core.ports import Jobs

LOOK_S = 0.5


def main(arguments: list[str] | None = None) -> int:
    asked = _arguments(arguments)
    platform = read_platform(asked.configs / "platform.yaml", asked.state)
    catalogue = UseCaseFolder(asked.configs.resolve() / "use_cases")
    catalogue.get(asked.name)
    jobs = open_jobs(platform.store, Path(platform.state))
    try:
        job_id = _accepted(jobs, asked.name)
        with _somebody_at_work(catalogue, platform):
            return _follow(jobs, job_id)
    finally:
        jobs.close()


def _accepted(jobs: Jobs, use_case: str) -> str:
    """The id of the job; of the one under way, if one is."""
    job = Job(str(ULID()), "train", use_case, {}, getpass.getuser(), "command", datetime.now(UTC))
    try:
        jobs.accept(job)
    except JobRunning as running:
        print(f"{running}; following that one", flush=True)
        return running.job_id
    return job.id


@contextmanager
def _somebody_at_work(catalogue: UseCaseFolder, platform: PlatformFile) -> Iterator[None]:
    state = Path(platform.state)
    if whereabouts.read(state) is not None:
        yield
        return
    from pipelines.bootstrap import _connect
    from pipelines.engine import Engine
    from pipelines.tasks import RaySteps

    _connect(state)
    engine = Engine(catalogue, platform, RaySteps())
    threading.Thread(target=engine.run, daemon=True).start()
    try:
        yield
    finally:
        engine.close()


def _follow(jobs: Jobs, job_id: str) -> int:
    seen = 0
    while True:
        state = jobs.get(job_id).state  # before the look, so that none of its events is missed
        for event in jobs.events(job_id, seen):
            seen = event.seq
            print(_line(event), flush=True)
        if state in TERMINAL:
            break
        time.sleep(LOOK_S)
    job = jobs.get(job_id)
    if job.result is not None:
        print(f"{'promoted' if job.result.get('promoted') else 'not promoted'}: {job.result.get('reason')}")
    return 0 if job.state == "COMPLETED" else 1


def _line(event: JobEvent) -> str:
    took = f" in {event.duration_s:.1f} s" if event.duration_s is not None else ""
    parts = [f"{event.at:%H:%M:%S}", event.what.replace("_", " "), event.step if event.step else ""]
    return " ".join(part for part in parts if part) + took + (f": {event.detail}" if event.detail else "")


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.retrain", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", help="a use case")
    parser.add_argument("--configs", type=Path, default=Path("configs"))
    parser.add_argument("--state", default=os.environ.get("UNDERSTUDY_STATE"), help="another than platform.yaml's")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UnderstudyError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
