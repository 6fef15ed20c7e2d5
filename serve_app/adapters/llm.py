"""What every LLM adapter offers, and how a failed HTTP call is named.

HTTP 429            rate_limited       HTTP 401, 403    bad_credentials
HTTP 5xx, 408       server_error       other 4xx        bad_request
time-out            timeout            reset, refused   connection_error
"""

from __future__ import annotations

import math
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, Protocol

import httpx

from serve_app.core.answers import Failure
from serve_app.core.platform import Prices

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Completion:
    """What came back, perhaps nothing (``text`` empty) or a refusal; it was paid for in any case."""

    text: str
    tokens_in: int = 0
    tokens_out: int = 0
    refused: bool = False


@dataclass(frozen=True, slots=True)
class CallFailed:
    """No completion. ``retry_after_s``: when the provider asks to be called again."""

    reason: Failure
    retry_after_s: float | None = None


class LLM(Protocol):
    """One call to a language model. A failed call is a value; nothing is retried in here."""

    provider: str
    model: str
    prices: Prices

    async def complete(self, system: str, user: str, schema: Schema | None) -> Completion | CallFailed:
        """``schema`` closes the form of the reply; None asks for plain text."""

    async def close(self) -> None: ...


@cache
def tls() -> ssl.SSLContext:
    """One for all clients: reading the certificates takes a tenth of a second each time."""
    return httpx.create_ssl_context()


def http_client(timeout_s: float, connections: int) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    return httpx.AsyncClient(timeout=timeout_s, limits=limits, verify=tls())


def failed_transport(error: Exception) -> CallFailed:
    late = isinstance(error, httpx.TimeoutException | TimeoutError)
    return CallFailed("timeout" if late else "connection_error")


def failed_status(status: int, headers: Mapping[str, str]) -> CallFailed:
    return CallFailed(_reason(status), retry_after_s(headers.get("retry-after")))


def retry_after_s(header: str | None, now: datetime | None = None) -> float | None:
    """Seconds to wait, from either form of ``Retry-After``; None when there is none to be read."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        return _seconds_until(header, now or datetime.now(UTC))
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _seconds_until(date: str, now: datetime) -> float | None:
    try:
        return max(0.0, (parsedate_to_datetime(date) - now).total_seconds())
    except (ValueError, TypeError):
        return None


def _reason(status: int) -> Failure:
    if status == 429:
        return "rate_limited"
    if status in (401, 403):
        return "bad_credentials"
    return "server_error" if status >= 500 or status == 408 else "bad_request"
