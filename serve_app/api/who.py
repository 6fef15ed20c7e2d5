"""Who asks, for whatever is done for this request in this process."""

from __future__ import annotations

from contextvars import ContextVar

from serve_app.core.caller import Caller

CALLER: ContextVar[Caller] = ContextVar("understudy_caller", default=Caller())  # noqa: B039 - it is frozen
