"""Handles of the serving application for whoever blocks: in a task, an actor, a thread."""

from __future__ import annotations

from typing import Any

from ray import serve


def blocking_handle(deployment: str, application: str) -> Any:
    """Its answers may be waited for without an event loop, whatever Serve's throughput settings say of handles.
    Raises KeyError for an application that Serve has not got, and RayServeException."""
    handle = serve.get_deployment_handle(deployment, application)
    if not handle.is_initialized:
        handle._init(_run_router_in_separate_loop=True)  # Serve's own name for it: there is no public one
    return handle
