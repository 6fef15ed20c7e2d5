"""Processes killed at any moment lose no prediction that they acknowledged."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from serve_app.adapters.sql_event_log import SqlEventLog, open_event_log
from serve_app.core.platform import Store
from tests.fakes.postgres_server import postgres_server

WRITERS, SEED = 3, 20260301

# Forks one writer for each line on stdin, so that only one process pays for the imports. A writer
# prints ids only after ``append`` has returned: whatever was printed was acknowledged.
NURSERY = """
import asyncio, os, signal, sys
import psycopg
from datetime import UTC, datetime
from serve_app.adapters.group_commit import GroupCommit
from serve_app.adapters.sql_event_log import SqlEventLog
from serve_app.core.events import LoggedPrediction

url = sys.argv[1]

def row(id):
    return LoggedPrediction(
        id=id, use_case="colours", at=datetime.now(UTC), features={"words": id * 40}, student=None, teacher=None,
        answer={"id": id}, model_version=None, policy_version="p", schema_version="s", propensity=0.5,
        cost_usd=0.0, latency_ms=0.0,
    )

async def caller(front, out, name):
    for n in range(1_000_000):
        ids = [f"{name}-{n}-{k}" for k in range(1 + n % 7)]
        await front.append([row(id) for id in ids])
        os.write(out, (" ".join(ids) + "\\n").encode())

async def write(file):
    front = GroupCommit(SqlEventLog(url, timeout_s=30.0))
    out = os.open(file, os.O_WRONLY | os.O_APPEND)
    name = os.path.basename(file)
    await asyncio.gather(*(caller(front, out, f"{name}-{which}") for which in range(4)))

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        asyncio.run(write(line.strip()))
    print(pid, flush=True)
"""


class Nursery:
    def __init__(self, url: str) -> None:
        command = [sys.executable, "-c", NURSERY, url]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def writer(self, file: Path) -> int:
        """Starts a writer that acknowledges into ``file``; returns its process id."""
        file.touch()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(file, file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=10)


def killed_writers(url: str, folder: Path, rounds: int) -> set[str]:
    """Runs rounds of writers, kills each at a random moment, and returns the ids they acknowledged."""
    moments = random.Random(SEED)
    nursery = Nursery(url)
    files = []
    for round in range(rounds):
        started = {folder / f"{round}-{writer}": moments.uniform(0.0, 0.3) for writer in range(WRITERS)}
        pids = [nursery.writer(file) for file in started]
        _until(lambda files=tuple(started): all(file.stat().st_size for file in files))
        for pid, moment in zip(pids, started.values(), strict=True):
            time.sleep(moment)
            os.kill(pid, signal.SIGKILL)
            _until(lambda pid=pid: not psutil.pid_exists(pid))
        files += list(started)
    nursery.close()
    return {id for file in files for id in _whole_lines(file)}


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "the writers do not come, or do not go"
        time.sleep(0.005)


def _whole_lines(file: Path) -> list[str]:
    """The last line may be cut by the kill."""
    return [id for line in file.read_text().splitlines(keepends=True) if line.endswith("\n") for id in line.split()]


def check(log: SqlEventLog, acknowledged: set[str]) -> None:
    assert len(acknowledged) > 100
    found = {}
    after = None
    while page := log.page("colours", after=after):
        found |= {row.id: row for row in page}
        after = page[-1].id
    assert acknowledged <= found.keys()
    assert all(row.features == {"words": id * 40} and row.answer == {"id": id} for id, row in found.items())
    log.ping()


def test_killed_processes_lose_nothing_in_sqlite(tmp_path: Path) -> None:
    log = open_event_log(Store(), tmp_path)
    log.close()
    acknowledged = killed_writers(f"sqlite:///{tmp_path}/events.db", tmp_path, rounds=6)
    with sqlite3.connect(tmp_path / "events.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    check(log, acknowledged)


@pytest.mark.postgres
def test_killed_processes_lose_nothing_in_postgres(tmp_path: Path) -> None:
    url = postgres_server().database()
    log = open_event_log(Store(url=url), tmp_path)
    check(log, killed_writers(url, tmp_path, rounds=4))
