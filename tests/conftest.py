"""For every test: no network but this machine's own, and no key of a paid model."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.no_network import no_network
from tests.fakes.running import Running, running
from tests.fakes.seeded_secrets import seed

ROOT = Path(__file__).resolve().parent.parent
AGAINST_THE_CLOCK = {"cluster", "contract", "graph", "reliability", "scenario"}
"""Folders of tests over real processes, sockets and seconds. One that fails there is tried once more, and the report
says so (RERUN): on a machine that stops for a second somebody's patience ends. What fails twice has failed, and
tests of rules (``unit``) are never tried again, but for those that wait for something too."""
WAITING = {"asyncio", "multiprocessing", "subprocess", "threading", "time"}
"""What a module of tests imports that wait."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that need the Understudy that all share come last: it takes a share of the cores."""
    items.sort(key=lambda item: "understudy" in getattr(item, "fixturenames", ()))
    for item in items:
        if _against_the_clock(item) and not item.get_closest_marker("flaky"):
            item.add_marker(pytest.mark.flaky(reruns=1))


def _against_the_clock(item: pytest.Item) -> bool:
    folder = item.path.relative_to(ROOT / "tests").parts[0]
    waits = item.get_closest_marker("anyio") or WAITING & set(vars(getattr(item, "module", None) or object))
    return folder in AGAINST_THE_CLOCK or bool(waits)


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    with no_network():
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data beside the project; what needs it skips where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the real data is not here ({folder.relative_to(ROOT.parent)})")
    return folder


@pytest.fixture(scope="session")
def understudy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One real Understudy for all tests that need one: Ray, Serve, three students trained at its start.

    At the end its own processes are gone (``running`` sees to that), and others are not."""
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)", "ray::IDLE"])
    try:
        secret = {"ADMIN_PASSWORD": seed("ADMIN_PASSWORD")}
        with running(tmp_path_factory.mktemp("understudy"), secret) as started:
            yield started
        assert bystander.poll() is None, "a process that it did not start was ended too"
    finally:
        bystander.kill()
        bystander.wait()
