"""Kill -9 of any part under load loses no acknowledged prediction, and everything comes back."""

from __future__ import annotations

import csv
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psutil
import pytest

from serve_app.adapters.sql_event_log import SqlEventLog
from tests.fakes.running import Running, haproxy

pytestmark = pytest.mark.cluster

THREADS = 4
BACK_S = 45.0
PARTS = (
    "ServeReplica:understudy:Decision",
    "ServeReplica:understudy:Teacher",
    "ServeReplica:understudy:Model:it_tickets",
    "ServeReplica:understudy:Cascade",
    "ServeReplica:understudy:Ingress",
    *(("ray::HAProxyManager", "/haproxy -db") if haproxy() else ("ray::ProxyActor",)),
    "ray::ServeController",
)


class Load:
    """Clients that ask all the time and ask again after an error."""

    def __init__(self, understudy: Running) -> None:
        self._url = understudy.url
        with (understudy.configs / "use_cases/it_tickets/recorded_llm.csv").open(newline="", encoding="utf-8") as file:
            rows = list(itertools.islice(csv.DictReader(file), 400))
        self._tickets = [{"tech_raw_text": row["tech_raw_text"], "solving": row["solving"]} for row in rows]
        self.acknowledged: dict[str, dict[str, Any]] = {}
        self.failed: list[str] = []
        self._done = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._done.set()
            for thread in threads:
                thread.join()

    def _ask(self, number: int) -> None:
        with httpx.Client(base_url=self._url, timeout=10) as client:
            for ticket in itertools.cycle(self._tickets[number::THREADS]):
                if self._done.wait(0.05):
                    return
                self._until_answered(client, ticket)

    def _until_answered(self, client: httpx.Client, ticket: dict[str, str]) -> None:
        while not self._done.is_set():
            try:
                reply = client.post("/predict", json=ticket)
                if reply.status_code == 200:
                    answer = reply.json()
                    self.acknowledged[answer["id"]] = answer
                    return
                self.failed.append(str(reply.status_code))
            except httpx.HTTPError as error:
                self.failed.append(type(error).__name__)
            time.sleep(0.2)


def until(true: Callable[[], Any], what: str, patience_s: float = BACK_S) -> None:
    end = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < end, f"{what} did not come true within {patience_s:g} s"
        time.sleep(0.1)


def kill(understudy: Running, part: str) -> set[int]:
    victims = understudy.processes(part)
    assert victims, f"no process is called {part}"
    for process in victims:
        process.kill()
    psutil.wait_procs(victims, timeout=10)
    return {process.pid for process in victims}


def test_no_acknowledged_prediction_is_lost_and_all_comes_back(understudy: Running) -> None:
    load = Load(understudy)
    with load.running():
        until(lambda: len(load.acknowledged) > 20, "the load")
        for part in PARTS:
            killed = kill(understudy, part)
            until(lambda: {p.pid for p in understudy.processes(part)} - killed, f"a new {part}")  # noqa: B023
            count = len(load.acknowledged)
            until(lambda: len(load.acknowledged) > count + 10, f"answers after {part} was killed")  # noqa: B023
    assert len(load.acknowledged) > 100
    log = SqlEventLog(f"sqlite:///{understudy.state / 'events.db'}")
    try:
        lost = [each for each, answer in load.acknowledged.items() if log.get(each).answer != answer]
    finally:
        log.close()
    assert lost == []
    until(lambda: whole(understudy), "all parts ready again")


def whole(understudy: Running) -> bool:
    try:
        reply = httpx.get(f"{understudy.url}/readyz", timeout=10)
    except httpx.HTTPError:
        return False
    return reply.status_code == 200 and all(part["state"] == "ready" for part in reply.json()["parts"])
