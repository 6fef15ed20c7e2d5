"""A client that goes away ends the call to the LLM that is made for it, over every hop, with money set aside or not."""

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

pytestmark = pytest.mark.cluster

WITHIN_S = 2.0
PATIENCE_S = 10.0
PLACEMENTS: tuple[Placement, ...] = get_args(Placement) if os.environ.get("UNDERSTUDY_CHAOS") else ("graph",)
"""All of them in the long form; the one with the most hops always."""

PAID = {**USE_CASES["foams"], "budget": {"per_day_usd": 1}, "cache": {"keep_s": 3600}}


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as fake:
        yield fake


@pytest.fixture(scope="module", params=PLACEMENTS)
def patient(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, fake: FakeOpenAI
) -> Iterator[Running]:
    """Two use cases without a student, so that the LLM is asked about every row."""
    folder = tmp_path_factory.mktemp("leaves")
    write_use_case(folder / "from", "foams")
    write_use_case(folder / "from", "froths", PAID)
    (folder / "from" / "platform.yaml").write_text("{}\n", encoding="utf-8")
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
def test_the_call_to_the_llm_is_ended(patient: Running, fake: FakeOpenAI, use_case: str) -> None:
    fake.behaviour = "good"
    with patient.client() as client:
        answered = client.post(f"/api/v1/predict/{use_case}", json={"height": 1.0})
    assert answered.json()["source"] == "teacher", answered.text
    fake.behaviour = "hang"
    asked, dropped = len(fake.calls), fake.dropped
    with Leaving(patient.url, f"/api/v1/predict/{use_case}", b'{"height": 2.0}'):
        until(lambda: len(fake.calls) > asked)
        assert fake.dropped == dropped
    took_s = until(lambda: fake.dropped > dropped)
    print(f"{use_case}: the LLM's call was ended {took_s:.2f} s after the client had left")
    assert took_s < WITHIN_S
    if use_case == "froths":
        (account,) = httpx.get(f"{patient.url}/api/v1/ops/budget", params={"use_case": use_case}).json()["limits"]
        assert account["spent_usd"] > 0


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
