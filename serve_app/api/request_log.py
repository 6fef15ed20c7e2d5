"""Some of the requests, a line each: what was asked, how it ended, how long it took. All of them would cost a busy
ingress more than it is told by them; what failed here is logged in any case (``door.py``)."""

from __future__ import annotations

import logging
from collections.abc import Callable

from starlette.types import Scope

from serve_app.api.who import CALLER

log = logging.getLogger("understudy.requests")


class RequestLog:
    """``share``: of the requests, by chance; ``chance``: from 0 until below 1."""

    def __init__(self, share: float, chance: Callable[[], float]) -> None:
        self._share, self._chance = share, chance

    def note(self, scope: Scope, status: int, seconds: float) -> None:
        """``status``: 0 where nobody was left to be answered."""
        if self._chance() >= self._share:
            return
        caller, request_id = CALLER.get(), scope["state"]["request_id"]
        told = (scope["method"], scope["path"], status, seconds * 1000, request_id, caller.by, caller.address)
        log.info("%s %r %d in %.1f ms: request_id=%s by=%s from=%s", *told)
