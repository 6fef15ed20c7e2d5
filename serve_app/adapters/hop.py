"""What comes back over a hop to another process of the cluster: a value, or one of our own refusals."""

from __future__ import annotations

import logging
from typing import Any

from grpc import RpcError, StatusCode
from ray.exceptions import RayActorError, RayError

from serve_app.core.errors import Unavailable, UnderstudyError

log = logging.getLogger("understudy.calls")


class PartDied(Unavailable):
    """The replica that was asked is gone."""


def ours(error: RayError) -> Exception:
    """The refusal as it was raised over there; a bug as what it is, without its trace; else Unavailable."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, UnderstudyError):
        return cause
    if cause is not None:  # a bug over there: it is told with its trace in the log, and here as what it is
        log.error("a remote call failed: %s", error)
        return RuntimeError(f"{type(cause).__name__} in a remote call")
    log.warning("a part is away: %s", type(error).__name__)
    kind = PartDied if isinstance(error, RayActorError) else Unavailable
    return kind("a part of the application is away", 2)


UNTOLD = "Unexpected error (StatusCode."
"""How Serve begins a RuntimeError about a peer that ended a call before it said whether it takes it."""


def was_cut(error: object) -> bool:
    """Serve hands on what gRPC between two replicas raised, but for a peer that cannot be reached: it died in the
    middle, or a message was larger than one may be."""
    return isinstance(error, RpcError) or (isinstance(error, RuntimeError) and str(error).startswith(UNTOLD))


def cut(error: Any) -> Unavailable:
    """The refusal that it comes to. Who died may be asked again, where that does no harm."""
    status = error.code() if callable(getattr(error, "code", None)) else None
    log.warning("a part is away: gRPC, %s", getattr(status, "name", "no status"))
    if status is StatusCode.RESOURCE_EXHAUSTED:
        return Unavailable("a part of the application was sent more than fits into one message", 5)
    return PartDied("a part of the application is away", 2)
