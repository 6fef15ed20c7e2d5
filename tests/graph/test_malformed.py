"""A thousand bodies that no well-behaved client sends: each is answered with a status that the document names, and
never with a bug, a trace or a path of ours."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from starlette.testclient import TestClient

from serve_app.api.app import create_app
from serve_app.core.platform import Limits
from tests.fakes.malformed import BOMBS, Sent, Target, requests, targets, told
from tests.fakes.small_graph import SmallGraph

APP = create_app(SmallGraph(), Limits(max_batch=50), "0.1.0")
CLIENT = TestClient(APP, raise_server_exceptions=False)
DOCUMENT: dict[str, Any] = CLIENT.get("/openapi.json").json()
TARGETS = targets(DOCUMENT)
BODIES = 1000


def asked(sent: Sent) -> Any:
    return CLIENT.request(sent.method, sent.path, content=sent.body, headers=dict(sent.headers))


def check(sent: Sent, answer: Any) -> None:
    named = DOCUMENT["paths"][sent.template][sent.method]["responses"]
    assert answer.status_code < 500, answer.text
    assert str(answer.status_code) in named, (answer.status_code, sorted(named))
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert len(answer.content) < 20_000
        assert told(answer.content, sent.body) is None, answer.text


def test_no_malformed_body_meets_a_bug() -> None:
    statuses: Counter[int] = Counter()

    @settings(
        max_examples=BODIES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(requests(TARGETS))
    def each_is_refused_or_answered(sent: Sent) -> None:
        answer = asked(sent)
        check(sent, answer)
        statuses[answer.status_code] += 1

    each_is_refused_or_answered()
    print(f"malformed bodies: {sum(statuses.values())}, by status: {dict(sorted(statuses.items()))}")
    assert sum(statuses.values()) >= BODIES
    assert {400, 415, 422} <= statuses.keys(), "the bodies are not as varied as they should be"


BATCH = Target("post", "/api/v1/predict/risk/batch", {})


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused(name: str) -> None:
    kind, coding, make = BOMBS[name]
    headers = {"content-type": kind} | ({"content-encoding": coding} if coding else {})
    sent = BATCH.sent("risk", headers, make())
    answer = asked(sent)
    check(sent, answer)
    assert answer.status_code in ((415,) if coding else (400, 413, 415, 422))
