"""Answers as bytes. orjson writes them directly; nothing is validated again on the way out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from serve_app.core.ports import Answered


def headers_of(answered: Answered) -> dict[str, str]:
    """``Retry-After`` where rows were not paid for: when there is money for them."""
    return {} if answered.retry_after_s is None else {"Retry-After": str(answered.retry_after_s)}


def reply(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return as_sent(orjson.dumps(content), headers, "application/json", status)


def as_sent(body: bytes, headers: Mapping[str, str] | None, media: str, status: int = 200) -> Response:
    return Response(body, status, headers, media_type=media)
