"""Figures for whoever scrapes the cluster: Ray shows them, with ``ray_`` before the name, at each node's metrics port
(``prom_metrics_service_discovery.json`` in Ray's session folder names it)."""

from __future__ import annotations

from ray.util.metrics import Gauge

from serve_app.adapters.circuit import State

LEVEL: dict[State, float] = {"closed": 0.0, "half-open": 0.5, "open": 1.0}


class BreakerGauge:
    """``understudy_breaker_open`` by use case and provider: 0 while the teacher is asked, 1 while it is left alone,
    0.5 while one call tries whether it is back."""

    def __init__(self) -> None:
        description = "Whether a teacher is left alone for a while: 1 open, 0.5 half open, 0 closed."
        self._gauge = Gauge("understudy_breaker_open", description=description, tag_keys=("use_case", "provider"))

    def tell(self, use_case: str, provider: str, state: State) -> None:
        self._gauge.set(LEVEL[state], {"use_case": use_case, "provider": provider})
