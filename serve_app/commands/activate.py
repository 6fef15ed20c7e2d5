"""Adds a use case to an Understudy that is running, and restarts nothing.

The student runs as a Serve application of its own, put beside those that are there: an application
whose configuration did not change is left alone by Serve.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import httpx

from serve_app.core.errors import Unavailable

PATIENCE_S = 60.0


def activate(name: str, configs: Path) -> str | None:
    """The address that predicts, or None when no Understudy runs here. Raises Unavailable when it
    does not take the use case in."""
    dashboard = os.environ.get("RAY_DASHBOARD_ADDRESS", "http://127.0.0.1:8265").rstrip("/")
    running = _running(dashboard)
    if running is None:
        return None
    address = _address(running)
    if name not in _served(address):
        _add(dashboard, running, name, configs)
    _wait(address, name)
    return f"{address}/api/v1/predict/{name}"


def _running(dashboard: str) -> dict[str, Any] | None:
    try:
        answer = httpx.get(f"{dashboard}/api/serve/applications/", timeout=10)
        details = answer.json() if answer.status_code == 200 else {}
    except (httpx.HTTPError, ValueError):
        return None
    return details if "understudy" in details.get("applications", {}) else None


def _address(running: dict[str, Any]) -> str:
    options = running.get("http_options") or {}
    return f"http://{options.get('host') or '127.0.0.1'}:{options.get('port') or 8000}"


def _served(address: str) -> set[str]:
    """Use cases whose student runs already, trained or not."""
    return {each["use_case"] for each in _models(address) if each["state"] != "failed"}


def _models(address: str) -> list[dict[str, Any]]:
    try:
        answer = httpx.get(f"{address}/api/v1/predict/models", timeout=10)
        return list(answer.json()["models"]) if answer.status_code == 200 else []
    except (httpx.HTTPError, ValueError, KeyError):
        return []


def _add(dashboard: str, running: dict[str, Any], name: str, configs: Path) -> None:
    """PUT replaces the whole list of applications, so that those that run are sent again as they are."""
    deployed = [each["deployed_app_config"] for each in running["applications"].values()]
    own = {
        "name": f"understudy-{name}",
        "route_prefix": None,
        "import_path": "serve_app.app:build_model",
        "args": {"configs": str(configs.resolve()), "use_case": name},
    }
    body = {
        "proxy_location": running.get("proxy_location"),
        "http_options": {k: v for k, v in (running.get("http_options") or {}).items() if v is not None},
        "applications": [*(each for each in deployed if each), own],
    }
    answer = httpx.put(f"{dashboard}/api/serve/applications/", json=body, timeout=60)
    if answer.status_code != 200:
        raise Unavailable(f"the running Serve did not take {name} in ({answer.status_code})")


def _wait(address: str, name: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if any(each["use_case"] == name and each["version"] for each in _models(address)):
            return
        time.sleep(0.5)
    raise Unavailable(f"{name} does not answer after {PATIENCE_S:g} s; see {address}/readyz")
