"""The address that clients know, with a real HAProxy: whoever dies, nobody is refused, until we stop."""

from __future__ import annotations

import http.server
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

from serve_app.start.front import Front
from serve_app.start.haproxy import LISTENER, launcher
from serve_app.start.orders import CLOSING
from tests.fakes.running import free_port, haproxy

pytestmark = pytest.mark.skipif(not haproxy(), reason="HAProxy is not there, or not wanted")


class Slow(http.server.BaseHTTPRequestHandler):
    """``/0.5`` takes half a second."""

    def do_GET(self) -> None:
        time.sleep(float(self.path[1:]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Tests print nothing."""


@dataclass
class Scene:
    """``start``: as Serve starts HAProxy, with routes or without."""

    folder: Path
    port: int
    behind: int
    front: Front
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, routes: bool) -> subprocess.Popen[bytes]:
        config = self.folder / "node" / "haproxy.cfg"
        config.write_text(self._config(routes), encoding="utf-8")
        before = [each for each in self.started if each.poll() is None]
        takes_over = ["-sf", *(str(each.pid) for each in before)] if before else []
        command = [str(self.folder / "haproxy"), "-db", "-f", str(config), *takes_over]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self.started.append(process)
        until(lambda: psutil.Process(process.pid).cmdline()[1:2] == ["-db"])
        return process

    def ask(self, seconds: float = 0.0) -> int:
        with httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=10) as client:
            return _status(client, seconds)

    def _config(self, routes: bool) -> str:
        """What of Serve's template matters here."""
        return "\n  ".join(
            [
                f"global\n  stats socket {self.folder}/node/admin level admin expose-fd listeners",
                "\ndefaults\n  mode http\n  option idle-close-on-response",
                *(f"timeout {kind} 30s" for kind in ("client", "connect", "server")),
                f'\nfrontend http_frontend\n  bind "${{{LISTENER}}}"',
                f"http-request return status 503 if {{ var({CLOSING}) -m bool }}",
                "default_backend http-a" if routes else "http-request return status 503",
                f"\nbackend http-a\n  server a 127.0.0.1:{self.behind}\n" if routes else "\n",
            ]
        )


@pytest.fixture
def scene() -> Iterator[Scene]:
    behind = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=behind.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="hap-") as name:  # not pytest's, whose path is too long for a socket
        folder, port = Path(name), free_port()
        (folder / "node").mkdir()
        launcher(str(folder), sys.executable)
        scene = Scene(folder, port, behind.server_port, Front(folder, "127.0.0.1", port))
        yield scene
        scene.front.drain(0)
        for each in psutil.Process().children():
            if str(folder) in _command(each):
                each.kill()
        for started in scene.started:
            started.wait(10)
    behind.shutdown()


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_another_stands_in_for_one_that_dies_and_nobody_is_refused(scene: Scene) -> None:
    first = scene.start(routes=True)
    assert scene.ask() == 200
    first.kill()
    assert [scene.ask() for _ in range(3)] == [200] * 3


def test_who_stands_in_serves_until_the_next_has_routes_and_goes_then(scene: Scene) -> None:
    scene.start(routes=True).kill()
    assert scene.ask() == 200
    stands_in = _standing_in()
    scene.start(routes=False)
    assert [scene.ask() for _ in range(3)] == [200] * 3  # and not the 503 of one that knows of no route yet
    scene.start(routes=True)
    until(lambda: not any(each.is_running() and each.status() != "zombie" for each in stands_in))
    assert scene.ask() == 200


@pytest.mark.parametrize("standing_in", [False, True])
def test_what_is_asked_is_answered_and_nobody_else_is_let_in(scene: Scene, standing_in: bool) -> None:
    first = scene.start(routes=True)
    if standing_in:
        first.kill()
    assert scene.ask() == 200
    with ThreadPoolExecutor(9) as pool, httpx.Client(base_url=f"http://127.0.0.1:{scene.port}") as kept:
        assert kept.get("/0").status_code == 200
        asked = [pool.submit(scene.ask, 1.0) for _ in range(8)]
        time.sleep(0.4)
        began = time.monotonic()
        draining = pool.submit(scene.front.drain, 10.0)
        until(lambda: scene.ask() == 0)
        assert _status(kept) in (503, 0), "over a connection from before"
        assert [each.result() for each in asked] == [200] * 8
        draining.result()
    assert time.monotonic() - began < 5


def _status(client: httpx.Client, seconds: float = 0.0) -> int:
    """0 where nobody is let in; to be left waiting is no refusal."""
    try:
        return client.get(f"/{seconds}").status_code
    except (httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError):
        return 0


def _standing_in() -> list[psutil.Process]:
    return [each for each in psutil.Process().children() if "stand-in/haproxy.cfg" in _command(each)]


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has ended
        return ""
