"""Request bodies: bytes in, JSON values out. Limits are kept before anything is parsed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from itertools import chain, islice
from typing import Any, TypeVar

import orjson
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from serve_app.api.errors import InvalidJson, SlowBody, TooDeep
from serve_app.core.errors import FieldError, InvalidInput, TooLarge, UnsupportedMedia
from serve_app.core.misfits import SHOWN, short, shown
from serve_app.core.platform import Limits

Out = TypeVar("Out")


async def read_json(request: Request, limits: Limits) -> Any:
    """Raises UnsupportedMedia, TooLarge, SlowBody, InvalidJson, TooDeep. Of a key that stands twice
    in an object the last counts."""
    check_media(request.headers)
    return parse(await read(request, limits), limits.max_depth)


async def read_optional_json(request: Request, limits: Limits) -> Any:
    """Like ``read_json``, but a body that is not there is {}, and then needs no content type.

    A browser tells where a web page's POST comes from, and such a page must not start anything without
    having asked first: so with an Origin the content type is demanded all the same."""
    raw = await read(request, limits)
    if raw.strip() or "origin" in request.headers:
        check_media(request.headers)
    return parse(raw, limits.max_depth) if raw.strip() else {}


def check_media(headers: Headers, but: str | None = None) -> None:
    """A web page of another origin can send text and forms without asking first, but not JSON: so a
    missing content type is refused as well. ``but``: another type, of JSON's kind, that is let in here."""
    kind, parameters = media_of(headers)
    if kind not in ("application/json", but) and not (kind.startswith("application/") and kind.endswith("+json")):
        raise UnsupportedMedia(f"send application/json, not {kind[:80] or 'a body without a content type'}")
    if "charset" in parameters and "utf-8" not in parameters:
        raise UnsupportedMedia("JSON is read as UTF-8 only")
    check_coding(headers)


def media_of(headers: Headers) -> tuple[str, str]:
    """The content type in lower case, and its parameters; both empty where there is none."""
    kind, _, parameters = headers.get("content-type", "").lower().partition(";")
    return kind.strip(), parameters


def check_coding(headers: Headers) -> None:
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMedia("send the body without a content encoding")


async def read(request: Request, limits: Limits) -> bytes:
    """The body, up to the limit, whether or not its length was announced. It may take half of the
    time that a request has."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limits.max_body_bytes:
        raise _too_large(limits)
    try:
        async with asyncio.timeout(limits.request_timeout_s / 2):
            return await _collect(request.receive, limits)
    except TimeoutError:
        raise SlowBody(f"the body did not arrive within {limits.request_timeout_s / 2:g} s") from None


async def _collect(receive: Receive, limits: Limits) -> bytes:
    """Nearly every body comes in one piece, which is not copied."""
    whole, more = await _piece(receive)
    if more:
        whole = bytearray(whole)
    while more and len(whole) <= limits.max_body_bytes:
        piece, more = await _piece(receive)
        whole += piece
    if len(whole) > limits.max_body_bytes:
        raise _too_large(limits)
    return bytes(whole)


async def _piece(receive: Receive) -> tuple[bytes | bytearray, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)


def _too_large(limits: Limits) -> TooLarge:
    return TooLarge(f"a body may hold {limits.max_body_bytes} bytes")


def parse(raw: bytes, max_depth: int, what: str = "body") -> Any:
    """``what``: how a refusal calls it."""
    value = _loaded(raw, max_depth, what)
    _check_depth(raw, value, max_depth, what)
    return value


def parsed(raw: bytes, max_depth: int, read: Callable[[Any], Out]) -> Out:
    """What ``read`` makes of the body. It must refuse whatever nests deep, as InvalidInput: so only what it
    refuses is looked at for its depth, which is told first."""
    value = _loaded(raw, max_depth, "body")
    try:
        return read(value)
    except InvalidInput:
        _check_depth(raw, value, max_depth, "body")
        raise


def _loaded(raw: bytes, max_depth: int, what: str) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as exc:
        if not raw.strip():
            raise InvalidJson(f"the {what} is empty") from None
        if "depth limit" in str(exc):  # orjson's own, at 1024
            raise _too_deep(what, max_depth) from None
        raise InvalidJson(f"the {what} is not JSON: {exc}") from None


def _check_depth(raw: bytes, value: Any, max_depth: int, what: str) -> None:
    if raw.count(b"[") + raw.count(b"{") > max_depth and is_deeper(value, max_depth):
        raise _too_deep(what, max_depth)


def _too_deep(what: str, max_depth: int) -> TooDeep:
    return TooDeep(f"a {what} may nest {max_depth} levels deep")


def is_deeper(value: Any, levels: int) -> bool:
    """Level by level, so that depth costs no recursion."""
    containers = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        if not containers:
            return False
        inner = chain.from_iterable(c.values() if type(c) is dict else c for c in containers)
        containers = [v for v in inner if type(v) is dict or type(v) is list]
    return bool(containers)


def members(body: Any, required: Iterable[str], optional: Iterable[str] = ()) -> dict[str, Any]:
    """``body`` when it is an object with the ``required`` members and no others but ``optional``."""
    required, allowed = list(required), {*required, *optional}
    if not isinstance(body, dict):
        wanted = f"an object with {', '.join(required)}"
        raise InvalidInput("the body is not an object", [FieldError("body", shown(body), wanted)])
    missing = [FieldError(name, "missing", "this member") for name in required if name not in body]
    unknown = islice((name for name in body if name not in allowed), SHOWN)
    others = [FieldError(short(name), "unknown field", f"only {', '.join(sorted(allowed))}") for name in unknown]
    if missing or others:
        raise InvalidInput("the body has other members than it should", [*missing, *others])
    return body


def many(name: str, value: Any, max_batch: int) -> list[Any]:
    """``value`` when it is an array of at least one and at most as many rows as a batch may hold."""
    expected = f"an array of 1 to {max_batch} instances"
    if not isinstance(value, list):
        raise InvalidInput(f"{name} is not an array", [FieldError(name, shown(value), expected)])
    if not 1 <= len(value) <= max_batch:
        raise InvalidInput(f"{name} holds {len(value)}", [FieldError(name, f"holds {len(value)}", expected)])
    return value
