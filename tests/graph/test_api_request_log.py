"""A share of the requests has a line in the log, and nothing of a body is in it."""

from __future__ import annotations

import itertools
import logging

import pytest
from starlette.testclient import TestClient

from serve_app.api.app import create_app
from serve_app.api.request_log import RequestLog
from serve_app.core.platform import Limits
from tests.fakes.small_graph import SmallGraph

ASKED = "/api/v1/predict/tickets"


def client(share: float) -> TestClient:
    chances = itertools.cycle([0.0, 0.3, 0.6, 0.9])
    log = RequestLog(share, lambda: next(chances))
    return TestClient(create_app(SmallGraph(), Limits(), "0.1.0", log=log), client=("10.0.0.7", 50000))


@pytest.mark.parametrize(("share", "lines"), [(0.0, 0), (0.25, 2), (0.5, 4), (1.0, 8)])
def test_as_many_have_a_line_as_are_asked_for(caplog: pytest.LogCaptureFixture, share: float, lines: int) -> None:
    asking = client(share)
    with caplog.at_level(logging.INFO, "understudy.requests"):
        for _ in range(8):
            asking.get("/livez")
    assert len(caplog.records) == lines


def test_a_line_tells_what_was_asked_and_how_it_ended(caplog: pytest.LogCaptureFixture) -> None:
    asking = client(1.0)
    with caplog.at_level(logging.INFO, "understudy.requests"):
        asking.post(ASKED, json={"secret": "of a customer"}, headers={"X-Request-ID": "r-7"})
        asking.get("/no%0Asuch")
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith(f"POST {ASKED!r} ")
    assert " ms: request_id=r-7 by=local from=10.0.0.7" in first
    assert "customer" not in first
    assert " 404 in " in second
    assert "\n" not in second
