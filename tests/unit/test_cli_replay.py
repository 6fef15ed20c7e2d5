"""``understudy replay``: over a server that answers as it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from typer.testing import CliRunner

from serve_app.cli import app

MATCH = (200, {"match": True, "first_difference": None})


class Fake(ThreadingHTTPServer):
    """``kept``: ids by use case; ``replays``: what is told of an id, a match otherwise."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.kept: dict[str, list[str]] = {"tickets": ["a1", "a2", "a3"], "prices": ["b1"]}
        self.replays: dict[str, tuple[int, dict[str, Any]]] = {}
        self.asked: list[dict[str, list[str]]] = []
        self.replayed: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Fake

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/api/v1/use_cases":
            return self._told(200, {"use_cases": [{"name": name} for name in self.server.kept]})
        asked = parse_qs(parts.query)
        self.server.asked.append(asked)
        name = asked["use_case"][0]
        if name not in self.server.kept:
            return self._told(404, {"code": "unknown_use_case", "detail": "no such use case"})
        return self._told(200, {"ids": self.server.kept[name][: int(asked["limit"][0])]})

    def do_POST(self) -> None:
        which = self.path.split("/")[-2]
        self.server.replayed.append(which)
        return self._told(*self.server.replays.get(which, MATCH))

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def _told(self, status: int, content: dict[str, Any]) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())


@pytest.fixture
def fake() -> Iterator[Fake]:
    with Fake() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def run(fake: Fake, *arguments: str) -> tuple[int, str]:
    came = CliRunner().invoke(app, ["replay", "--url", fake.url, *arguments])
    return came.exit_code, came.output


def test_all_that_match_is_a_success(fake: Fake) -> None:
    status, told = run(fake)
    assert status == 0
    assert told.splitlines() == [
        "✓ tickets: 3 of 3 came out bit for bit",
        "✓ prices: 1 of 1 came out bit for bit",
    ]
    assert sorted(fake.replayed) == ["a1", "a2", "a3", "b1"]


def test_a_difference_is_a_failure_and_the_first_is_shown(fake: Fake) -> None:
    differs = {"path": "answer.decision.target", "recorded": "crane", "replayed": "hand"}
    fake.replays = {name: (200, {"match": False, "first_difference": differs}) for name in ("a2", "a3")}
    status, told = run(fake, "--since", "24h")
    assert status == 1
    assert "✗ tickets: 1 of 3 came out bit for bit" in told
    assert 'a2: answer.decision.target: recorded "crane", replayed "hand"' in told
    assert "✓ prices" in told


def test_what_can_no_longer_be_made_is_a_failure(fake: Fake) -> None:
    fake.replays = {"b1": (409, {"code": "model_not_registered", "detail": "its model is no longer registered"})}
    status, told = run(fake, "--use-case", "prices")
    assert status == 1
    assert "b1: model_not_registered: its model is no longer registered" in told
    assert fake.replayed == ["b1"]


def test_a_sample_is_no_larger_than_asked(fake: Fake) -> None:
    status, _ = run(fake, "--use-case", "tickets", "--sample", "2")
    assert status == 0
    assert len(fake.replayed) == 2
    assert fake.asked[0]["limit"] == ["2"]


def test_what_cannot_be_asked_is_told_in_words(fake: Fake) -> None:
    assert run(fake, "--since", "a week")[0] == 2
    came = CliRunner().invoke(app, ["replay", "--url", fake.url, "--use-case", "riks"])
    assert came.exit_code == 1
    assert "unknown_use_case" in str(came.exception)
