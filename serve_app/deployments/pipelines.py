"""The pipelines, from the serving side: another application, that may not be there."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import ray
from ray import serve
from ray.serve.exceptions import RayServeException

from serve_app.core.errors import Unavailable, UnderstudyError
from serve_app.deployments.calls import call
from serve_app.deployments.parts import PIPELINES

log = logging.getLogger("understudy.pipelines")

NUDGE_S = 3.0


class Pipelines:
    """``handle``: looked for when it is first needed, unless it is given."""

    def __init__(self, handle: Any = None) -> None:
        self._handle = handle
        self._nudges: set[asyncio.Task[None]] = set()

    def nudge(self) -> None:
        """There is something to do. Nobody waits for it, and nothing is lost where it does not arrive:
        the pipelines look by themselves every few seconds."""
        task = asyncio.create_task(self._nudge())
        self._nudges.add(task)
        task.add_done_callback(self._nudges.discard)

    async def best(self, use_case: str, by: str, reason: str) -> dict[str, Any]:
        """Raises Unavailable when the pipelines do not run."""
        handle = await self._found()
        if handle is None:
            raise Unavailable("the pipelines do not run, and only they compare versions", 30)
        came: dict[str, Any] = await call(handle.best, use_case, by, reason)
        return came

    async def _nudge(self) -> None:
        try:
            async with asyncio.timeout(NUDGE_S):
                if (handle := await self._found()) is not None:
                    await call(handle.nudge)
        except (UnderstudyError, TimeoutError) as error:
            log.info("the pipelines were not nudged: %s", error or "no answer")
        except Exception:
            log.exception("the pipelines could not be nudged")

    async def _found(self) -> Any:
        if self._handle is None and ray.is_initialized():  # else asking would start a cluster
            try:
                self._handle = await asyncio.to_thread(serve.get_deployment_handle, *PIPELINES)
            except (KeyError, RayServeException):
                return None
        return self._handle
