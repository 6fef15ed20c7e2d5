"""Records of JSON over HTTP, page by page, asked again when the other side is busy.

The key is read from the environment when it is needed and goes nowhere but into its header: not into
an address, a log or an error's text, and not to another server than the configured one.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import stamina

from pipelines.sources.came import failed
from serve_app.core.use_case import HttpSource

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 20.0
PATIENCE_S = 120.0
"""A server that asks for a longer pause than this (Retry-After) is asked again after this long."""


class _Busy(Exception):
    """An answer that may be another one next time."""

    def __init__(self, status: int, after_s: float | None) -> None:
        super().__init__(status, after_s)
        self.status, self.after_s = status, after_s


def http_records(source: HttpSource, days: int, until: datetime) -> list[Any]:
    """Every record of every page. Raises Refusal."""
    first = until.astimezone(UTC).date() - timedelta(days=days)
    params = {**source.params, **({source.since: first.isoformat()} if source.since else {})}
    with httpx.Client(timeout=source.timeout_s, headers=_headers(source)) as client:
        return [record for page in _pages(client, source, params) for record in page]


def _headers(source: HttpSource) -> dict[str, str]:
    # httpx logs every address it asks, with all parameters.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if source.key_env is None:
        return {}
    key = os.environ.get(source.key_env)
    if not key:
        raise failed(source.name, f"the environment variable {source.key_env} with its key is not set")
    if not key.isascii() or not key.isprintable():
        raise failed(source.name, f"the key in {source.key_env} cannot be sent: it holds other than printable ASCII")
    return {source.key_header: source.key_prefix + key}


def _pages(client: httpx.Client, source: HttpSource, params: dict[str, str]) -> Iterator[list[Any]]:
    url, asked = httpx.URL(source.url), dict(params)
    for number in range(1, source.max_pages + 1):
        if source.page:
            asked = {**params, source.page: str(number)}
        answer = _ask(client, source, url, asked)
        rows = _rows(source, answer)
        yield rows
        following = _at(answer, source.next) if source.next else None
        if following:
            url, asked = _following(source, url, params, str(following))
        elif not source.page or source.next or not rows:
            return
    raise failed(source.name, f"more than {source.max_pages} pages (max_pages)")


def _following(
    source: HttpSource, url: httpx.URL, params: dict[str, str], given: str
) -> tuple[httpx.URL, dict[str, str]]:
    """The next page: an address, which holds its own parameters, or a cursor."""
    if not given.startswith(("http://", "https://", "/", "?")):
        return url, {**params, source.cursor: given}
    there = url.join(given)
    if (there.scheme, there.host, there.port) != (url.scheme, url.host, url.port):
        raise failed(source.name, f"the next page is on another server, {there.host}; the key does not go there")
    return there, {}


def _ask(client: httpx.Client, source: HttpSource, url: httpx.URL, params: dict[str, str]) -> Any:
    try:
        response = _again(client, source, url, params)
    except _Busy as busy:
        raise failed(source.name, f"{url.host} answered {busy.status} {source.retries + 1} times") from None
    except httpx.HTTPError as error:
        raise failed(source.name, f"{url.host} could not be asked: {type(error).__name__}") from None
    if response.status_code != httpx.codes.OK:
        raise failed(source.name, f"{url.host} answered {response.status_code}")
    try:
        return response.json()
    except ValueError:
        raise failed(source.name, f"the answer of {url.host} is no JSON") from None


def _again(
    client: httpx.Client, source: HttpSource, url: httpx.URL, params: dict[str, str]
) -> httpx.Response:  # fmt: skip
    attempts = stamina.retry_context(
        on=_pause, attempts=source.retries + 1, timeout=None,
        wait_initial=FIRST_PAUSE_S, wait_max=LONGEST_PAUSE_S, wait_jitter=FIRST_PAUSE_S,
    )  # fmt: skip
    for attempt in attempts:
        with attempt:
            response = client.get(url.copy_merge_params(params))
            if response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
                raise _Busy(response.status_code, _after(response))
            return response
    raise AssertionError("the last attempt returns or raises")


def _pause(error: Exception) -> bool | float:
    """Whether to ask again, or after how many seconds."""
    if isinstance(error, _Busy):
        return True if error.after_s is None else error.after_s
    return isinstance(error, httpx.TransportError)


def _after(response: httpx.Response) -> float | None:
    """Retry-After is seconds or a date."""
    given = response.headers.get("Retry-After", "")
    try:
        seconds = float(given) if given.isdigit() else _until(given)
    except (ValueError, TypeError):
        return None
    return min(max(seconds, 0.0), PATIENCE_S)


def _until(given: str) -> float:
    return (parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds()


def _rows(source: HttpSource, answer: Any) -> list[Any]:
    rows = _at(answer, source.rows) if source.rows else answer
    if not isinstance(rows, list):
        where = f"at {source.rows!r} " if source.rows else ""
        raise failed(source.name, f"its answer has no list of rows {where}(rows)")
    return rows


def _at(answer: Any, path: str) -> Any:
    for part in path.split("."):
        answer = answer.get(part) if isinstance(answer, dict) else None
    return answer
