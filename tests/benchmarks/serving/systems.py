"""What is common to everything that is measured: it starts, it is asked, it is weighed, it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx
import psutil

from tests.benchmarks.serving.asking import Ask

START_S, LOOK_S = 120.0, 0.05


class DidNotServe(Exception):
    """Why a system is not in the table: it is told there."""


@dataclass(frozen=True, slots=True)
class Server:
    """``url`` answers; ``started_s``: from its first process to its first right answer."""

    url: str
    started_s: float
    processes: Callable[[], list[psutil.Process]]


class System(Protocol):
    """``family``: only the best setting of one is measured; ``tuned``: how it is set, for the report."""

    @property
    def name(self) -> str: ...

    @property
    def family(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def tuned(self) -> str: ...

    def ask(self, kind: str) -> Ask | None:
        """None: it does not take this kind of question."""

    def serving(self, kind: str, folder: Path) -> AbstractContextManager[Server]:
        """A server for questions of this kind, ended on the way out. Raises DidNotServe."""


def first_answer(url: str, ask: Ask, alive: Callable[[], bool], began: float, printed: Callable[[], str]) -> float:
    """Asks until the first right answer; seconds since ``began``. Raises DidNotServe, with what the server printed."""
    why: str | None = "nothing listens"
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        while why is not None:
            if not alive() or time.monotonic() > began + START_S:
                raise DidNotServe(f"no answer ({why}): {_last(printed())}")
            why = _wrong(client, ask)
            time.sleep(LOOK_S if why else 0)
    return time.monotonic() - began


def _wrong(client: httpx.Client, ask: Ask) -> str | None:
    try:
        reply = client.post(ask.path, content=ask.bodies[0], headers={"content-type": ask.content_type})
        return ask.wrong(0, reply.status_code, reply.content)
    except (httpx.HTTPError, ValueError, KeyError) as error:
        return type(error).__name__


def _last(printed: str, lines: int = 3) -> str:
    return " / ".join([line.strip() for line in printed.splitlines() if line.strip()][-lines:])[-400:]


@contextmanager
def process(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, url: str, ask: Ask
) -> Iterator[Server]:
    """A server in a process group of its own."""
    printed, began = folder / "server.log", time.monotonic()
    with printed.open("wb") as log:
        mine = subprocess.Popen(command, cwd=folder, env={**os.environ, **environment}, stdout=log,
                                stderr=subprocess.STDOUT, start_new_session=True)  # fmt: skip
    try:
        took = first_answer(url, ask, lambda: mine.poll() is None, began, lambda: _text(printed))
        yield Server(url, took, lambda: _tree(mine.pid))
    finally:
        _end(mine)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _tree(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def _end(mine: subprocess.Popen[bytes]) -> None:
    """First its parent by the signal that asks, then whatever of it is left."""
    left = _tree(mine.pid) if mine.poll() is None else []
    mine.send_signal(signal.SIGTERM)
    psutil.wait_procs(left, timeout=10)
    for each in left:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    with suppress(ProcessLookupError):
        os.killpg(mine.pid, signal.SIGKILL)
    mine.wait()
