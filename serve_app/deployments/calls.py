"""A call over a Serve handle: what comes back is a value or one of our own refusals.

After a hop an exception is wrapped in a remote traceback, and a part that died raises Ray's own
errors. Neither may reach a rule or a client.
"""

from __future__ import annotations

import asyncio
from typing import Any

from grpc import RpcError
from ray.exceptions import RayError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

from serve_app.adapters.hop import PartDied, cut, ours, was_cut
from serve_app.core.errors import Overloaded, Unavailable

__all__ = ["PartDied", "call", "call_again", "call_each"]


async def call(method: Any, *args: Any) -> Any:
    """``await handle.method.remote(*args)``. Raises our own refusals as they were raised there,
    Overloaded when the queue is full, Unavailable when the part is away. Who is cancelled while he waits ends what is
    done for him over there."""
    under_way: Any = None
    try:
        under_way = method.remote(*args)
        return await under_way
    except asyncio.CancelledError:
        end = getattr(under_way, "cancel", None)  # not awaiting an answer any more ends the call over gRPC only
        if end is not None:
            end()
        raise
    except RayError as error:  # before our own: what was raised over there arrives as both
        raise ours(error) from None
    except BackPressureError:
        raise Overloaded("too many requests are waiting") from None
    except DeploymentUnavailableError:
        raise Unavailable("a part of the application is not running", 5) from None
    except (RpcError, RuntimeError) as error:
        if not was_cut(error):
            raise
        raise cut(error) from None


async def call_again(method: Any, *args: Any) -> Any:
    """``call``, and once more when the replica died on it: only for what may be done twice."""
    try:
        return await call(method, *args)
    except PartDied:
        return await call(method, *args)


async def call_each(handle: Any, method: str, *args: Any, patience_s: float) -> list[Any]:
    """What every running replica answers, in no order; an exception is given in the place of its answer.
    Raises TimeoutError, and Unavailable where no replica runs."""
    try:
        came = await handle.broadcast(method, *args).results_async(timeout_s=patience_s, return_exceptions=True)
    except DeploymentUnavailableError:
        raise Unavailable("a part of the application is not running", 5) from None
    return [_translated(each) for each in came]


def _translated(came: Any) -> Any:
    if isinstance(came, RayError):
        return ours(came)
    return cut(came) if was_cut(came) else came
