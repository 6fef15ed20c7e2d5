"""A use case is a folder of configuration: one more is served while the others run on, untouched."""

from __future__ import annotations

import csv
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes.running import Running

pytestmark = pytest.mark.cluster

USE_CASE = """\
name: parcels
title: Parcels
fields:
  note: {kind: text}
  weight_kg: {kind: numeric, minimum: 0}
target:
  kind: classification
  column: handling
  classes: [fragile, frozen, plain]
student:
  kind: lightgbm
  rounds: 20
cascade:
  kind: fixed
  threshold: 0.8
decision:
  kind: route
  targets: {fragile: hands, frozen: cold-store}
  default: belt
labelled:
  file: parcels.csv
retraining:
  min_rows: 60
routes:
  - kind: predict
    path: /parcels
    answer: {lane: answer.decision.target}
"""
WORDS = {
    "fragile": ["glass", "vase", "porcelain", "crystal", "lamp"],
    "frozen": ["ice", "fish", "peas", "dough", "berries"],
    "plain": ["books", "socks", "tiles", "paper", "rope"],
}


def write(folder: Path) -> None:
    folder.mkdir()
    (folder / "use_case.yaml").write_text(USE_CASE)
    (folder / "prompt.md").write_text("Say how the parcel is to be handled.\n")
    chance = random.Random(3)
    with (folder / "parcels.csv").open("w", newline="") as file:
        sheet = csv.writer(file)
        sheet.writerow(["note", "weight_kg", "handling"])
        for number in range(240):
            label = list(WORDS)[number % 3]
            note = f"{chance.choice(WORDS[label])} and {chance.choice(WORDS[label])}, box {number}"
            sheet.writerow([note, round(chance.uniform(0.1, 30), 2), label])


@contextmanager
def asked_all_the_time(understudy: Running) -> Iterator[list[int]]:
    """Status codes of the others, asked without a pause that matters."""
    statuses: list[int] = []
    done = threading.Event()

    def ask() -> None:
        with understudy.client() as client:
            while not done.wait(0.2):
                reply = client.post("/signal", json={"market_price": 1, "fair_price": 2})
                ticket = client.post("/predict", json={"tech_raw_text": "printer jams"})
                statuses.extend([reply.status_code, ticket.status_code])

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield statuses
    finally:
        done.set()
        asking.join()


def test_a_folder_without_python_becomes_a_served_use_case(understudy: Running) -> None:
    before = {process.pid for process in understudy.processes("ServeReplica:")}
    with asked_all_the_time(understudy) as statuses:
        write(understudy.configs / "use_cases" / "parcels")
        trained = understudy.command("train", "parcels")
        assert trained.returncode == 0, trained.stdout + trained.stderr
        assert f"parcels answers at {understudy.url}/api/v1/predict/parcels" in trained.stdout
    assert before <= {process.pid for process in understudy.processes("ServeReplica:")}
    assert set(statuses) == {200}
    with understudy.client() as client:
        notes = ["crystal vase", "frozen peas and fish", "rope, books"]
        lanes = [client.post("/parcels", json={"note": note, "weight_kg": 2}).json() for note in notes]
        assert lanes == [{"lane": "hands"}, {"lane": "cold-store"}, {"lane": "belt"}]
        answer = client.post("/api/v1/predict/parcels", json={"note": "glass lamp", "weight_kg": 1}).json()
        assert (answer["source"], answer["model_version"]) == ("student", "1")
        assert client.get(f"/api/v1/predictions/{answer['id']}").json()["answer"] == answer
        assert "/parcels" in client.get("/openapi.json").json()["paths"]
    assert understudy.parts()["use_case:parcels"]["state"] == "ready"
