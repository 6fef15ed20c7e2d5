"""Swaps on a real Ray. The figures under the load that is asked for come from
``python -m tests.benchmarks.swap``; here one replica a model and a little load show that it holds."""

from __future__ import annotations

import random
import time

import httpx
import pytest

from serve_app.adapters.config_files import load_use_case
from serve_app.adapters.registries import open_registry
from serve_app.core.platform import Platform
from tests.benchmarks.swap import measure, no_retrains, register, table, until_ready
from tests.fakes.bad_artefacts import resealed
from tests.fakes.local_graph import until
from tests.fakes.running import Running
from tests.fakes.small_models import knots, trained, write_use_case

pytestmark = pytest.mark.cluster

NAME = "it_tickets"
TICKET = {"tech_raw_text": "printer lantai 2 macet", "solving": ""}
REPAIR_S = 10.0
PATIENCES_S = (0.3, 0.15, 0.08, 0.04)
"""How long a client waits before it leaves: less each time, since a promotion takes longer on one machine than on
another."""


@pytest.fixture(autouse=True)
def _champion(understudy: Running) -> None:
    until_ready(understudy, NAME)
    no_retrains(understudy, NAME)


def test_swaps_under_load_drop_nothing_and_mix_nothing(understudy: Running) -> None:
    figures = measure(understudy, NAME, swaps=4, seconds=16.0, rate=12.0)
    print(table(figures))
    assert len(figures.sent) == 12 * 20
    assert figures.failed() == []
    assert figures.mixed() == []
    assert {each.versions for each in figures.sent} >= {(swap.version,) for swap in figures.swaps}
    assert max(figures.first_answers_s()) <= 2.0


def test_a_replica_that_missed_the_commit_repairs_itself(understudy: Running) -> None:
    """The alias is moved by hand, as it is left by whoever dies between the alias and the commit."""
    (version,) = register(understudy, NAME, 1)
    registry = open_registry(Platform(state=str(understudy.state)))
    with understudy.client() as client:
        registry.set_alias(NAME, "champion", version)
        moved = time.monotonic()
        while served(client, NAME, TICKET) != version:
            assert time.monotonic() - moved < REPAIR_S
            time.sleep(0.1)


def test_a_client_that_leaves_cuts_no_promotion_in_two(understudy: Running) -> None:
    with understudy.client() as client:
        version = next(filter(None, (_left_behind(understudy, client, patience_s) for patience_s in PATIENCES_S)), None)
        assert version is not None, "no promotion took so long that a client could leave in the middle of it"
        until(lambda: ("promote", version) in audited(client), 60)
        assert served(client, NAME, TICKET) == version


def _left_behind(understudy: Running, client: httpx.Client, patience_s: float) -> str | None:
    """The version whose promotion was not waited for; None where it was through before."""
    (version,) = register(understudy, NAME, 1)
    body = {"version": version, "reason": "a test that does not wait"}
    try:
        client.post(f"/api/v1/train/{NAME}/promote", json=body, timeout=patience_s).raise_for_status()
    except httpx.ReadTimeout:
        return version
    return None


def test_a_reload_reads_the_alias_now(understudy: Running) -> None:
    (version,) = register(understudy, NAME, 1)
    open_registry(Platform(state=str(understudy.state))).set_alias(NAME, "champion", version)
    with understudy.client() as client:
        told = client.post("/reload", json={"use_case": NAME}).raise_for_status().json()
        assert told["status"] == "reloaded"
        assert served(client, NAME, TICKET) == version


def test_a_bundle_is_larger_than_a_message_of_grpc_may_be(understudy: Running) -> None:
    """Who is given one by the registry is given it in one message."""
    use_case = load_use_case(understudy.configs / "use_cases" / NAME)
    registry = open_registry(Platform(state=str(understudy.state)))
    champion = registry.aliased(NAME, "champion")
    assert champion is not None
    ballast = {"ballast.txt": random.Random(7).randbytes(8_000_000)}
    bundle = resealed(use_case, registry.fetch(NAME, champion.version), ballast, age_s=1)
    version = registry.register(NAME, bundle, {}, {}).version
    body = {"version": version, "reason": "a large one"}
    with understudy.client() as client:
        client.post(f"/api/v1/train/{NAME}/promote", json=body).raise_for_status()
        assert served(client, NAME, TICKET) == version
    registry.set_alias(NAME, "champion", champion.version)


def test_a_student_that_runs_as_an_application_of_its_own_is_swapped_too(understudy: Running) -> None:
    write_use_case(understudy.configs, "knots")
    use_case = load_use_case(understudy.configs / "use_cases" / "knots")
    registry = open_registry(Platform(state=str(understudy.state)))
    good = trained(use_case)
    registry.set_alias("knots", "champion", registry.register("knots", good, {}, {}).version)
    taken_in = understudy.python("-c", "from pathlib import Path; from serve_app.commands.activate import activate; "
                                       "print(activate('knots', Path('configs')))")  # fmt: skip
    assert taken_in.returncode == 0, taken_in.stdout + taken_in.stderr
    better = registry.register("knots", resealed(use_case, good, age_s=1), {}, {}).version
    row = knots(1, seed=3).rows.record(0)
    with understudy.client() as client:
        told = client.post("/api/v1/train/knots/promote", json={"version": better, "reason": "a test"})
        assert told.raise_for_status().json()["replicas"] == 1
        assert served(client, "knots", row) == better
        back = client.post("/api/v1/train/knots/rollback", json={"reason": "a test"}).raise_for_status().json()
        assert (back["version"], back["previous"]) == ("1", better)
        assert served(client, "knots", row) == "1"


def audited(client: httpx.Client) -> list[tuple[str, str]]:
    entries = client.get("/api/v1/ops/audit").raise_for_status().json()["entries"]
    return [(each["action"], each["detail"].get("version")) for each in entries]


def served(client: httpx.Client, name: str, row: dict[str, object]) -> str:
    return str(client.post(f"/api/v1/predict/{name}", json=row).raise_for_status().json()["model_version"])
