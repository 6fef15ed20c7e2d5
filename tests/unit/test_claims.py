"""What a token must say, and when it is good."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from serve_app.core.claims import LEEWAY_S, Claims, check, check_standing, claims_of
from serve_app.core.errors import BadToken, TokenExpired, UserDisabled
from serve_app.core.identity import Standing
from serve_app.core.password_policy import password_problem

GOOD = Claims("ani", "user", "access", "one", "session", 1000.5, 1900.0)
STANDING = Standing("reviewer", True, datetime.fromtimestamp(900, UTC))


def test_claims_come_back_as_they_were() -> None:
    assert GOOD.payload().keys() == {"sub", "role", "type", "jti", "sid", "iat", "exp"}
    assert claims_of(GOOD.payload()) == GOOD


@pytest.mark.parametrize("name", list(GOOD.payload()))
@pytest.mark.parametrize("value", [None, "", True, [], {}])
def test_what_says_too_little_is_no_token(name: str, value: Any) -> None:
    with pytest.raises(BadToken):
        claims_of({**GOOD.payload(), name: value})


@pytest.mark.parametrize(
    ("kind", "now", "refusal"),
    [("access", 1000.5 - LEEWAY_S, None), ("access", 1900 + LEEWAY_S - 0.1, None),
     ("access", 1900 + LEEWAY_S, TokenExpired), ("access", 1000.4 - LEEWAY_S, BadToken), ("refresh", 1500, BadToken)],
)  # fmt: skip
def test_a_token_is_good_for_its_kind_and_its_time(kind: Any, now: float, refusal: Any) -> None:
    if refusal is None:
        check(GOOD, kind, now)
    else:
        with pytest.raises(refusal):
            check(GOOD, kind, now)


@pytest.mark.parametrize(
    ("standing", "refusal"),
    [(None, BadToken), (replace(STANDING, enabled=False), UserDisabled),
     (replace(STANDING, tokens_from=datetime.fromtimestamp(1000.6, UTC)), BadToken),
     (replace(STANDING, ended=frozenset({"session"})), BadToken)],
)  # fmt: skip
def test_what_was_withdrawn_is_no_token(standing: Any, refusal: Any) -> None:
    with pytest.raises(refusal):
        check_standing(GOOD, standing)


def test_the_role_is_the_one_that_the_user_has_now() -> None:
    assert check_standing(GOOD, STANDING) == "reviewer"
    assert check_standing(GOOD, replace(STANDING, tokens_from=datetime.fromtimestamp(1000.5, UTC))) == "reviewer"


@pytest.mark.parametrize(
    ("password", "fits"),
    [("long enough", False), ("long enough!", True), ("a" * 12, False), ("x" * 250 + "abcdefg", False),
     ("line\nline\nline", False), ("ani1 is in here", True), ("budi is in here", False), ("kata sandi 長い", True)],
)  # fmt: skip
def test_a_password_is_long_and_no_name(password: str, fits: bool) -> None:
    assert (password_problem("budi" if "budi" in password else "ani", password) is None) is fits
