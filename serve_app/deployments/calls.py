"""A call over a Serve handle: what comes back is a value or one of our own refusals.

After a hop an exception is wrapped in a remote traceback, and a part that died raises Ray's own
errors. Neither may reach a rule or a client.
"""

from __future__ import annotations

import logging
from typing import Any

from ray.exceptions import RayActorError, RayError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

from serve_app.core.errors import Overloaded, Unavailable, UnderstudyError

log = logging.getLogger("understudy.calls")


async def call(method: Any, *args: Any) -> Any:
    """``await handle.method.remote(*args)``. Raises our own refusals as they were raised there,
    Overloaded when the queue is full, Unavailable when the part is away."""
    try:
        return await method.remote(*args)
    except RayError as error:  # before our own: what was raised over there arrives as both
        raise _ours(error) from None
    except BackPressureError:
        raise Overloaded("too many requests are waiting") from None
    except DeploymentUnavailableError:
        raise Unavailable("a part of the application is not running", 5) from None


async def call_again(method: Any, *args: Any) -> Any:
    """``call``, and once more when the replica died on it: only for what may be done twice."""
    try:
        return await call(method, *args)
    except PartDied:
        return await call(method, *args)


class PartDied(Unavailable):
    """The replica that was asked is gone."""


def _ours(error: RayError) -> Exception:
    cause = getattr(error, "cause", None)
    if isinstance(cause, UnderstudyError):
        return cause
    if cause is not None:  # a bug over there: it is told with its trace in the log, and here as what it is
        log.error("a remote call failed: %s", error)
        return RuntimeError(f"{type(cause).__name__} in a remote call")
    log.warning("a part is away: %s", type(error).__name__)
    kind = PartDied if isinstance(error, RayActorError) else Unavailable
    return kind("a part of the application is away", 2)
