"""Logging in and out, users and keys, over the API: what is told to whom, what is counted, what is written down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from serve_app.api.app import create_app
from serve_app.core.platform import Auth, Limits, Locks
from serve_app.deployments.hashing import NOBODY, WAITING
from tests.fakes.small_identity import PASSWORD, SmallIdentity

pytestmark = pytest.mark.anyio

AUTH = "/api/v1/auth"
RULE = Auth(mode="jwt", locks=Locks(tries=3, tries_anywhere=50, first_s=30, longest_s=60))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def small() -> SmallIdentity:
    return SmallIdentity({"root": "admin", "ani": "user"}, RULE)


@pytest.fixture
async def http(small: SmallIdentity) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(small.graph, Limits(), "0.1.0")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://local") as client:
        yield client


async def login(http: httpx.AsyncClient, name: str = "ani", password: str = PASSWORD) -> httpx.Response:
    return await http.post(f"{AUTH}/login", json={"username": name, "password": password})


async def refresh(http: httpx.AsyncClient, pair: dict[str, Any]) -> httpx.Response:
    return await http.post(f"{AUTH}/refresh", json={"refresh_token": pair["refresh_token"]})


async def me(http: httpx.AsyncClient, pair: dict[str, Any]) -> tuple[int, str]:
    answer = await http.get(f"{AUTH}/me", headers={"authorization": f"Bearer {pair['access_token']}"})
    return answer.status_code, answer.json().get("code") or answer.json()["name"]


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_as_json_and_as_the_form_of_oauth2(http: httpx.AsyncClient) -> None:
    form = {"grant_type": "password", "username": "ani", "password": PASSWORD, "scope": "", "client_id": ""}
    by_form = await http.post(f"{AUTH}/login", data=form, headers={"authorization": "Basic Og=="})  # as /docs sends it
    for answer in (await login(http), by_form):
        told = answer.json()
        assert answer.status_code == 200, answer.text
        assert told.keys() == {"access_token", "refresh_token", "token_type", "expires_in"}
        assert (told["token_type"], told["expires_in"]) == ("bearer", 900)
        assert answer.headers["cache-control"] == "no-store"
        assert await me(http, told) == (200, "ani")


@pytest.mark.parametrize(
    ("content", "media", "expected"),
    [
        (b"{", "application/json", (400, "invalid_json")),
        (b"{}", "application/json", (422, "invalid_input")),
        (b'{"username": 1, "password": "x"}', "application/json", (422, "invalid_input")),
        (b'{"username": "a", "password": "x", "role": "admin"}', "application/json", (422, "invalid_input")),
        (b"username=ani", "application/x-www-form-urlencoded", (422, "invalid_input")),
        (b"username=%ff&password=x", "application/x-www-form-urlencoded", (422, "invalid_input")),
        (b"a=1&" * 50, "application/x-www-form-urlencoded", (422, "invalid_input")),
        (b"username=" + b"a" * 5000, "application/x-www-form-urlencoded", (413, "too_large")),
        (b'{"username": "' + b"a" * 5000 + b'"}', "application/json", (413, "too_large")),
        (b"username=ani", "text/plain", (415, "unsupported_media")),
    ],
)
async def test_what_is_no_login(
    http: httpx.AsyncClient, small: SmallIdentity, content: bytes, media: str, expected: tuple[int, str]
) -> None:
    assert code(await http.post(f"{AUTH}/login", content=content, headers={"content-type": media})) == expected
    assert small.passwords.looked == []


@pytest.mark.parametrize("name", ["nobody", "no name at all \x00", "ani ", "x" * 900])
async def test_who_is_unknown_hears_the_same_after_the_same_work(
    http: httpx.AsyncClient, small: SmallIdentity, name: str
) -> None:
    wrong, unknown = await login(http, "ani", "not hers"), await login(http, name, "not hers")
    assert [each.status_code for each in (wrong, unknown)] == [401, 401]
    said = [{key: value for key, value in each.json().items() if key != "instance"} for each in (wrong, unknown)]
    assert said[0] == said[1]
    assert said[0]["code"] == "login_refused"
    assert small.passwords.looked == [("not hers", f"hash of {PASSWORD}"), ("not hers", f"hash of {NOBODY}")]
    assert [(by, action, detail["reason"]) for by, action, detail in small.told()] == [
        ("ani", "login_refused", "wrong_password"), ("anonymous", "login_refused", "unknown_user"),
    ]  # fmt: skip


async def test_nobodys_password_lets_nobody_in(http: httpx.AsyncClient) -> None:
    assert code(await login(http, "nobody", NOBODY)) == (401, "login_refused")


async def test_who_is_disabled_hears_the_same_and_the_log_knows_why(
    http: httpx.AsyncClient, small: SmallIdentity
) -> None:
    pair = (await login(http)).json()
    await http.patch(f"{AUTH}/users/ani", json={"enabled": False}, headers=small.bearer("root"))
    assert code(await login(http)) == (401, "login_refused")
    assert small.told()[-1][1:] == ("login_refused", {"reason": "user_disabled", "address": "127.0.0.1"})
    assert await me(http, pair) == (401, "user_disabled")
    assert code(await refresh(http, pair)) == (401, "bad_token")


@pytest.mark.parametrize("name", ["ani", "nobody"])
async def test_guesses_are_locked_out_before_any_password_is_looked_at(
    http: httpx.AsyncClient, small: SmallIdentity, name: str
) -> None:
    """Also a right one; and whoever else asks from there is not."""
    told = [await login(http, name, f"guess {number}") for number in range(3)]
    locked = await login(http, name, PASSWORD)
    assert [each.status_code for each in told] == [401] * 3
    assert code(locked) == (429, "login_locked")
    assert 25 <= int(locked.headers["retry-after"]) <= 30
    assert len(small.passwords.looked) == 3
    assert (await login(http, "root")).status_code == 200


async def test_guesses_at_once_are_no_more_than_in_turn(http: httpx.AsyncClient, small: SmallIdentity) -> None:
    told = await asyncio.gather(*(login(http, "ani", f"guess {number}") for number in range(20)))
    assert sorted(each.status_code for each in told) == [401] * 3 + [429] * 17
    assert len(small.passwords.looked) == 3


async def test_a_good_login_forgets_the_bad_ones(http: httpx.AsyncClient) -> None:
    for _ in range(3):
        assert [(await login(http, "ani", word)).status_code for word in ("a", "b", PASSWORD)] == [401, 401, 200]


async def test_a_flood_of_logins_is_refused_and_not_kept_waiting(http: httpx.AsyncClient, small: SmallIdentity) -> None:
    told = await asyncio.gather(*(login(http, f"user{number}", "x") for number in range(WAITING * 4)))
    refused = [each for each in told if each.status_code == 503]
    assert {each.status_code for each in told} == {401, 503}
    assert all("retry-after" in each.headers for each in refused)
    assert len(small.passwords.looked) == len(small.told()) == len(told) - len(refused)


async def test_a_refresh_token_is_good_once_and_shown_again_ends_the_session(
    http: httpx.AsyncClient, small: SmallIdentity
) -> None:
    first = (await login(http)).json()
    second = (await refresh(http, first)).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert [await me(http, pair) for pair in (first, second)] == [(200, "ani")] * 2
    other = (await login(http)).json()
    assert code(await refresh(http, first)) == (401, "bad_token")
    assert code(await refresh(http, second)) == (401, "bad_token")
    assert [await me(http, pair) for pair in (first, second, other)] == [(401, "bad_token")] * 2 + [(200, "ani")]
    assert "refresh_reused" in [action for _, action, _ in small.told()]


async def test_only_a_refresh_token_refreshes(http: httpx.AsyncClient, small: SmallIdentity) -> None:
    pair = (await login(http)).json()
    assert code(await refresh(http, {"refresh_token": pair["access_token"]})) == (401, "bad_token")
    assert code(await refresh(http, {"refresh_token": "x"})) == (401, "bad_token")
    assert code(await refresh(http, {"refresh_token": small.token("ani", "refresh", -60)})) == (401, "token_expired")
    assert code(await refresh(http, {"refresh_token": small.token("ani", "refresh")})) == (401, "bad_token")
    assert (await refresh(http, pair)).status_code == 200


async def test_logging_out_ends_one_session_and_its_tokens(http: httpx.AsyncClient, small: SmallIdentity) -> None:
    mine, other = [(await login(http)).json() for _ in range(2)]
    out = await http.post(f"{AUTH}/logout", headers={"authorization": f"Bearer {mine['access_token']}"})
    assert out.json() == {"status": "logged out"}
    assert [await me(http, pair) for pair in (mine, other)] == [(401, "bad_token"), (200, "ani")]
    assert [(await refresh(http, pair)).status_code for pair in (mine, other)] == [401, 200]
    assert "logout" in [action for _, action, _ in small.told()]


@pytest.mark.parametrize("change", [{"password": "another long one of hers"}, {"role": "reviewer"}])
async def test_a_change_ends_all_sessions_and_is_written_down_without_the_password(
    http: httpx.AsyncClient, small: SmallIdentity, change: dict[str, Any]
) -> None:
    pair = (await login(http)).json()
    assert (await http.patch(f"{AUTH}/users/ani", json=change, headers=small.bearer("root"))).status_code == 200
    assert await me(http, pair) == (401, "bad_token")
    assert code(await refresh(http, pair)) == (401, "bad_token")
    again = (await login(http, "ani", change.get("password", PASSWORD))).json()
    assert await me(http, again) == (200, "ani")
    by, action, detail = small.told()[1]
    assert (by, action, detail["name"]) == ("root", "user_changed", "ani")
    expected = ("as it was", "another") if "password" in change else ("user", "reviewer")
    assert tuple(side[next(iter(change))] for side in (detail["before"], detail["after"])) == expected


async def test_the_last_admin_stays(http: httpx.AsyncClient, small: SmallIdentity) -> None:
    headers = small.bearer("root")
    for change in ({"enabled": False}, {"role": "user"}):
        assert code(await http.patch(f"{AUTH}/users/root", json=change, headers=headers)) == (409, "last_admin")
    assert (await http.patch(f"{AUTH}/users/ani", json={"role": "admin"}, headers=headers)).status_code == 200
    assert (await http.patch(f"{AUTH}/users/root", json={"enabled": False}, headers=headers)).status_code == 200
    assert [action for _, action, _ in small.told()].count("user_changed_refused") == 2


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({}, (201, None)),
        ({"name": "ani"}, (409, "name_taken")),
        ({"name": "local"}, (422, "invalid_input")),
        ({"name": "key:tills"}, (422, "invalid_input")),
        ({"password": "short"}, (422, "invalid_input")),
        ({"password": "aaaaaaaaaaaaaaaaaaaa"}, (422, "invalid_input")),
        ({"password": "cici is the one who"}, (422, "invalid_input")),
        ({"role": "root"}, (422, "invalid_input")),
        ({"email": "nowhere"}, (422, "invalid_input")),
        ({"enabled": True}, (422, "invalid_input")),
    ],
)
async def test_a_new_user(http: httpx.AsyncClient, small: SmallIdentity, about: Any, expected: Any) -> None:
    sent = {"name": "cici", "password": "long enough for her", "role": "user", "email": "c@example.org", **about}
    made = await http.post(f"{AUTH}/users", json=sent, headers=small.bearer("root"))
    assert (made.status_code, made.json().get("code")) == expected, made.text
    assert sent["password"] not in made.text
    if expected[0] == 201:
        assert (await login(http, "cici", sent["password"])).status_code == 200


@pytest.mark.parametrize(
    ("about", "named"),
    [({"use_cases": ["unheard_of"]}, "use_cases"), ({"role": "admin"}, "role"), ({"days": 366}, "days"),
     ({"use_cases": []}, "use_cases"), ({"name": "a b"}, "name")],
)  # fmt: skip
async def test_a_key_that_is_not_made(http: httpx.AsyncClient, small: SmallIdentity, about: Any, named: str) -> None:
    refused = await http.post(f"{AUTH}/keys", json={"name": "tills", **about}, headers=small.bearer("root"))
    assert code(refused) == (422, "invalid_input")
    assert [each["field"] for each in refused.json()["errors"]] == [named]
    assert small.store.keys() == []


async def test_a_key_is_shown_once_and_kept_as_its_digest(http: httpx.AsyncClient, small: SmallIdentity) -> None:
    headers = small.bearer("root")
    sent = {"name": "tills", "use_cases": ["tickets"], "days": 30}
    made = (await http.post(f"{AUTH}/keys", json=sent, headers=headers)).json()
    shown = made["key"]
    assert shown.startswith("us_")
    assert datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC) > timedelta(days=29)
    (kept,) = (await http.get(f"{AUTH}/keys", headers=headers)).json()["keys"]
    assert kept == {name: value for name, value in made.items() if name != "key"}
    assert shown not in repr(small.store.keys())
    answer = await http.get(f"{AUTH}/me", headers={"x-api-key": shown})
    assert answer.json() == {"name": "key:tills", "role": "user", "email": None, "use_cases": ["tickets"]}
    out = await http.post(f"{AUTH}/logout", headers={"x-api-key": shown})
    assert code(out) == (409, "no_session")
    assert (await http.delete(f"{AUTH}/keys/{made['id']}", headers=headers)).json()["revoked_at"] is not None
    assert code(await http.delete(f"{AUTH}/keys/none", headers=headers)) == (404, "unknown_api_key")


async def test_no_secret_is_ever_written_down(http: httpx.AsyncClient, small: SmallIdentity) -> None:
    pair, headers = (await login(http)).json(), small.bearer("root")
    second = (await refresh(http, pair)).json()
    await refresh(http, pair)
    await login(http, PASSWORD, "hush hush and hush")  # one field too early
    await http.post(
        f"{AUTH}/users", json={"name": "cici", "password": "hush hush and hush", "role": "user"}, headers=headers
    )
    await http.patch(f"{AUTH}/users/cici", json={"password": "hush hush and more"}, headers=headers)
    key = (await http.post(f"{AUTH}/keys", json={"name": "tills"}, headers=headers)).json()["key"]
    told = repr(small.audit.page(limit=1000))
    assert len(small.told()) >= 6
    secrets = [PASSWORD, "hush", "hash of", key, pair["access_token"], pair["refresh_token"], second["refresh_token"]]
    assert [each for each in secrets if each in told] == []
