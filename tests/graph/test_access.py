"""Every route × everybody who may come, and the exact status of each: who is let in gets what the same request gets
where nobody is asked, and who is not is refused before a byte of the body is read."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import jwt
import pytest
from fastapi import FastAPI
from starlette.routing import Mount

from serve_app.api.access import DECLARED, ORDER, TABLE, Access
from serve_app.api.app import create_app
from serve_app.api.declared import Declared, method_of
from serve_app.api.dependencies import Service
from serve_app.core.caller import Role
from serve_app.core.identity import ApiKey, Change, digest_of
from serve_app.core.platform import Limits
from tests.fakes.small_graph import SmallGraph
from tests.fakes.small_identity import BEGAN, PASSWORD, SECRET, SmallIdentity

pytestmark = pytest.mark.anyio

LIMITS = Limits(max_batch=10)
USERS: dict[str, Role] = {"root": "admin", "rima": "reviewer", "ani": "user", "budi": "user", "gone": "user"}
HERS, HIS, RISK = "01JZ8Q4T6V3M5N7P9R1S2T4V60", "01JZ8Q4T6V3M5N7P9R1S2T4V61", "01JZ8Q4T6V3M5N7P9R1S2T4V62"
FILLED = {"use_case": "tickets", "prediction_id": HERS, "name": "budi", "path": "swagger-ui.css"}
TICKET = {"tech_raw_text": "vpn down", "solving": "restart"}
JSON = {"content-type": "application/json"}

OWN = {
    "POST /api/v1/auth/login": 422,
    "POST /api/v1/auth/refresh": 422,
    "POST /api/v1/auth/logout": 200,
    "GET /api/v1/auth/me": 200,
    "GET /api/v1/auth/users": 200,
    "POST /api/v1/auth/users": 422,
    "PATCH /api/v1/auth/users/{name}": 422,
    "GET /api/v1/auth/keys": 200,
    "POST /api/v1/auth/keys": 422,
    "DELETE /api/v1/auth/keys/{key_id}": 404,
}
"""What is there only with a login, asked with {}."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def small() -> SmallIdentity:
    identity = SmallIdentity(USERS)
    identity.store.change("gone", Change(enabled=False), BEGAN)
    _logged(identity.graph)
    return identity


def _logged(graph: SmallGraph) -> None:
    for which, use_case, user in ((HERS, "tickets", "ani"), (HIS, "tickets", "budi"), (RISK, "risk", "ani")):
        answer = {"model_version": "1"}
        graph.log[which] = {"id": which, "use_case": use_case, "user": user, "answer": answer}


def ungated() -> FastAPI:
    graph = SmallGraph()
    _logged(graph)
    return create_app(graph, LIMITS, "0.1.0")


def client(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://local")


def routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Method and path of every route, those that use cases declare among them."""
    for route in app.routes:
        if isinstance(route, Mount):
            yield from ((method, f"{route.path}/{{path}}") for method in ("GET", "HEAD"))
            continue
        for each in getattr(getattr(route, "original_router", None), "routes", [route]):
            yield from ((method, each.path) for method in sorted(each.methods))
    for use_case in app.state.service.graph.use_cases().values():
        yield from ((method_of(route), route.path) for route in use_case.routes)


def least(method: str, path: str) -> str:
    """As the table says, read by itself and without the code that reads it."""
    wanted = re.sub(r"{[^}]+}", "{}", f"{method} {path}")
    for role, text in TABLE.items():
        rows = zip(*[iter(text.split())] * 2, strict=True)
        if wanted in {re.sub(r"{[^}]+}", "{}", " ".join(row)) for row in rows}:
            return role
    return DECLARED


def filled(method: str, path: str) -> str:
    key = HERS if method == "POST" else "tickets"
    return re.sub(r"{([^}]+)}", lambda found: {**FILLED, "key": key}.get(found[1], "none"), path)


ROUTES = sorted(set(routes(create_app(small().graph, LIMITS, "0.1.0"))))


class Body:
    """One that tells whether anybody has looked at it."""

    def __init__(self) -> None:
        self.read = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.read = True
        yield b"{}"


async def asked(app: FastAPI, method: str, path: str, headers: dict[str, str]) -> tuple[httpx.Response, bool]:
    """And whether the body was read."""
    body = Body()
    async with client(app) as http:
        sent = await http.request(method, filled(method, path), headers={**JSON, **headers}, content=body)
    return sent, body.read


def test_every_route_has_a_rule_and_every_rule_a_route() -> None:
    access = Access(Declared(Service(SmallGraph(), LIMITS, "0.1.0")))
    assert len(ROUTES) > 75
    missing = [(method, path) for method, path in ROUTES if access.rule(method, filled(method, path)) is None]
    assert missing == []
    there = {re.sub(r"{[^}]+}", "{}", f"{method} {path}") for method, path in ROUTES}
    rows = {" ".join(row) for text in TABLE.values() for row in zip(*[iter(text.split())] * 2, strict=True)}
    assert {re.sub(r"{[^}]+}", "{}", row) for row in rows} <= there


def test_data_training_operation_and_users_are_the_admins() -> None:
    """Seed 003's table, and by prefix, so that a new route there is theirs as well."""
    admins = "/api/v1/train", "/api/v1/data", "/api/v1/ops", "/api/v1/auth/users", "/api/v1/auth/keys", "/reload"
    theirs = [(method, path) for method, path in ROUTES if path.startswith((*admins, "/alerts"))]
    assert {least(*each) for each in theirs if each[0] != "GET" or not each[1].endswith("/health")} == {"admin"}
    queue = [each for each in ROUTES if each[1].startswith("/api/v1/review")]
    assert {least(*each) for each in queue} == {"reviewer"}


def test_no_rule_is_less_strict_for_a_path_that_fits_several() -> None:
    access = Access(Declared(Service(SmallGraph(), LIMITS, "0.1.0")))
    for method, path in ROUTES:
        rule = access.rule(method, filled(method, path))
        assert rule is not None
        assert ORDER[rule.least] >= ORDER[least(method, path)], (method, path)  # type: ignore[index]


def forged(identity: SmallIdentity) -> dict[str, tuple[dict[str, str], str]]:
    """What is shown, and the code of its refusal."""
    good = identity.token("root")
    head, payload, signature = good.split(".")
    said = json.loads(base64.urlsafe_b64decode(payload + "=="))
    raised = base64.urlsafe_b64encode(json.dumps({**said, "sub": "rima"}).encode()).decode().rstrip("=")
    root = identity.claims("root").payload()
    shown = {
        "expired": (identity.token("root", lives_s=-60), "token_expired"),
        "tampered": (f"{head}.{raised}.{signature}", "bad_token"),
        "cut": (f"{head}.{payload}.{signature[:-4]}", "bad_token"),
        "alg none": (jwt.encode(root, "", algorithm="none"), "bad_token"),
        "another alg": (jwt.encode(root, SECRET + SECRET, algorithm="HS512"), "bad_token"),
        "another secret": (jwt.encode(root, SECRET[::-1], algorithm="HS256"), "bad_token"),
        "refresh as access": (identity.token("root", "refresh"), "bad_token"),
        "without a type": (jwt.encode({**root, "type": None}, SECRET, algorithm="HS256"), "bad_token"),
        "of a time to come": (
            identity.tokens.signed(identity.claims("root", issued_at=2e9, expires_at=3e9)),
            "bad_token",
        ),
        "disabled user": (identity.token("gone"), "user_disabled"),
        "unknown user": (identity.token("nobody"), "bad_token"),
        "nonsense": ("x", "bad_token"),
        "unknown key": ("us_" + "x" * 43, "bad_token"),
    }
    bearers = {name: ({"authorization": f"Bearer {token}"}, code) for name, (token, code) in shown.items()}
    basic = {"authorization": "Basic " + base64.b64encode(f"root:{PASSWORD}".encode()).decode()}
    key = {"x-api-key": "us_nobodys"}
    return {"none": ({}, "not_signed_in"), "basic": (basic, "not_signed_in"), "key": (key, "bad_token"), **bearers}


@pytest.mark.parametrize("what", sorted(forged(small())))
async def test_who_shows_nothing_good_is_let_into_what_is_public_only(what: str) -> None:
    identity = small()
    app, free = create_app(identity.graph, LIMITS, "0.1.0"), ungated()
    headers, code = forged(identity)[what]
    for method, path in ROUTES:
        answer, read = await asked(app, method, path, headers)
        if least(method, path) == "public":
            expected = OWN.get(f"{method} {path}") or (await asked(free, method, path, {}))[0].status_code
            assert answer.status_code == expected, (method, path)
            continue
        assert (answer.status_code, read) == (401, False), (method, path)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert method == "HEAD" or answer.json()["code"] == code, (method, path)


@pytest.mark.parametrize(("user", "role"), [("ani", "user"), ("rima", "reviewer"), ("root", "admin")])
async def test_each_role_is_let_into_its_own_and_no_more(user: str, role: Role) -> None:
    """HERS is what ani asked for. Who is let in gets what the same request gets where nobody is asked."""
    identity = small()
    app, free, headers = create_app(identity.graph, LIMITS, "0.1.0"), ungated(), identity.bearer(user)
    for method, path in ROUTES:
        answer, read = await asked(app, method, path, headers)
        if ORDER[least(method, path)] > ORDER[role]:  # type: ignore[index]
            assert (answer.status_code, read) == (403, False), (method, path)
            assert answer.json()["code"] == "forbidden"
            continue
        expected = OWN.get(f"{method} {path}") or (await asked(free, method, path, {}))[0].status_code
        assert answer.status_code == expected, (method, path, answer.text)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nothing"), ("GET", "/livez\n"), ("POST", "/api/v1/predict/tickets/"), ("GET", "//livez"),
     ("POST", "/api/v1/train/tickets/promote/now")],
)  # fmt: skip
async def test_what_has_no_rule_nobody_may(method: str, path: str) -> None:
    identity = small()
    app = create_app(identity.graph, LIMITS, "0.1.0")
    for headers, status in (({}, 401), (identity.bearer("root"), 403)):
        answer = await _raw(app, method, path, headers)
        assert answer == status


@pytest.mark.parametrize(
    ("method", "path", "anonymous"),
    [("OPTIONS", "/api/v1/predict/tickets", 401), ("GET", "/api/v1/predict", 401), ("POST", "/cards", 401),
     ("DELETE", "/livez", 405), ("TRACE", "/readyz", 405), ("GET", "/api/v1/auth/login", 405)],
)  # fmt: skip
async def test_another_method_of_a_path_that_is_there(method: str, path: str, anonymous: int) -> None:
    identity = small()
    app = create_app(identity.graph, LIMITS, "0.1.0")
    for headers, status in (({}, anonymous), (identity.bearer("ani"), 405)):
        assert await _raw(app, method, path, headers) == status


async def _raw(app: FastAPI, method: str, path: str, headers: dict[str, str]) -> int:
    """Paths that no client would send as they are."""
    told: list[Any] = []
    listed = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "root_path": ""}
    scope |= {"headers": listed, "query_string": b"", "client": ("10.0.0.1", 5), "server": ("local", 80)}

    async def receive() -> dict[str, Any]:
        raise AssertionError("the body was asked for")

    async def send(message: Any) -> None:
        told.append(message)

    await app({**scope, "scheme": "http", "http_version": "1.1"}, receive, send)
    return int(told[0]["status"])


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("GET", "/api/v1/predictions/{}", None), ("POST", "/api/v1/feedback/{}", {"label": "network"}),
     ("POST", "/api/v1/predictions/{}/replay", None)],
)  # fmt: skip
async def test_anothers_prediction_is_not_for_a_user(method: str, path: str, body: Any) -> None:
    identity = small()
    app, before = create_app(identity.graph, LIMITS, "0.1.0"), dict(identity.graph.labels)
    expected = {("ani", HERS): 200, ("ani", HIS): 403, ("budi", HERS): 403, ("rima", HIS): 200, ("root", HIS): 200}
    async with client(app) as http:
        for (user, which), status in expected.items():
            answer = await http.request(method, path.format(which), headers=identity.bearer(user), json=body)
            assert answer.status_code == status, (user, answer.text)
            assert status == 200 or (answer.json()["code"], identity.graph.labels) == ("forbidden", before)
            before = dict(identity.graph.labels)
        unknown = await http.request(method, path.format("none"), headers=identity.bearer("ani"), json=body)
        assert unknown.status_code == 404


async def test_a_prediction_belongs_to_who_asked_for_it() -> None:
    identity = small()
    async with client(create_app(identity.graph, LIMITS, "0.1.0")) as http:
        made = await http.post("/api/v1/predict/tickets", json=TICKET, headers=identity.bearer("budi"))
        path = f"/api/v1/predictions/{made.json()['id']}"
        told = [(await http.get(path, headers=identity.bearer(user))).status_code for user in ("budi", "ani")]
    assert told == [200, 403]
    assert identity.graph.log[made.json()["id"]]["user"] == "budi"


async def test_who_labels_is_who_is_logged_in_whatever_the_query_says() -> None:
    identity = small()
    identity.graph.learning.stores.log.append([])
    async with client(create_app(identity.graph, LIMITS, "0.1.0")) as http:
        queue = await http.get("/api/v1/review/tickets?by=somebody", headers=identity.bearer("rima"))
        label = await http.post(f"/api/v1/feedback/{HERS}", json={"label": "network"}, headers=identity.bearer("ani"))
    assert (queue.json()["by"], label.json()["by"]) == ("rima", "ani")


OUTSIDE: list[tuple[str, str, Any]] = [
    ("POST", "/api/v1/predict/risk", {"on_time_rate": 0.4}),
    ("POST", "/api/v1/predict/risk/batch", {"instances": [{"on_time_rate": 0.4}]}),
    ("POST", "/api/v1/predict/", {"use_case": "risk", "instance": {"on_time_rate": 0.4}}),
    ("POST", "/api/v1/predict/batch", {"use_case": "risk", "instances": [{"on_time_rate": 0.4}]}),
    ("POST", "/api/v1/explain/risk", {"on_time_rate": 0.4}),
    ("POST", "/risk/predict", {"on_time_rate": 0.4}),
    ("POST", "/risk/explain", {"on_time_rate": 0.4}),
    ("GET", "/cards", None),
    ("POST", "/signal", {"market_price": 1, "fair_price": 1}),
    ("GET", "/v2/models/risk", None),
    ("GET", "/v2/models/risk/ready", None),
    ("POST", "/v2/models/risk/infer", {"inputs": []}),
    ("GET", "/api/v1/use_cases/risk", None),
    ("GET", "/api/v1/review/risk", None),
    ("GET", "/api/v1/review/risk/agreement", None),
    ("GET", f"/api/v1/predictions/{RISK}", None),
    ("POST", f"/api/v1/predictions/{RISK}/replay", None),
    ("POST", f"/api/v1/feedback/{RISK}", {"label": "yes"}),
    ("POST", f"/api/v1/review/{RISK}", {"label": "yes"}),
    ("POST", "/api/v1/predict/unheard_of", {}),
    ("GET", "/api/v1/ops/audit", None),
    ("GET", "/audit", None),
    ("GET", "/api/v1/ops/audit/head", None),
    ("POST", "/api/v1/train/tickets", None),
]


async def test_a_key_is_good_for_its_use_cases_only() -> None:
    identity = small()
    headers = {"x-api-key": _key(identity, "reviewer", ["tickets"])}
    async with client(create_app(identity.graph, LIMITS, "0.1.0")) as http:
        for method, path, body in OUTSIDE:
            answer = await http.request(method, path, json=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (method, path, answer.text)
        for path in ("/api/v1/predict/tickets", "/predict", "/api/predict"):
            assert (await http.post(path, json=TICKET, headers=headers)).status_code == 200
        named = {"use_case": "tickets", "instances": [TICKET]}
        assert (await http.post("/api/v1/predict/batch", json=named, headers=headers)).status_code == 200
        known = (await http.get("/api/v1/use_cases", headers=headers)).json()["use_cases"]
        models = (await http.get("/api/v1/predict/models", headers=headers)).json()["models"]
        assert [each["name"] for each in known] == [each["use_case"] for each in models] == ["tickets"]
        assert (await http.get(f"/api/v1/predictions/{HERS}", headers=headers)).status_code == 200
        assert (await http.get("/api/v1/review/tickets", headers=headers)).json()["by"] == "key:tills"


async def test_a_key_is_shown_either_way_and_ends_with_its_day_or_by_an_admin() -> None:
    identity = small()
    good, over = _key(identity, "user", None), _key(identity, "user", None, datetime(2026, 1, 2, tzinfo=UTC))
    async with client(create_app(identity.graph, LIMITS, "0.1.0")) as http:
        for headers in ({"x-api-key": good}, {"authorization": f"Bearer {good}"}, {"authorization": f"bearer {good}"}):
            made = await http.post("/api/v1/predict/tickets", json=TICKET, headers=headers)
            assert (made.status_code, identity.graph.log[made.json()["id"]]["user"]) == (200, "key:tills")
        old = await http.get("/api/v1/use_cases", headers={"x-api-key": over})
        assert (old.status_code, old.json()["code"]) == (401, "token_expired")
        which = identity.store.key_of(digest_of(good)).id
        await http.delete(f"/api/v1/auth/keys/{which}", headers=identity.bearer("root"))
        gone = await http.get("/api/v1/use_cases", headers={"x-api-key": good})
        assert (gone.status_code, gone.json()["code"]) == (401, "bad_token")


async def test_details_of_parts_are_for_admins_and_the_mode_for_everybody() -> None:
    identity = small()
    async with client(create_app(identity.graph, LIMITS, "0.1.0")) as http:
        for path in ("/readyz", "/health", "/api/v1/train/health"):
            shown = {"all": {}, "ani": identity.bearer("ani"), "root": identity.bearer("root")}
            told = {who: (await http.get(path, headers=each)).text for who, each in shown.items()}
            assert "in memory" in told["root"]
            assert "in memory" not in told["ani"] + told["all"]


async def test_standing_is_looked_up_once_in_a_while_and_anew_after_a_change() -> None:
    identity = small()
    async with client(create_app(identity.graph, LIMITS, "0.1.0")) as http:
        for _ in range(20):
            assert (await http.get("/api/v1/use_cases", headers=identity.bearer("ani"))).status_code == 200
        assert identity.store.looked == 1
        changed = await http.patch("/api/v1/auth/users/ani", json={"enabled": False}, headers=identity.bearer("root"))
        assert changed.json()["enabled"] is False
        refused = await http.get("/api/v1/use_cases", headers=identity.bearer("ani"))
        assert (refused.status_code, refused.json()["code"]) == (401, "user_disabled")


async def test_a_store_that_is_away_lets_nobody_in() -> None:
    identity = small()
    identity.store.away = True
    async with client(create_app(identity.graph, LIMITS, "0.1.0")) as http:
        refused = await http.get("/api/v1/use_cases", headers=identity.bearer("ani"))
        assert (refused.status_code, refused.json()["code"]) == (503, "store_unavailable")
        assert (await http.get("/livez", headers=identity.bearer("ani"))).status_code == 200


async def test_without_a_login_there_is_neither_gate_nor_route() -> None:
    async with client(ungated()) as http:
        assert (await http.post("/api/v1/auth/login", json={})).status_code == 404
        assert (await http.get(f"/api/v1/predictions/{HERS}")).status_code == 200
        document = (await http.get("/openapi.json")).json()
    assert not any("auth" in path for path in document["paths"])
    assert "securitySchemes" not in document["components"]


def _key(
    identity: SmallIdentity, role: Role, use_cases: list[str] | None, until: datetime = datetime(2099, 1, 1, tzinfo=UTC)
) -> str:
    itself = f"us_{role}{use_cases}{until:%Y}"
    identity.store.add_key(ApiKey(itself, "tills", digest_of(itself), role, use_cases, "root", BEGAN, until))
    return itself
