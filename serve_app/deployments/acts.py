"""A person's act, done to its end and written into the audit log, also when it was refused."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ulid import ULID

from serve_app.api.who import CALLER
from serve_app.core.audit import Audited
from serve_app.core.errors import StoreUnavailable, UnderstudyError
from serve_app.core.ports import AuditLog
from serve_app.deployments.to_its_end import ToItsEnd

log = logging.getLogger("understudy.audit")

SIDES = ("before", "after")


@dataclass(frozen=True, slots=True)
class Act:
    """Who does what to which use case, None where it concerns none; ``asked``: as it was asked for, with its reason;
    ``target``: what it is done to. ``before`` and ``after`` may stand in ``asked``, and there also ``address``,
    where it is another than the request's."""

    action: str
    by: str
    use_case: str | None
    asked: dict[str, Any]
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an act, where the audit log is told something else than whoever waits for it: what was before
    and is after, and ``detail``."""

    came: Any
    before: Any = None
    after: Any = None
    detail: dict[str, Any] = field(default_factory=dict)
    target: str | None = None


class Acts:
    def __init__(self, audit: AuditLog) -> None:
        self._audit, self._end = audit, ToItsEnd()

    async def done(self, act: Act, doing: Coroutine[Any, Any, Any]) -> Any:
        """What ``doing`` gives, or gives within ``Done``; a dict is written down beside what was asked. It goes on
        when whoever waits for it is gone: an act half done and written nowhere would be worse."""
        address = CALLER.get().address or None  # here: what is done to its end knows of no request
        return await self._end.of(self._done(act, address, doing))

    async def kept(self, act: Act, keep: Callable[[Callable[[Done], Audited]], Done]) -> Any:
        """Like ``done``, where the entry is written with the act, in one transaction. ``keep`` does that, and blocks;
        it is given what makes the entry."""
        address = CALLER.get().address or None
        return await self._end.of(self._kept(act, address, keep))

    async def _kept(self, act: Act, address: str | None, keep: Callable[[Callable[[Done], Audited]], Done]) -> Any:
        try:
            done = await asyncio.to_thread(keep, lambda done: _entry(act, address, done))
        except UnderstudyError as error:
            await self._write_refused(act, address, error)
            raise
        return done.came

    async def _done(self, act: Act, address: str | None, doing: Coroutine[Any, Any, Any]) -> Any:
        try:
            came = await doing
        except UnderstudyError as error:
            await self._write_refused(act, address, error)
            raise
        done = came if isinstance(came, Done) else Done(came, detail=came if isinstance(came, dict) else {})
        try:
            await self._write(_entry(act, address, done))
        except StoreUnavailable as error:
            raise StoreUnavailable(f"{act.action} was done, but is not in the audit log: {error.detail}") from None
        return done.came

    async def _write_refused(self, act: Act, address: str | None, error: UnderstudyError) -> None:
        with contextlib.suppress(StoreUnavailable):  # logged, and what was refused is the better answer
            await self._write(_refused(act, address, error))

    async def _write(self, entry: Audited) -> None:
        try:
            await asyncio.to_thread(self._audit.append, entry)
        except StoreUnavailable:
            log.error("the audit log is away; not in it: %s", entry)
            raise


def _entry(act: Act, address: str | None, done: Done) -> Audited:
    detail = {**act.asked, **done.detail}
    from_where, before, after = (detail.pop(name, None) for name in ("address", *SIDES))
    before, after = (before if done.before is None else done.before), (after if done.after is None else done.after)
    target, named = done.target or act.target, (act.by, act.action, act.use_case)
    return Audited(str(ULID()), datetime.now(UTC), *named, detail, target, from_where or address, before, after)


def _refused(act: Act, address: str | None, error: UnderstudyError) -> Audited:
    """Nothing is after it that was not before: what was asked for stays in the detail."""
    detail = {**act.asked, "code": error.code, "detail": error.detail}
    from_where = detail.pop("address", None)
    named = (act.by, f"{act.action}_refused", act.use_case)
    return Audited(str(ULID()), datetime.now(UTC), *named, detail, act.target, from_where or address)
