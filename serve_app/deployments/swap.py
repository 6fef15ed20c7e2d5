"""A swap over every replica of a student: prepare everywhere, move the alias, commit everywhere.

The alias is the truth. A replica that is started, or comes back, between the steps follows it by itself,
and so does one that missed the commit; who dies between the alias and the commit leaves no more behind.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakValueDictionary

import ray
from ray import serve
from ray.serve.exceptions import RayServeException

from serve_app.core.errors import PromotionRefused, Unavailable, UnderstudyError
from serve_app.core.swap import Readiness, refusal
from serve_app.deployments.calls import call, call_each
from serve_app.deployments.models import SERVING, deployment_name, own_application

log = logging.getLogger("understudy.swap")

FIND_S = 15.0
"""How long a student's first replica is waited for."""

PREPARE_S = 240.0
"""A download, a trial in a child process (two minutes at most), a load; on a machine that has other work."""

COMMIT_S = 10.0

INGRESS = ("Ingress", SERVING)
"""Deployment and application of what holds the students where they are fused."""

_HERE: WeakValueDictionary[tuple[str, str], Any] = WeakValueDictionary()


def announce(state: str, use_case: str, desk: Any) -> None:
    """Tells that a student's replica runs in this process. ``desk.loop``: where its methods run."""
    _HERE[state, use_case] = desk


async def in_this_process(state: str, use_case: str, method: str, *args: Any) -> Any:
    """What the student's desk says to ``method``, for whoever runs on its loop. None where there is no such desk."""
    desk = _HERE.get((state, use_case))
    if desk is None:
        return None
    came = getattr(desk, method)(*args)
    return await came if inspect.isawaitable(came) else came


class Replicas:
    """Finds a student's replicas: those of this process (in local testing mode all are), else those of
    the serving application, of the student's own, or, unless students are ``apart``, the ingress replicas
    that hold it. ``state``: the folder that names this Understudy."""

    def __init__(self, state: str, apart: bool = True) -> None:
        self._state, self._apart = state, apart
        self._handles: dict[tuple[str, str], Any] = {}

    async def of(self, use_case: str) -> Any | None:
        """A handle over at least one running replica; None where the student runs nowhere. Raises
        Unavailable where it should run and no replica answers."""
        if (desk := _HERE.get((self._state, use_case))) is not None:
            return InProcess(desk)
        if not ray.is_initialized():
            return None
        handle = await asyncio.to_thread(self._find, use_case)  # it asks the controller
        return None if handle is None else await running(handle, use_case)

    def _find(self, use_case: str) -> Any | None:
        places = [(deployment_name(use_case), SERVING), (deployment_name(use_case), own_application(use_case))]
        for place in places if self._apart else [*places[1:], INGRESS]:
            try:
                found = serve.get_deployment_handle(*place)
            except (KeyError, RayServeException):  # Serve raises KeyError for an application it has not got
                continue
            known = self._handles.setdefault(place, found)
            return Fused(known, use_case) if place == INGRESS else known
        return None


async def running(handle: Any, use_case: str) -> Any | None:
    """``handle``, once it has learnt who its replicas are; None where those hold no such student."""
    state = await _soon(call(handle.state), use_case)
    return None if state is None else handle


class Fused:
    """A handle over the student that each ingress replica holds. ``ingress``: the handle of those."""

    def __init__(self, ingress: Any, use_case: str) -> None:
        self._ingress, self._use_case = ingress, use_case
        self.state = _State(ingress, use_case)

    def broadcast(self, method: str, *args: Any) -> Any:
        return self._ingress.broadcast("student", self._use_case, method, *args)


class _State:
    def __init__(self, ingress: Any, use_case: str) -> None:
        self._ingress, self._use_case = ingress, use_case

    def remote(self) -> Any:
        return self._ingress.student.remote(self._use_case, "state")


class InProcess:
    """``handle.broadcast`` for the one replica of this process."""

    def __init__(self, desk: Any) -> None:
        self._desk = desk

    def broadcast(self, method: str, *args: Any) -> InProcess:
        self._asked = asyncio.run_coroutine_threadsafe(getattr(self._desk, method)(*args), self._desk.loop)
        return self

    async def results_async(self, *, timeout_s: float, return_exceptions: bool) -> list[Any]:
        asked = asyncio.wait_for(asyncio.wrap_future(self._asked), timeout_s)
        return list(await asyncio.gather(asked, return_exceptions=return_exceptions))


async def swap(handle: Any, version: str, digest: str, move: Callable[[], Awaitable[Any]]) -> list[Readiness]:
    """Both steps, with ``move`` between them. What each replica said when it prepared. Raises
    PromotionRefused: then nothing has changed anywhere; and whatever ``move`` raises: then nothing is
    committed, and should the alias have moved all the same, every replica follows it by itself."""
    told = await told_by_each(handle, "prepare", version, digest, patience_s=PREPARE_S)
    try:
        if why := refusal(version, told):
            raise PromotionRefused(why)
        await move()
    except BaseException:
        await told_by_each(handle, "abandon", patience_s=COMMIT_S)
        raise
    for each in await told_by_each(handle, "commit", version, digest, patience_s=COMMIT_S):
        if not each.ready:
            log.warning("a replica did not commit, and follows the alias: %s", each.reason)
    return told


async def told_by_each(handle: Any, method: str, *args: Any, patience_s: float) -> list[Readiness]:
    """A replica that does not answer is not ready. Never empty."""
    try:
        came = await call_each(handle, method, *args, patience_s=patience_s)
    except (TimeoutError, UnderstudyError) as error:
        came = [error]
    return [each if isinstance(each, Readiness) else _unheard(each, patience_s) for each in came]


def _unheard(error: Any, patience_s: float) -> Readiness:
    if isinstance(error, TimeoutError):
        return Readiness("?", False, "unavailable", f"no answer within {patience_s:g} s")
    code = error.code if isinstance(error, UnderstudyError) else "unavailable"
    return Readiness("?", False, code, str(error) or type(error).__name__)


async def _soon(asked: Awaitable[Any], use_case: str) -> Any:
    try:
        return await asyncio.wait_for(asked, FIND_S)
    except TimeoutError:
        raise Unavailable(f"no replica of the student of {use_case} answers", 5) from None
