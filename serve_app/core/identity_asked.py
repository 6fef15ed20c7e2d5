"""What may be asked of users and keys: each misfit is named, and no password is ever shown in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, get_args

from serve_app.core.asked import DAYS, FLAG, Member
from serve_app.core.caller import Role
from serve_app.core.errors import FieldError, InvalidInput
from serve_app.core.identity import EMAIL, KEY_ROLES, NAME, RESERVED, is_name
from serve_app.core.misfits import shown
from serve_app.core.password_policy import LEAST, MOST, password_problem


def _texts(expected: str, least: int, most: int, **more: Any) -> Member:
    """``expected`` of whatever is no text, or has another length or form. What was given is not judged further."""
    schema = {"type": "string", "minLength": least, "maxLength": most, **more}
    form = more.get("pattern", "")

    def problem(value: Any) -> str | None:
        fits = isinstance(value, str) and least <= len(value) <= most and re.search(form, value) is not None
        return None if fits else expected

    return Member(schema, problem)


def _secret(least: int, most: int) -> Member:
    """A misfit would be shown: so any text is let pass here, and looked at where nothing of it is told."""
    schema = {"type": "string", "minLength": least, "maxLength": most}
    return Member(schema, lambda value: None if isinstance(value, str) else "a text")


def _one_of(values: Collection[str]) -> Member:
    expected = f"one of: {', '.join(values)}"
    return Member({"type": "string", "enum": list(values)}, lambda value: None if value in values else expected)


def _names() -> Member:
    """None is all of them, and so none at all must be said otherwise than by []."""

    def problem(value: Any) -> str | None:
        fits = isinstance(value, list) and 0 < len(value) <= 1000 and all(isinstance(each, str) for each in value)
        return None if fits else "a list of names of use cases"

    items = {"type": "string", "maxLength": 63}
    return Member({"type": "array", "items": items, "minItems": 1, "maxItems": 1000}, problem)


NAMED_ = _texts("1 to 100 letters, digits, '_', '.', '@' and '-'", 1, 100, pattern=NAME)
EMAIL_ = _texts("an e-mail address", 3, 255, pattern=EMAIL)
NEW_PASSWORD = _secret(LEAST, MOST)
ROLE = _one_of(get_args(Role))

CREDENTIALS = {"username": _texts("a text", 1, 1000), "password": _secret(1, 1000)}
OTHERS = ("grant_type", "scope", "client_id", "client_secret")
GIVEN = {**CREDENTIALS, **dict.fromkeys(OTHERS, _texts("a text", 0, 1000))}
"""As the password grant of OAuth2 has it (RFC 6749, 4.3)."""
TOKEN = {"refresh_token": _secret(1, 2048)}
USER = {"name": NAMED_, "password": NEW_PASSWORD, "role": ROLE, "email": EMAIL_}
CHANGED = {"enabled": FLAG, "role": ROLE, "password": NEW_PASSWORD}
KEY = {"name": NAMED_, "role": _one_of(KEY_ROLES), "use_cases": _names(), "days": DAYS}

NAMED = "1 to 100 letters, digits, '_', '.', '@' and '-', and none of " + ", ".join(sorted(RESERVED))


def check_user(name: str, password: str, email: str | None) -> None:
    """Raises InvalidInput."""
    found = [] if is_name(name) else [FieldError("name", shown(name), NAMED)]
    if email is not None and not re.fullmatch(EMAIL, email):
        found.append(FieldError("email", shown(email), "an e-mail address"))
    _refuse([*found, *_password(name, password)])


def check_password(name: str, password: str) -> None:
    """Raises InvalidInput."""
    _refuse(_password(name, password))


def check_key(
    name: str, role: str, use_cases: Collection[str] | None, days: int | None, known: Mapping[str, object], most: int
) -> None:
    """``known``: the use cases there are; ``most``: days. Raises InvalidInput."""
    found = [] if is_name(name) else [FieldError("name", shown(name), NAMED)]
    if role not in KEY_ROLES:
        found.append(FieldError("role", shown(role), f"one of: {', '.join(KEY_ROLES)}"))
    unknown = [each for each in use_cases or () if each not in known]
    found += [FieldError("use_cases", shown(each), "the names of use cases") for each in unknown[:20]]
    if days is not None and days > most:
        found.append(FieldError("days", str(days), f"1 to {most}"))
    _refuse(found)


def _password(name: str, password: str) -> list[FieldError]:
    expected = password_problem(name, password)
    return [] if expected is None else [FieldError("password", f"{len(password)} characters, not shown", expected)]


def _refuse(found: list[FieldError]) -> None:
    if found:
        raise InvalidInput("the body does not fit", found)
