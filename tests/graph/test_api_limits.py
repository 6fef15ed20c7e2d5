"""Who asks too often is told so and when to come back; nobody else notices."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from serve_app.adapters.memory_buckets import MemoryBuckets
from serve_app.api.app import create_app
from serve_app.api.limits import Limiter, keys_of, whose, zone_of
from serve_app.core.buckets import Bucket, ZoneName
from serve_app.core.caller import Caller
from serve_app.core.platform import Limits
from tests.fakes.small_graph import SmallGraph
from tests.fakes.small_identity import PASSWORD, SmallIdentity

TICKET = {"tech_raw_text": "cannot log in"}
ZONES: dict[ZoneName, Bucket] = {
    "auth": Bucket(0.5, 1), "predict": Bucket(0.1, 2), "general": Bucket(2.0, 4),
}  # fmt: skip


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(clock: Clock) -> TestClient:
    limiter = Limiter(ZONES, MemoryBuckets(clock))
    limits = Limits(trusted_proxies=("127.0.0.1", "10.0.0.0/8"))
    return TestClient(create_app(SmallGraph(), limits, "0.1.0", limiter=limiter), client=("127.0.0.1", 50000))


PREDICT = "/api/v1/predict/tickets"


@pytest.mark.parametrize("path", [PREDICT, "/predict", "/api/v1/explain/tickets", "/api/v1/predict/"])
def test_who_asks_too_often_is_told_when_to_come_back(client: TestClient, clock: Clock, path: str) -> None:
    body: Any = {"use_case": "tickets", "instance": TICKET} if path.endswith("/") else TICKET
    first = client.post(path, json=body)
    assert first.status_code == 200
    assert first.headers["ratelimit-policy"] == '"predict";q=2;w=20'
    assert first.headers["ratelimit"] == '"predict";r=1;t=10'
    assert client.post(path, json=body).status_code == 200
    refused = client.post(path, json=body)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["retry-after"] == "10"
    assert refused.headers["ratelimit"] == '"predict";r=0;t=20'
    assert refused.json()["detail"] == "the zone predict allows 0.1 a second, and 2 at once"
    clock.now += 10
    assert client.post(path, json=body).status_code == 200


def test_each_address_has_its_own_buckets_and_nobody_can_make_one_up(client: TestClient) -> None:
    def ask(forwarded: str) -> int:
        return client.post(PREDICT, json=TICKET, headers={"X-Forwarded-For": forwarded}).status_code

    assert [ask("203.0.113.1") for _ in range(3)] == [200, 200, 429]
    assert ask("203.0.113.2") == 200
    assert ask("198.51.100.77, 203.0.113.1, 10.0.0.7") == 429, "what the client wrote itself is not looked at"


def test_zones_are_apart_and_watching_is_free(client: TestClient) -> None:
    for _ in range(3):
        client.post(PREDICT, json=TICKET)
    for path in ("/livez", "/readyz", "/v2/health/live"):
        answers = [client.get(path) for _ in range(9)]
        assert {each.status_code for each in answers} == {200}
        assert not any("ratelimit" in each.headers for each in answers)
    statuses = [client.get("/api/v1/use_cases").status_code for _ in range(5)]
    assert statuses == [200] * 4 + [429]
    assert client.get("/api/v1/use_cases").headers["retry-after"] == "1", "whole seconds, and never none"


def test_a_refusal_costs_a_token_as_well(client: TestClient) -> None:
    statuses = [client.post("/api/v1/predict/tickets", json={"tech_raw_text": 3}).status_code for _ in range(3)]
    assert statuses == [422, 422, 429]


def test_without_zones_nothing_is_said_of_them() -> None:
    answer = TestClient(create_app(SmallGraph(), Limits(), "0.1.0")).post(PREDICT, json=TICKET)
    assert not [name for name in answer.headers if "ratelimit" in name]


@pytest.mark.parametrize(
    ("method", "path", "zone"),
    [
        ("POST", "/api/v1/auth/login", "auth"),
        ("GET", "/api/v1/auth/me", "general"),
        ("POST", "/api/v1/predict/x/batch", "predict"),
        ("POST", "/api/v1/explain/x", "predict"),
        ("POST", "/api/v1/feedback/x", "predict"),
        ("POST", "/v2/models/x/infer", "predict"),
        ("POST", "/declared/by/a/use_case", "predict"),
        ("GET", "/declared/by/a/use_case", "general"),
        ("POST", "/api/v1/train/x", "general"),
        ("POST", "/reload", "general"),
        ("GET", "/docs", "general"),
        ("DELETE", "/api/v1/ops/certificates/x/override", "general"),
        ("GET", "/livez", None),
        ("GET", "/readyz", None),
    ],
)  # fmt: skip
def test_what_belongs_where(method: str, path: str, zone: ZoneName | None) -> None:
    assert zone_of(method, path) == zone


def test_whoever_has_a_name_is_known_by_it() -> None:
    nobody, ani = Caller(address="203.0.113.1"), Caller(name="ani", address="203.0.113.1")
    assert keys_of("predict", nobody) == ["predict:address:203.0.113.1"]
    assert keys_of("predict", ani) == ["predict:user:ani"]
    assert keys_of("auth", nobody) == ["auth:address:203.0.113.1"]
    assert keys_of("auth", ani) == ["auth:address:203.0.113.1", "auth:user:ani"]
    unknown = Caller(name="anonymous", address="203.0.113.1", known=False)
    assert keys_of("auth", unknown) == keys_of("auth", nobody)
    assert whose(unknown) == whose(nobody)
    assert whose(Caller(name="address:1", address="1")) != whose(Caller(address="1"))


def gated(clock: Clock) -> tuple[TestClient, SmallIdentity]:
    identity = SmallIdentity({"ani": "user"})
    limits = Limits(trusted_proxies=("127.0.0.1",))
    app = create_app(identity.graph, limits, "0.1.0", limiter=Limiter(ZONES, MemoryBuckets(clock)))
    return TestClient(app, client=("127.0.0.1", 50000)), identity


def test_nobody_is_kept_from_logging_in_by_what_others_try(clock: Clock) -> None:
    asked, _ = gated(clock)

    def log_in(address: str) -> int:
        body = {"username": "ani", "password": PASSWORD if address == "203.0.113.2" else "guessed"}
        return asked.post("/api/v1/auth/login", json=body, headers={"X-Forwarded-For": address}).status_code

    assert [log_in("203.0.113.1") for _ in range(3)] == [401, 429, 429]
    assert log_in("203.0.113.2") == 200


def test_who_is_not_let_in_is_counted_by_his_address(clock: Clock) -> None:
    asked, identity = gated(clock)

    def ask(address: str, headers: dict[str, str]) -> int:
        return asked.post(PREDICT, json=TICKET, headers={"X-Forwarded-For": address, **headers}).status_code

    guesses = [ask("203.0.113.1", {"X-API-Key": f"guess {number}"}) for number in range(3)]
    assert guesses == [401, 401, 429]
    assert ask("203.0.113.2", {}) == 401
    assert ask("203.0.113.1", identity.bearer("ani")) == 200
