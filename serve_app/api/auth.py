"""Logging in and out, users, and keys for machines. Only there where somebody is asked who they are."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter
from starlette.responses import Response

from serve_app.api.body import check_coding, check_media, media_of, parse, read
from serve_app.api.dependencies import Call, ThisCall
from serve_app.api.replies import reply
from serve_app.core.asked import members
from serve_app.core.desks import IdentityDesk
from serve_app.core.errors import FieldError, InvalidInput, NotFound
from serve_app.core.identity_asked import CHANGED, CREDENTIALS, KEY, OTHERS, TOKEN, USER

router = APIRouter(prefix="/api/v1/auth")

FORM = "application/x-www-form-urlencoded"
SMALL = 4096
"""Bytes: more is no login."""

SECRET = {"Cache-Control": "no-store"}


@router.post("/login")
async def login(call: ThisCall) -> Response:
    given = members(await _credentials(call), CREDENTIALS, ["username", "password"])
    pair = await _desk(call).login(given["username"], given["password"], call.caller.address)
    return reply(pair, headers=SECRET)


@router.post("/refresh")
async def refresh(call: ThisCall) -> Response:
    given = members(await _small(call), TOKEN, ["refresh_token"])
    return reply(await _desk(call).refresh(given["refresh_token"], call.caller.address), headers=SECRET)


@router.post("/logout")
async def logout(call: ThisCall) -> Response:
    await _desk(call).logout(call.caller)
    return reply({"status": "logged out"})


@router.get("/me")
async def me(call: ThisCall) -> Response:
    return reply(await _desk(call).me(call.caller))


@router.api_route("/users", methods=["GET", "POST"])
async def users(call: ThisCall) -> Response:
    """One endpoint for both, so that a refusal of other methods names both."""
    if call.request.method == "GET":
        return reply({"users": await _desk(call).users()})
    given = members(await call.json(), USER, ["name", "password", "role"])
    about = (given["name"], given["password"], given["role"], given.get("email"))
    return reply(await _desk(call).add_user(*about, call.by), 201)


@router.patch("/users/{name}")
async def change_user(name: str, call: ThisCall) -> Response:
    given = members(await call.json(), CHANGED)
    if not given:
        raise InvalidInput("nothing is to be changed", [FieldError("body", "{}", f"one of {', '.join(CHANGED)}")])
    about = (given.get("enabled"), given.get("role"), given.get("password"))
    return reply(await _desk(call).change_user(name, *about, call.by))


@router.api_route("/keys", methods=["GET", "POST"])
async def keys(call: ThisCall) -> Response:
    if call.request.method == "GET":
        return reply({"keys": await _desk(call).keys()})
    given = members(await call.json(), KEY, ["name"])
    about = (given["name"], given.get("role", "user"), given.get("use_cases"), given.get("days"))
    return reply(await _desk(call).add_key(*about, call.by), 201, SECRET)


@router.delete("/keys/{key_id}")
async def revoke_key(key_id: str, call: ThisCall) -> Response:
    return reply(await _desk(call).revoke_key(key_id, call.by))


def _desk(call: Call) -> IdentityDesk:
    if call.graph.identity is None:
        raise NotFound("nobody is asked who they are (auth.mode: local)")
    return call.graph.identity


async def _credentials(call: Call) -> Any:
    """As JSON, or as the form that OAuth2 names, whose other fields say nothing here."""
    if media_of(call.request.headers)[0] != FORM:
        return await _small(call)
    check_coding(call.request.headers)
    raw = await read(call.request, call.limits.model_copy(update={"max_body_bytes": SMALL}))
    try:
        fields = parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError:
        raise InvalidInput("the form cannot be read", [FieldError("body", "no form", "a form in UTF-8")]) from None
    return {name: value for name, value in fields if name not in OTHERS}


async def _small(call: Call) -> Any:
    check_media(call.request.headers)
    raw = await read(call.request, call.limits.model_copy(update={"max_body_bytes": SMALL}))
    return parse(raw, call.limits.max_depth)
