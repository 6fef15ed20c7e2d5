"""Whose word counts on where a request comes from, and which web pages may ask."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from serve_app.core.origins import NOBODY, Cors, Trusted
from serve_app.core.platform import Limits

OURS = Trusted(("127.0.0.1", "10.0.0.0/8", "::1"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "1.1.1.1, 203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "203.0.113.7, 10.2.3.4", "203.0.113.7"),
        ("127.0.0.1", "1.1.1.1,203.0.113.7 ,10.2.3.4,127.0.0.1", "203.0.113.7"),
        ("127.0.0.1", "10.0.0.9", "10.0.0.9"),
        ("127.0.0.1", "203.0.113.7:4711", "203.0.113.7"),
        ("127.0.0.1", "[2001:db8:1:2:3::9]:80", "2001:db8:1:2::/64"),
        ("::ffff:127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("::1", "2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("127.0.0.1", "unknown", "unknown"),
        ("127.0.0.1", "203.0.113.7, " + "x" * 9000, "x" * 64),
        ("", "203.0.113.7", ""),
    ],
)  # fmt: skip
def test_the_first_that_is_not_ours_from_the_end_is_the_client(peer: str, forwarded: str, client: str) -> None:
    assert OURS.client(peer, forwarded) == client


def test_without_a_trusted_proxy_the_header_says_nothing() -> None:
    assert NOBODY.client("127.0.0.1", "203.0.113.7") == "127.0.0.1"


def test_what_is_no_proxy_is_refused() -> None:
    with pytest.raises(ValidationError, match="neither an address nor a network"):
        Limits(trusted_proxies=("the proxy",))


@pytest.mark.parametrize(
    "origin", ["desk.example.com", "https://desk.example.com/", "https://a b", "*.example.com", "null", ""]
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ValidationError, match="is no origin"):
        Cors(origins=(origin,))


def test_any_page_in_anybodys_name_is_refused() -> None:
    with pytest.raises(ValidationError, match="does not go with credentials"):
        Cors(origins=("*",), credentials=True)
    assert Cors(origins=("*",)).origins == ("*",)
