"""A person's act, done to its end and written into the audit log, also when it was refused."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ulid import ULID

from serve_app.core.audit import Audited
from serve_app.core.errors import StoreUnavailable, UnderstudyError
from serve_app.core.ports import AuditLog
from serve_app.deployments.to_its_end import ToItsEnd

log = logging.getLogger("understudy.audit")


@dataclass(frozen=True, slots=True)
class Act:
    """Who does what to which use case, None where it concerns none; ``asked``: as it was asked for, with its reason."""

    action: str
    by: str
    use_case: str | None
    asked: dict[str, Any]


class Acts:
    def __init__(self, audit: AuditLog) -> None:
        self._audit, self._end = audit, ToItsEnd()

    async def done(self, act: Act, doing: Coroutine[Any, Any, Any]) -> Any:
        """What ``doing`` gives; a dict is written down beside what was asked. It goes on when whoever
        waits for it is gone: an act half done and written nowhere would be worse."""
        return await self._end.of(self._done(act, doing))

    async def _done(self, act: Act, doing: Coroutine[Any, Any, Any]) -> Any:
        try:
            came = await doing
        except UnderstudyError as error:
            await self._write_refused(act, error)
            raise
        try:
            await self._write(act, act.action, came if isinstance(came, dict) else {})
        except StoreUnavailable as error:
            raise StoreUnavailable(f"{act.action} was done, but is not in the audit log: {error.detail}") from None
        return came

    async def _write_refused(self, act: Act, error: UnderstudyError) -> None:
        with contextlib.suppress(StoreUnavailable):  # logged, and what was refused is the better answer
            await self._write(act, f"{act.action}_refused", {"code": error.code, "detail": error.detail})

    async def _write(self, act: Act, action: str, came: dict[str, Any]) -> None:
        entry = Audited(str(ULID()), datetime.now(UTC), act.by, action, act.use_case, {**act.asked, **came})
        try:
            await asyncio.to_thread(self._audit.append, entry)
        except StoreUnavailable:
            log.error("the audit log is away; not in it: %s", entry)
            raise
