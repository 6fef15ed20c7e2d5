"""What every answer tells a browser, and which web pages may ask at all."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from serve_app.api.app import create_app
from serve_app.core.origins import Cors
from serve_app.core.platform import Limits
from tests.fakes.small_graph import SmallGraph

TICKET = {"tech_raw_text": "cannot log in"}
PREDICT = "/api/v1/predict/tickets"
DESK = "https://desk.example.com"


def client(**cors: object) -> TestClient:
    return TestClient(create_app(SmallGraph(), Limits(), "0.1.0", cors=Cors.model_validate(cors)))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", PREDICT, 200), ("POST", "/predict", 200), ("GET", "/readyz", 200), ("GET", "/nowhere", 404),
     ("POST", "/api/v1/predict/no", 404), ("DELETE", PREDICT, 405), ("GET", "/docs", 200), ("GET", "/redoc", 200),
     ("GET", "/openapi.json", 200), ("GET", "/static-offline-docs/swagger-ui.css", 200)],
)  # fmt: skip
def test_every_answer_is_taken_as_what_it_says_and_framed_nowhere(method: str, path: str, status: int) -> None:
    answer = client().request(method, path, json=TICKET if method == "POST" else None)
    assert answer.status_code == status
    headers = answer.headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers.get("cache-control") == (None if "static" in path else "no-store")
    assert len(headers.get_list("cache-control")) <= 1
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_the_pages_load_nothing_that_their_policy_forbids(page: str) -> None:
    asked = client()
    answer = asked.get(page)
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self' 'unsafe-inline'" in policy
    for found in re.findall(r"""<(?:script|link)[^>]*(?:src|href)="([^"]+)""", answer.text):
        assert found.startswith(("/", "data:")), f"{found} is of another origin"
        assert asked.get(found).status_code == 200


def test_no_page_of_another_origin_may_ask_unless_it_is_named() -> None:
    preflight = {
        "Origin": DESK,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    closed = client()
    assert closed.options(PREDICT, headers=preflight).status_code == 405
    assert "access-control-allow-origin" not in closed.post(PREDICT, json=TICKET, headers={"Origin": DESK}).headers
    opened = client(origins=[DESK])
    allowed = opened.options(PREDICT, headers=preflight)
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, DESK)
    assert allowed.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-credentials" not in allowed.headers
    for path in (PREDICT, "/predict", "/api/v1/predict/no"):
        answer = opened.post(path, json=TICKET, headers={"Origin": DESK})
        assert answer.headers["access-control-allow-origin"] == DESK, "refusals as well, else a page sees none"
        assert "Retry-After" in answer.headers["access-control-expose-headers"]
    other = {**preflight, "Origin": "https://evil.example.com"}
    assert opened.options(PREDICT, headers=other).status_code == 400
    stranger = opened.post(PREDICT, json=TICKET, headers={"Origin": "https://evil.example.com"})
    assert "access-control-allow-origin" not in stranger.headers


def test_credentials_go_to_named_origins_only() -> None:
    answer = client(origins=[DESK], credentials=True).post(PREDICT, json=TICKET, headers={"Origin": DESK})
    assert answer.headers["access-control-allow-credentials"] == "true"


@pytest.mark.parametrize("path", [PREDICT, "/predict", "/readyz", "/docs"])
def test_without_a_login_a_name_that_anybody_can_register_is_refused(path: str) -> None:
    own = TestClient(create_app(SmallGraph(), Limits(), "0.1.0", own_names=True))
    method, body = ("POST", TICKET) if "predict" in path else ("GET", None)
    for host in ("127.0.0.1", "127.0.0.1:8000", "[::1]:8000", "localhost:8000", "LOCALHOST", "understudy.localhost",
                 "192.168.1.7", "desk", "desk:80", ""):  # fmt: skip
        assert own.request(method, path, json=body, headers={"Host": host}).status_code == 200, host
    for host in ("evil.example.com", "evil.example.com:8000", "127.0.0.1.evil.com", "localhost.evil.com.", "1.2.3"):
        refused = own.request(method, path, json=body, headers={"Host": host})
        assert (refused.status_code, refused.json()["code"]) == (421, "misdirected"), host
        assert client().request(method, path, json=body, headers={"Host": host}).status_code == 200, "with a login"
