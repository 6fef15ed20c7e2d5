"""Where a request may come from: proxies whose word counts, web pages of other origins, names that are ours."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, NonNegativeInt, model_validator

from serve_app.core.config import Config

ANY = "*"
REMEMBERED, LONGEST = 1000, 1000
"""Addresses that were looked at; characters of what a proxy says."""

ORIGIN = re.compile(r"https?://[A-Za-z0-9._\[\]:-]+")


def _split(value: Any) -> Any:
    """An environment variable holds a list as a text with commas."""
    if isinstance(value, str):
        return tuple(each.strip() for each in value.split(",") if each.strip())
    return tuple(value) if isinstance(value, list) else value


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for each in value:
        try:
            ip_network(each)
        except ValueError:
            raise ValueError(f"{each!r} is neither an address nor a network such as 10.0.0.0/8") from None
    return value


def _origins(value: tuple[str, ...]) -> tuple[str, ...]:
    for each in value:
        if each != ANY and not ORIGIN.fullmatch(each):
            raise ValueError(f"{each!r} is no origin such as https://desk.example.com, without a path")
    return value


Proxies = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_networks)]


class Cors(Config):
    """``origins``: of the web pages that may ask from a browser. ``credentials``: whether with cookies or client
    certificates, which to let any page do would be to let it ask in anybody's name."""

    origins: Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_origins)] = ()
    credentials: bool = False
    max_age_s: NonNegativeInt = 600

    @model_validator(mode="after")
    def _no_page_in_anybodys_name(self) -> Cors:
        if self.credentials and ANY in self.origins:
            raise ValueError("'*' does not go with credentials: name the origins")
        return self


class Trusted:
    """The proxies whose word counts."""

    def __init__(self, proxies: tuple[str, ...]) -> None:
        self._networks = [ip_network(each) for each in proxies]
        self._known: dict[str, bool] = {}
        self._clients: dict[tuple[str, str], str] = {}

    def client(self, peer: str, forwarded: str) -> str:
        """Whoever asks, as the bucket's name. ``peer``: who opened the connection; ``forwarded``: what all
        X-Forwarded-For say together, of which each proxy has written the last at its time. So it is read from its end
        up to the first that is not ours: whatever stands before that, anybody may have written."""
        forwarded = forwarded[-LONGEST:]
        known = self._clients.get((peer, forwarded))
        if known is None:
            if len(self._clients) >= REMEMBERED:
                self._clients.clear()
            known = self._clients[peer, forwarded] = self._client(peer, forwarded)
        return known

    def _client(self, peer: str, forwarded: str) -> str:
        came = peer
        hops = iter(reversed(forwarded.split(",")))
        while came in self and (hop := next(hops, "").strip()):
            came = hop
        return bucket_of(came)

    def __contains__(self, peer: str) -> bool:
        known = self._known.get(peer)
        if known is None:
            known = self._looked_up(peer)
            if len(self._known) < REMEMBERED:
                self._known[peer] = known
        return known

    def _looked_up(self, peer: str) -> bool:
        address = _address(peer)
        return address is not None and any(address in network for network in self._networks)


NOBODY = Trusted(())


def is_own_name(host: str) -> bool:
    """Whether nobody else can have made a browser believe that ``host``, a Host header, is here: an address, localhost,
    or a name of one word, which no registry sells. A web page that has its own name point here (DNS rebinding) is asked
    for by that name."""
    name = host.rstrip(".") if host.startswith("[") else host.partition(":")[0].rstrip(".").lower()
    return "." not in name or name.endswith(".localhost") or _address(name) is not None


def bucket_of(peer: str) -> str:
    """An IPv6 address by its /64, all of which one customer has; what is no address, such as a name that a proxy
    made up, as it is, shortened."""
    if ":" not in peer:
        return peer[:64]
    address = _address(peer)
    if not isinstance(address, IPv6Address):
        return str(address) if address is not None else peer[:64]
    return str(IPv6Network((int(address) >> 64 << 64, 64)))


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Without the port and the brackets that some proxies write; an IPv4 address within IPv6 as what it is."""
    bare = text[1:].partition("]")[0] if text.startswith("[") else text
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
