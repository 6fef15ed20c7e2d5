"""Who asks, over HAProxy and every hop, in every placement: one who goes away ends the call to the LLM that is made for
him, with money set aside or not, and each is counted by his own address. ``test_faults.py`` has the first always."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, get_args

import httpx
import pytest

from serve_app.core.platform import Placement
from tests.fakes.fake_openai import FakeOpenAI
from tests.fakes.running import Running, running
from tests.fakes.small_models import USE_CASES, write_use_case

LONG = bool(os.environ.get("CHAOS"))
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(not LONG, reason="CHAOS=1 asks for it: an Understudy for each placement, a minute each"),
]

WITHIN_S = 2.0
PATIENCE_S = 10.0
PLACEMENTS: tuple[Placement, ...] = get_args(Placement)

PAID = {**USE_CASES["foams"], "budget": {"per_day_usd": 1}, "cache": {"keep_s": 3600}}


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as fake:
        yield fake


@pytest.fixture(scope="module", params=PLACEMENTS)
def patient(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, fake: FakeOpenAI
) -> Iterator[Running]:
    """Two use cases without a student, so that the LLM is asked about every row, and callers who are counted."""
    folder = tmp_path_factory.mktemp("callers")
    write_use_case(folder / "from", "foams")
    write_use_case(folder / "from", "froths", PAID)
    zones = "{hold: always, auth: {rate: 0.01, capacity: 30}, llm: {rate: 0.01, capacity: 20}}"
    (folder / "from" / "platform.yaml").write_text(f"limits: {{zones: {zones}}}\n", encoding="utf-8")
    settings = {
        "UNDERSTUDY_PLACEMENT": request.param,
        "UNDERSTUDY_TEACHER__OPENAI__API_KEY": "not-a-real-key",
        "UNDERSTUDY_TEACHER__OPENAI__BASE_URL": fake.base_url,
        "UNDERSTUDY_TEACHER__TIMEOUT_S": "25",
        "UNDERSTUDY_TEACHER__DEADLINE_S": "30",
    }
    with running(folder, settings, folder / "from") as started:
        yield started


def until(true: Callable[[], Any], patience_s: float = PATIENCE_S) -> float:
    """Seconds until it was so."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() < began + patience_s, f"not within {patience_s:g} s"
        time.sleep(0.01)
    return time.monotonic() - began


@pytest.mark.parametrize("use_case", ["foams", "froths"])
def test_who_leaves_ends_the_call_to_the_llm(patient: Running, fake: FakeOpenAI, use_case: str) -> None:
    fake.behaviour = "good"
    with patient.client() as client:
        answered = client.post(f"/api/v1/predict/{use_case}", json={"height": 1.0})
    assert answered.json()["source"] == "teacher", answered.text
    fake.behaviour = "hang"
    asked, dropped, before = len(fake.calls), fake.dropped, spent_usd(patient, use_case)
    with Leaving(patient.url, f"/api/v1/predict/{use_case}", b'{"height": 2.0}'):
        until(lambda: len(fake.calls) > asked)
        assert fake.dropped == dropped
    took_s = until(lambda: fake.dropped > dropped)
    print(f"\n{use_case}: the LLM's call was ended {took_s:.2f} s after the client had left")
    assert took_s < WITHIN_S
    assert spent_usd(patient, use_case) >= before, "nobody knows whether it is charged, so that it stays spent"


def spent_usd(understudy: Running, use_case: str) -> float:
    limits = httpx.get(f"{understudy.url}/api/v1/ops/budget", params={"use_case": use_case}).json()["limits"]
    return sum(limit["spent_usd"] for limit in limits)


def test_a_client_with_little_time_is_answered_in_it(patient: Running, fake: FakeOpenAI) -> None:
    fake.behaviour = "hang"
    before = time.monotonic()
    with patient.client() as client:
        hasty = client.post("/api/v1/predict/foams", json={"height": 3.0}, headers={"X-Request-Timeout": "2"})
    assert (hasty.status_code, hasty.json()["degraded"]) == (200, True)
    assert time.monotonic() - before < 2


def test_each_address_is_counted_by_itself_and_nobody_can_make_one_up(patient: Running) -> None:
    """By a zone that is filled slowly: of the quick one a token is there again before the next request."""

    def left(address: str, forwarded: str = "") -> int:
        headers = {"X-Forwarded-For": forwarded} if forwarded else {}
        with httpx.Client(transport=httpx.HTTPTransport(local_address=address), base_url=patient.url) as client:
            answer = client.post("/api/v1/auth/nothing", headers=headers)
        zone, remaining, _ = answer.headers["ratelimit"].split(";")
        assert (answer.status_code, zone) == (404, '"auth"')
        return int(remaining.removeprefix("r="))

    assert [left("127.0.0.2") for _ in range(3)] == [29, 28, 27]
    assert left("127.0.0.3") == 29, "it is not HAProxy that is counted"
    assert [left("127.0.0.2", f"203.0.113.{number}") for number in range(3)] == [26, 25, 24]
    assert left("127.0.0.1", "203.0.113.1") == 29, "a proxy on this machine is believed"


def test_who_has_asked_the_llm_too_often_gets_the_students_answer(patient: Running, fake: FakeOpenAI) -> None:
    fake.behaviour = "good"
    with httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.4"), base_url=patient.url) as client:
        instances = [{"height": float(number)} for number in range(30)]
        answered = client.post("/api/v1/predict/foams/batch", json={"instances": instances}, timeout=60)
    assert answered.status_code == 200
    came = [(each["source"], each["degraded"]) for each in answered.json()["predictions"]]
    assert sorted(came) == [("student_fallback", True)] * 10 + [("teacher", False)] * 20
    reasons = {each["reason"] for each in answered.json()["predictions"] if each["degraded"]}
    assert [reason.rpartition(", ")[2] for reason in reasons] == ["rate_limited"]


class Leaving:
    """A client that has sent its request, and closes the connection without waiting."""

    def __init__(self, url: str, path: str, body: bytes) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        self._socket = socket.create_connection((host, int(port)))
        self._socket.sendall(head.encode() + b"\r\n\r\n" + body)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
