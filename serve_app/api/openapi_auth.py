"""The paths of logins, users and keys, and what every other path gains where somebody is asked who they are."""

from __future__ import annotations

from typing import Any, get_args

from serve_app.api.access import TABLE
from serve_app.api.auth import FORM
from serve_app.api.openapi_errors import BODY, errors_of
from serve_app.api.openapi_jobs import AT, STAMP, members_schema
from serve_app.api.openapi_parts import (
    STRING,
    answered,
    array,
    body_of,
    closed,
    operation_of,
    or_null,
    path_parameter,
    reading,
)
from serve_app.core.caller import Role
from serve_app.core.identity import KEY_ROLES, NAME
from serve_app.core.identity_asked import CHANGED, CREDENTIALS, GIVEN, KEY, TOKEN, USER

Json = dict[str, Any]

TAG = "auth"
BASE = "/api/v1/auth"
ID = "01JZ8Q4T6V3M5N7P9R1S2T4V6W"

SCHEMES: Json = {
    "login": {"type": "oauth2", "flows": {"password": {"tokenUrl": f"{BASE}/login", "scopes": {}}}},
    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
SECURITY = [{name: []} for name in SCHEMES]
PUBLIC = frozenset(zip(*[iter(TABLE["public"].split())] * 2, strict=True))

ROLE: Json = {"type": "string", "enum": list(get_args(Role))}
_PAIR = closed(
    {
        "access_token": STRING,
        "refresh_token": STRING,
        "token_type": {"type": "string", "const": "bearer"},
        "expires_in": {"type": "integer", "minimum": 0, "description": "Seconds, of the access token."},
    }
)
_PAIR_SHOWN = {"access_token": "eyJ…", "refresh_token": "eyJ…", "token_type": "bearer", "expires_in": 900}
_USER = closed(
    {"name": STRING, "email": or_null(STRING), "role": ROLE, "enabled": {"type": "boolean"}, "created_at": STAMP}
)
_USER_SHOWN = {"name": "ani", "email": None, "role": "user", "enabled": True, "created_at": AT}
_NAMES = or_null(array(STRING))
_KEY = {"id": STRING, "name": STRING, "role": {"type": "string", "enum": list(KEY_ROLES)}, "use_cases": _NAMES}
_KEY |= {"by": STRING, "created_at": STAMP, "expires_at": STAMP, "revoked_at": or_null(STAMP)}
_KEY_SHOWN = {"id": ID, "name": "tills", "role": "user", "use_cases": None, "by": "admin", "created_at": AT}
_KEY_SHOWN |= {"expires_at": "2027-01-05T02:00:00+00:00", "revoked_at": None}

CHANGING = (*BODY, "409")


def guarded(document: Json) -> Json:
    """``document`` where every call carries a token or a key, but for what is public."""
    paths = {path: _all_guarded(path, item) for path, item in {**document["paths"], **_paths()}.items()}
    return {**document, "paths": paths, "components": {**document["components"], "securitySchemes": SCHEMES}}


def _all_guarded(path: str, item: Json) -> Json:
    return {method: _guarded(method, path, operation) for method, operation in item.items()}


def _guarded(method: str, path: str, operation: Json) -> Json:
    if (method.upper(), path) in PUBLIC:
        return {**operation, "security": []}
    refused = errors_of(("401", "403"))
    return {**operation, "security": SECURITY, "responses": {**operation["responses"], **refused}}


def _paths() -> Json:
    return {
        f"{BASE}/login": {"post": _login()},
        f"{BASE}/refresh": {"post": _refresh()},
        f"{BASE}/logout": {"post": _logout()},
        f"{BASE}/me": {"get": _me()},
        f"{BASE}/users": {"get": _users(), "post": _add_user()},
        f"{BASE}/users/{{name}}": {"patch": _change_user()},
        f"{BASE}/keys": {"get": _keys(), "post": _add_key()},
        f"{BASE}/keys/{{key_id}}": {"delete": _revoke_key()},
    }


def _login() -> Json:
    shown = {"username": "ani", "password": "a long password of hers"}
    body = body_of(members_schema(CREDENTIALS, tuple(CREDENTIALS)), shown)
    form = members_schema(GIVEN, tuple(CREDENTIALS))
    body["requestBody"]["content"][FORM] = {"schema": {**form, "additionalProperties": False}, "example": shown}
    good = {"200": answered(_PAIR, _PAIR_SHOWN, "An access token, and a refresh token that is good once.")}
    bad = (*_but(BODY, "404"), "401", "429")
    return operation_of("login", TAG, "Tokens for a name and a password; as JSON or as a form", good, bad, body)


def _refresh() -> Json:
    good = {"200": answered(_PAIR, _PAIR_SHOWN)}
    body = body_of(members_schema(TOKEN, tuple(TOKEN)), {"refresh_token": "eyJ…"})
    words = "New tokens for the refresh token; shown a second time it ends the session"
    return operation_of("refresh", TAG, words, good, (*_but(BODY, "404"), "401"), body)


def _logout() -> Json:
    schema = closed({"status": {"type": "string", "const": "logged out"}})
    good = {"200": answered(schema, {"status": "logged out"})}
    return operation_of("logout", TAG, "Ends the session and every token of it", good, ("409", "500", "503"), None)


def _me() -> Json:
    schema = closed({"name": STRING, "role": ROLE, "email": or_null(STRING), "use_cases": _NAMES})
    shown = {"name": "ani", "role": "user", "email": None, "use_cases": None}
    return operation_of("me", TAG, "Who asks", {"200": answered(schema, shown)}, ("500", "503"), None)


def _users() -> Json:
    return reading("users", TAG, "All users", closed({"users": array(_USER)}), {"users": [_USER_SHOWN]})


def _add_user() -> Json:
    shown = {"name": "budi", "password": "a long one of his", "role": "user", "email": "bs@example.org"}
    body = body_of(members_schema(USER, ("name", "password", "role")), shown)
    good = {"201": answered(_USER, {**_USER_SHOWN, "name": "budi"})}
    return operation_of("add_user", TAG, "A new user", good, _but(CHANGING, "404"), body)


def _change_user() -> Json:
    schema = {**members_schema(CHANGED), "minProperties": 1}
    where = path_parameter("name", {"type": "string", "pattern": NAME}, "ani")
    words = "Another role or password, or whether they may log in; all their sessions end"
    good = {"200": answered(_USER, _USER_SHOWN)}
    return operation_of("change_user", TAG, words, good, CHANGING, {**where, **body_of(schema, {"role": "user"})})


def _keys() -> Json:
    return reading("keys", TAG, "All keys, newest first", closed({"keys": array(closed(_KEY))}), {"keys": [_KEY_SHOWN]})


def _add_key() -> Json:
    schema = closed({**_KEY, "key": {**STRING, "description": "Shown this once."}})
    body = body_of(members_schema(KEY, ("name",)), {"name": "tills", "role": "user", "days": 90})
    good = {"201": answered(schema, {**_KEY_SHOWN, "key": "us_…"})}
    words = "A key for a machine; for some use cases, or for all"
    return operation_of("add_key", TAG, words, good, _but(BODY, "404"), body)


def _revoke_key() -> Json:
    where = path_parameter("key_id", {"type": "string", "pattern": r"^[0-9A-Za-z]{1,64}$"}, ID)
    good = {"200": answered(closed(_KEY), {**_KEY_SHOWN, "revoked_at": AT})}
    return operation_of("revoke_key", TAG, "The key is good for nothing any more", good, ("404", "500", "503"), where)


def _but(statuses: tuple[str, ...], one: str) -> tuple[str, ...]:
    return tuple(each for each in statuses if each != one)
