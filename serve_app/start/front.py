"""The address that clients know, kept open by the start command itself, whoever answers at it.

HAProxy would open it anew each time it is started, and until then everybody would be refused: Serve takes four
seconds to notice that HAProxy or its manager has died and to start another. So the socket is opened here, once, and
given to each HAProxy as it starts (``haproxy.LAUNCH``). When the one that has it dies, another is started here at
once, with the configuration of the dead one; whoever asks in between waits in the socket's queue. It goes as soon as
Serve's next HAProxy has routes to offer.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from serve_app.start.haproxy import FRONT, MOST, stand_in
from serve_app.start.orders import close_the_door, under_way

log = logging.getLogger("understudy.front")

BACKLOG = 4096
AGAIN_S = 0.5
"""Until one that died as soon as it was started has a successor."""
READY_S = 1.0
"""Until a new HAProxy accepts; whoever stood in goes on so long."""


PAUSE_S = 0.1


def open_front(host: str, port: int, most: int) -> Front | None:
    """Before Ray starts: ``most``, requests in one ingress replica at once, goes to HAProxy by the environment. None
    where no HAProxy stands in front, or one that is not ours."""
    os.environ.setdefault(MOST, str(most))
    launcher = os.environ.get("RAY_SERVE_HAPROXY_BINARY_PATH", "")
    ours = os.environ.get("RAY_SERVE_ENABLE_HA_PROXY") == "1" and Path(launcher).parent.name.startswith("hap-")
    return Front(Path(launcher).parent, host, port) if ours else None


class Front:
    """A thread; ``folder``: that of ``haproxy.launcher``, which only we may enter."""

    def __init__(self, folder: Path, host: str, port: int) -> None:
        self._folder = folder
        self._listener = _listening(host, port)
        self._asked = socket.socket(socket.AF_UNIX)
        self._asked.bind(str(folder / FRONT))
        self._asked.listen(16)
        self._look = selectors.DefaultSelector()
        self._look.register(self._asked, selectors.EVENT_READ)
        self._closing, self._drained = threading.Event(), threading.Event()
        self._config = ""
        self._pid, self._died = 0, -1
        self._routed, self._since = False, 0.0
        self._stand_ins: list[subprocess.Popen[bytes]] = []
        threading.Thread(target=self._keep, daemon=True).start()

    def drain(self, patience_s: float) -> None:
        """Nobody new is let in from now on; returns once all that was asked is answered, or after ``patience_s``."""
        self._closing.set()
        close_the_door(self._folder)
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # for all that share it: HAProxy never closes what it was given
        self._listener.close()
        end = time.monotonic() + patience_s
        while under_way(self._folder) and time.monotonic() < end:
            time.sleep(PAUSE_S)
        self._drained.set()

    def _keep(self) -> None:
        while not self._closing.is_set():
            for key, _ in self._look.select(0.2):
                with contextlib.suppress(OSError):
                    self._give() if key.fileobj is self._asked else self._stand_in()
        self._drained.wait()  # whoever stands in ends with the thread that started it

    def _give(self) -> None:
        """The listener to a HAProxy that is about to begin; not to one without routes while another has some."""
        connection, _ = self._asked.accept()
        with connection:
            connection.settimeout(5)
            pid, _, config = connection.recv(4096).decode().partition(" ")
            routed = _routes(config)
            if self._routed and not routed and _lives(self._pid):
                connection.sendall(b"-")
                return
            socket.send_fds(connection, [b"+"], [self._listener.fileno()])
        self._routed = routed
        self._watch(int(pid), config)
        self._relieve()

    def _watch(self, pid: int, config: str) -> None:
        if self._died != -1:
            self._look.unregister(self._died)
            os.close(self._died)
        self._pid, self._config, self._since = pid, config, time.monotonic()
        self._died = os.pidfd_open(pid)
        self._look.register(self._died, selectors.EVENT_READ)

    def _relieve(self) -> None:
        """Who stands in goes, once the new one is there."""
        old, self._stand_ins = self._stand_ins, []
        pid = self._pid

        def relieve() -> None:
            time.sleep(READY_S)
            for each in old:
                if _lives(pid):
                    _soft_stop(each.pid)
                each.wait()

        if old:
            threading.Thread(target=relieve, daemon=True).start()

    def _stand_in(self) -> None:
        """For the one that has just died."""
        if self._closing.is_set():
            return
        log.warning("HAProxy has died; another stands in until Serve has one")
        if time.monotonic() - self._since < AGAIN_S:
            time.sleep(AGAIN_S)
        started = stand_in(self._folder, Path(self._config), self._listener.fileno(), sys.executable)
        self._stand_ins.append(started)
        self._watch(started.pid, self._config)


def _listening(host: str, port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(BACKLOG)
    return listener


def _routes(config: str) -> bool:
    """Whether Serve has told HAProxy of an application."""
    try:
        return "\nbackend http-" in Path(config).read_text(encoding="utf-8")
    except OSError:
        return False


def _lives(pid: int) -> bool:
    """As HAProxy: the title is another before the launcher has become it."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[1:2] == [b"-db"]  # nothing of one that has ended
    except OSError:
        return False


def _soft_stop(pid: int) -> None:
    """It accepts no more, and ends when its last answer is out."""
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGUSR1)
