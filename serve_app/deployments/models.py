"""Where the student of a use case is found.

Use cases that were there when the application was built are bound to it; one that came later runs
as a Serve application of its own (see ``app.py``), found by its name, so that nothing restarts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import ray
from ray import serve
from ray.serve.exceptions import RayServeException

from serve_app.core.errors import Unavailable

SERVING = "understudy"
"""The serving application."""


def deployment_name(use_case: str) -> str:
    return f"Model:{use_case}"


def own_application(use_case: str) -> str:
    """The name of the application that a use case added while serving runs as."""
    return f"understudy-{use_case}"


class Models:
    """Handles by use case."""

    def __init__(self, bound: Mapping[str, Any]) -> None:
        self._handles = dict(bound)

    async def of(self, use_case: str) -> Any:
        """Raises Unavailable for a use case whose student runs nowhere."""
        if use_case not in self._handles and not ray.is_initialized():
            raise Unavailable(f"no student of {use_case} is running", 5)
        if use_case not in self._handles:
            self._handles[use_case] = await asyncio.to_thread(self._find, use_case)  # it asks the controller
        return self._handles[use_case]

    def _find(self, use_case: str) -> Any:
        try:
            return serve.get_deployment_handle(deployment_name(use_case), own_application(use_case))
        except (KeyError, RayServeException):  # Serve raises KeyError for an application it has not got
            raise Unavailable(f"no student of {use_case} is running yet", 5) from None
