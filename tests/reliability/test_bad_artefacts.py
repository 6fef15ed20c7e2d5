"""Artefacts that would crash or deceive a replica, promoted on a real Ray: refused, and nobody dies.

All twelve kinds are promoted in tests/graph/test_swap.py; here are those that could end a process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from serve_app.adapters.registries import open_registry
from serve_app.adapters.sql_audit import open_audit
from serve_app.core.audit import AuditFilter
from serve_app.core.platform import Platform, Store
from tests.benchmarks.swap import until_ready
from tests.fakes.bad_artefacts import BAD, Bench
from tests.fakes.running import Running

pytestmark = pytest.mark.cluster

NAME = "it_tickets"
TICKET = {"tech_raw_text": "printer lantai 2 macet", "solving": ""}
CRASHERS = (
    "truncated",
    "truncated, sealed again",
    "one digit flipped",
    "digits flipped, sealed again",
    "2 GB sparse",
    "other golden rows",
)
PARTS = (f"ServeReplica:understudy:Model:{NAME}", "ServeReplica:understudy:Registry", "ServeReplica:understudy:Ingress")


@pytest.fixture
def client(understudy: Running) -> Iterator[httpx.Client]:
    with understudy.client() as client:
        yield client


@pytest.fixture(scope="module")
def bench(understudy: Running) -> Bench:
    until_ready(understudy, NAME)
    return Bench.of(open_registry(Platform(state=str(understudy.state))), understudy.configs, understudy.state, NAME)


@pytest.mark.parametrize("kind", CRASHERS)
def test_it_is_refused_the_champion_serves_on_and_nobody_dies(
    understudy: Running, client: httpx.Client, bench: Bench, kind: str
) -> None:
    make, reason = BAD[kind]
    bad = make(bench)
    before, alive = answer(client), processes(understudy)
    champion = bench.registry.aliased(NAME, "champion")
    refused = client.post(f"/api/v1/train/{NAME}/promote", json={"version": bad, "reason": "a test"})
    assert (refused.status_code, refused.json()["code"]) == (409, "promotion_refused")
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(refused.json()["detail"])
    assert answer(client) == before
    assert bench.registry.aliased(NAME, "champion") == champion
    assert processes(understudy) == alive
    assert (bad, "swap_refused") in written_down(understudy)
    assert f"{NAME}: version {bad} is refused: " in logged(understudy, PARTS[0])
    assert understudy.parts()[f"use_case:{NAME}"]["state"] == "ready"


def answer(client: httpx.Client) -> tuple[Any, Any]:
    found = client.post(f"/api/v1/predict/{NAME}", json=TICKET).raise_for_status().json()
    return found["student"], found["model_version"]


def processes(understudy: Running) -> set[tuple[int, float]]:
    """A process id may be given again, but not together with its birth."""
    return {(each.pid, each.create_time()) for part in PARTS for each in understudy.processes(part)}


def logged(understudy: Running, part: str) -> str:
    """Serve's own files of these replicas, where whoever operates it looks."""
    held = {file.path for each in understudy.processes(part) for file in each.open_files()}
    return "".join(Path(path).read_text() for path in held if "/serve/replica_" in path)


def written_down(understudy: Running) -> set[tuple[str, str]]:
    audit = open_audit(Store(), understudy.state)
    try:
        return {(str(each.detail.get("version")), each.action) for each in audit.page(AuditFilter(NAME))}
    finally:
        audit.close()
