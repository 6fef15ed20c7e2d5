"""A retrain on the cluster, whose parts are killed under way."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import httpx
import psutil
import pytest

from tests.fakes.running import Running

pytestmark = pytest.mark.cluster

USE_CASE = "supplier_risk"
PATIENCE_S = 180.0
ENDED = {"COMPLETED", "FAILED", "CANCELLED"}

T = TypeVar("T")


@pytest.fixture
def client(understudy: Running) -> Iterator[httpx.Client]:
    with understudy.client() as opened:
        yield opened


def until(found: Callable[[], T], what: str) -> T:
    end = time.monotonic() + PATIENCE_S
    while not (came := found()):
        assert time.monotonic() < end, f"{what} did not come within {PATIENCE_S:g} s"
        time.sleep(0.1)
    return came


def retrain(client: httpx.Client) -> str:
    reply = client.post(f"/api/v1/train/{USE_CASE}", json={})
    assert reply.status_code == 202, reply.text
    return str(reply.json()["job_id"])


def status(client: httpx.Client, job: str) -> dict[str, Any]:
    return dict(client.get(f"/api/v1/train/status/{job}").raise_for_status().json())


def versions_of(client: httpx.Client, job: str) -> list[dict[str, Any]]:
    models = client.get(f"/api/v1/train/{USE_CASE}/models").raise_for_status().json()["models"]
    return [each for each in models if each["lineage"]["job"] == job]


def kill(understudy: Running, title: str) -> None:
    victims = until(lambda: understudy.processes(title), title)
    for each in victims:
        each.kill()
    psutil.wait_procs(victims, timeout=10)


@pytest.mark.skipif(not os.environ.get("CHAOS"), reason="CHAOS=1 asks for it: a minute; below everything dies")
def test_a_retrain_survives_the_death_of_its_step_and_of_the_pipelines(
    understudy: Running, client: httpx.Client
) -> None:
    job = retrain(client)
    with ThreadPoolExecutor(1) as pool:
        followed = pool.submit(understudy.python, "-m", "pipelines.retrain", USE_CASE, timeout=PATIENCE_S)
        _kill_under_way(understudy, client, job)
        ended = until(lambda: (found := status(client, job))["status"] in ENDED and found, "the end")
        told = followed.result()
    assert (ended["status"], ended["error"]) == ("COMPLETED", None)
    (made,) = versions_of(client, job)
    assert made["version"] == ended["result"]["version"]
    assert ("champion" in made["aliases"]) == ended["result"]["promoted"]
    assert told.returncode == 0, told.stderr
    assert f"{job}; following that one" in told.stdout
    assert "step finished promote in" in told.stdout


def _kill_under_way(understudy: Running, client: httpx.Client, job: str) -> None:
    kill(understudy, "ray::step:collect")
    until(lambda: status(client, job)["step"] == "train", "the training")
    kill(understudy, "ray::step:train")
    until(lambda: understudy.processes("ray::step:train"), "another attempt")
    kill(understudy, "ServeReplica:pipelines")


def test_the_best_version_is_put_before_the_gate(client: httpx.Client) -> None:
    reply = client.post(f"/api/v1/train/{USE_CASE}/fetch-best-model", json={})
    assert reply.status_code == 200, reply.text
    found = reply.json()
    assert found["version"] in found["scores"]
    best = [each["version"] for each in client.get(f"/api/v1/train/{USE_CASE}/models").json()["models"]
            if "champion" in each["aliases"]]  # fmt: skip
    assert (best == [found["version"]]) == (found["outcome"] == "promote")


def test_a_training_is_cancelled_and_leaves_no_process(understudy: Running, client: httpx.Client) -> None:
    job = retrain(client)
    until(lambda: status(client, job)["step"] == "train", "the training")
    until(lambda: understudy.processes("RayTrainWorker"), "its workers")
    client.post(f"/api/v1/train/jobs/{job}/cancel").raise_for_status()
    asked = time.monotonic()
    until(lambda: status(client, job)["status"] == "CANCELLED", "the end")
    assert time.monotonic() - asked < 4  # two seconds to notice, and some of a busy machine
    for each in ("ray::step:train", "ray::StepProcess", "ray::Runner", "TrainController", "RayTrainWorker"):
        until(lambda each=each: not understudy.processes(each), f"the end of {each}")
    assert versions_of(client, job) == []


def test_a_retrain_survives_the_death_of_everything(understudy: Running, client: httpx.Client) -> None:
    """As when the machine goes down while it trains: Ray, Serve, the pipelines and the start command."""
    job = retrain(client)
    until(lambda: status(client, job)["step"] == "train", "the training")
    until(lambda: understudy.processes("RayTrainWorker"), "its workers")
    understudy.kill()
    understudy.start()
    ended = until(lambda: (found := status(client, job))["status"] in ENDED and found, "the end")
    assert (ended["status"], ended["error"]) == ("COMPLETED", None)
    (made,) = versions_of(client, job)
    assert made["version"] == ended["result"]["version"]
    accepted = [each["job_id"] for each in jobs_of(client) if each["status"] not in ENDED]
    assert accepted == [], "every accepted job has reached its end"


def jobs_of(client: httpx.Client) -> list[dict[str, Any]]:
    found = client.get("/api/v1/train/jobs", params={"use_case": USE_CASE}).raise_for_status().json()
    return list(found["jobs"])
