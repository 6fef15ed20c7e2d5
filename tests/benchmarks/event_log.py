"""What an append to the event log costs: rows a second, alone and beside a thread that wants the GIL, and
CPU microseconds a row.

    python -m tests.benchmarks.event_log [sizes, such as 1,16,128,1000] [a PostgreSQL URL]
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ulid import ULID

from serve_app.adapters.sql_event_log import SqlEventLog, open_event_log
from serve_app.core.events import LoggedPrediction
from serve_app.core.platform import Store

SECONDS = 0.7


def a_ticket() -> LoggedPrediction:
    """As ``core/write_down.py`` makes one for a use case with eight classes."""
    id, at = str(ULID()), datetime.now(UTC)
    says = {"label": "account_access", "confidence": 0.9981234567891}
    features = {
        "tech_raw_text": "tidak bisa login ke MIT sejak tadi pagi, sudah coba reset",
        "solving": "Reset password",
    }
    answer = {
        "id": id, "use_case": "tickets", "prediction": says, "source": "student", "student": says, "teacher": None,
        "decision": {"action": "ROUTE", "target": "identity-team", "detail": None}, "certificate": None,
        "audited": False, "model_version": "1", "policy_version": f"sha256:{'a' * 64}", "degraded": False,
        "reason": None,
    }  # fmt: skip
    return LoggedPrediction(
        id, "tickets", at, features, {**says, "probabilities": [n / 7919 for n in range(8)]}, None, answer, "1",
        f"sha256:{'a' * 64}", f"sha256:{'b' * 64}", 0.02, 0.0, 3.25, str(ULID()), "local",
    )  # fmt: skip


def batches(size: int) -> Iterator[list[LoggedPrediction]]:
    whole = a_ticket()
    while True:
        yield [replace(whole, id=str(ULID())) for _ in range(size)]


@contextmanager
def counting() -> Iterator[None]:
    """A thread that wants the GIL all the time, as an ingress under load does."""
    done = threading.Event()
    thread = threading.Thread(target=_count_until, args=(done,))
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _count_until(done: threading.Event) -> None:
    count = 0
    while not done.is_set():
        count += 1


def pace(append: Callable[[list[LoggedPrediction]], None], size: int) -> tuple[float, float]:
    """Rows a second and CPU microseconds a row, over ``SECONDS`` of appends (making the rows not counted)."""
    took, cpu, rows, batch = 0.0, 0.0, 0, batches(size)
    while took < SECONDS:
        new = next(batch)
        began, cpu_began = time.perf_counter(), time.thread_time()
        append(new)
        took, cpu, rows = took + time.perf_counter() - began, cpu + time.thread_time() - cpu_began, rows + size
    return rows / took, cpu / rows * 1e6


def measured(log: SqlEventLog, size: int) -> dict[str, float]:
    quiet, cpu = pace(log.append, size)
    with counting():
        busy, _ = pace(log.append, size)
    return {"rows/s": quiet, "cpu us/row": cpu, "rows/s beside a busy thread": busy}


def main() -> None:
    sizes = [int(size) for size in (sys.argv[1:2] or ["1,16,128,1000"])[0].split(",")]
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{folder}/events.db"
        log = open_event_log(Store(url=url), Path(folder))
        for size in sizes:
            print(f"{size:6d}", *(f"{name} {value:10.2f}" for name, value in measured(log, size).items()), sep="   ")


if __name__ == "__main__":
    main()
