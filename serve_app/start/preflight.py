"""What would make the start fail, told in a line each before anything is started."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import psutil

from serve_app.start.settings import HOST, Settings

LEAST_MEMORY = 2 * 1024**3
"""Bytes. The whole application at rest takes about this much."""


def refuse_to_start(settings: Settings, beside: bool) -> list[str]:
    """One line a problem; empty when all is well. ``beside``: another Ray does not matter."""
    return [*_port(settings.port, "--port"), *_port(settings.dashboard_port, "--dashboard-port"), *_memory(),
            *([] if beside else _another_ray())]  # fmt: skip


def _port(port: int, option: str) -> Iterator[str]:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            holder = _holder(port)
            yield f"port {port} of {HOST} cannot be used ({error.strerror}{holder}); choose another with {option}"


def _holder(port: int) -> str:
    try:
        for each in psutil.net_connections("tcp"):
            if each.status == psutil.CONN_LISTEN and each.laddr.port == port and each.pid:
                return f", by process {each.pid}, {psutil.Process(each.pid).name()}"
    except psutil.Error:
        pass  # only root sees other people's processes
    return ""


def _memory() -> Iterator[str]:
    free = psutil.virtual_memory().available
    if free < LEAST_MEMORY:
        yield f"{free / 1024**3:.1f} GiB of memory are free; at least {LEAST_MEMORY / 1024**3:.0f} GiB are needed"


def _another_ray() -> Iterator[str]:
    for process in psutil.process_iter(["name", "pid"]):
        if process.info["name"] == "gcs_server":
            yield (
                f"a Ray already runs on this machine (process {process.info['pid']}): start one more with --beside "
                "(make serve ARGS=--beside), or end the other where it was started"
            )
            return
