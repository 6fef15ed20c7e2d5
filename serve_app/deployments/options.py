"""What all deployments of the graph have in common, over Serve's defaults.

Serve's own would ask for one CPU a replica (five thin ones never fit on two cores), queue without
limit, take two seconds to notice that a replica has nothing left to do, and stop the old replicas of a
new version before the new ones run, so that one that never gets well leaves nobody. They would also make up a line
of log for each call, which nobody is to read: a twentieth of what a call costs its replica.
"""

from __future__ import annotations

from typing import Any


def thin(name: str, ongoing: int = 64, queued: int | None = None, drain_s: float = 10.0) -> dict[str, Any]:
    """``ongoing``: requests in one replica at once; ``queued``: waiting for one, -1 without limit;
    ``drain_s``: how long it may finish them when told to stop."""
    return {
        "name": name,
        "ray_actor_options": {"num_cpus": 0.05},
        "max_ongoing_requests": ongoing,
        "max_queued_requests": 4 * ongoing if queued is None else queued,
        "graceful_shutdown_wait_loop_s": 0.2,
        "graceful_shutdown_timeout_s": drain_s,
        "health_check_period_s": 5,
        "max_surge_percent": 100,
        "logging_config": {"log_level": "WARNING", "enable_access_log": False},  # Serve's own; ours goes past it
    }
