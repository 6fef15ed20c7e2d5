"""What comes back over a hop to another process of the cluster: a value, or one of our own refusals."""

from __future__ import annotations

import logging

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
