"""What Ray and all its processes are told by environment: one place, a line each on what it does."""

from __future__ import annotations

import os

ENVIRONMENT = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # a node alone, known as 127.0.0.1: Ray then listens nowhere else
    "__RAY_WORKER_PROCESS_SETUP_HOOK_ENV_VAR": "serve_app.start.loopback.listen_here",  # and nor does Serve
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is reported to anybody
    "RAY_SERVE_LOG_TO_STDERR": "0",  # the logs lie in files and in the dashboard, not over the banner
    "RAY_DEDUP_LOGS": "1",
    "RAY_enable_open_telemetry": "0",
    "PYTHONUNBUFFERED": "1",
}
"""Set for Ray and all its processes, unless set already."""


def set_environment() -> None:
    """Before Ray is imported: it reads most of this once. What is set already stays."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
