"""What would make the start fail is told before anything is started, in a line each."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.platform import Platform
from serve_app.start.preflight import LEAST_MEMORY, refuse_to_start
from serve_app.start.settings import Settings

PLENTY = 8 * 1024**3


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=machine.free))
    monkeypatch.setattr(psutil, "process_iter", lambda attributes: iter(machine.processes))
    return machine


class Machine:
    """What psutil says of it. ``free``: bytes."""

    def __init__(self) -> None:
        self.free = PLENTY
        self.processes = [SimpleNamespace(info={"name": "python", "pid": 1})]


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody, here this process, listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def problems(beside: bool = False, **ports: int) -> list[str]:
    given: dict[str, Any] = {"port": free_port(), "dashboard_port": free_port(), **ports}
    settings = Settings(config={}, platform=Platform(), catalogue=UseCaseFolder(Path("none")), **given)
    return refuse_to_start(settings, beside)


def test_a_machine_with_room_is_no_problem() -> None:
    assert problems() == []


@pytest.mark.parametrize(("which", "option"), [("port", "--port"), ("dashboard_port", "--dashboard-port")])
def test_a_port_in_use_is_told_with_who_has_it(which: str, option: str, taken: int) -> None:
    (line,) = problems(**{which: taken})
    assert line.startswith(f"port {taken} of 127.0.0.1 cannot be used (Address already in use")
    assert f"by process {os.getpid()}" in line
    assert line.endswith(f"choose another with {option}")


def test_a_port_that_is_only_being_given_up_can_be_used() -> None:
    """The last connection of an Understudy that has just stopped lingers for a minute."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as every server does
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        served, _ = listener.accept()
        served.close()  # the side that closes first is the one that lingers
        client.close()
    assert problems(port=port) == []


def test_too_little_memory_is_told_with_how_much_there_is(machine: Machine) -> None:
    machine.free = LEAST_MEMORY - 1
    (line,) = problems()
    assert line == "2.0 GiB of memory are free; at least 2 GiB are needed"
    machine.free = LEAST_MEMORY
    assert problems() == []


def test_a_ray_that_runs_already_is_told_once_with_the_ways_out(machine: Machine) -> None:
    machine.processes += [SimpleNamespace(info={"name": "gcs_server", "pid": pid}) for pid in (77, 78)]
    (line,) = problems()
    assert "(process 77)" in line
    assert all(way in line for way in ("--beside", "where it was started"))
    assert problems(beside=True) == []


def test_every_problem_is_told_at_once_and_in_one_line(machine: Machine, taken: int) -> None:
    machine.free = 0
    machine.processes = [SimpleNamespace(info={"name": "gcs_server", "pid": 5})]
    lines = problems(port=taken, dashboard_port=taken)
    assert len(lines) == 4
    assert not any("\n" in line for line in lines)
