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

from serve_app.adapters import whereabouts
from serve_app.adapters.config_files import load_platform
from serve_app.adapters.ray_token import show_token
from serve_app.core.errors import Unavailable

PATIENCE_S = 60.0
SHARED = ("runtime_env", "logging_config")
"""What the new application has in common with the one that answers."""


def activate(name: str, configs: Path, cold: bool = False) -> str | None:
    """The address that predicts, or None when no Understudy runs here. ``cold``: there is no student yet,
    its teacher answers. Raises Unavailable when it does not take the use case in."""
    serving = _Serving.find(configs)
    if serving is None:
        return None
    headers = _headers(configs)
    if name not in _served(serving.address, headers):
        serving.add(name, configs)
    _wait(serving.address, name, cold, headers)
    return f"{serving.address}/api/v1/predict/{name}"


class _Serving:
    """A Serve that runs Understudy. ``details``: what its dashboard says of it."""

    def __init__(self, client: Any, details: dict[str, Any]) -> None:
        self._client, self._details = client, details

    @classmethod
    def find(cls, configs: Path) -> _Serving | None:
        try:
            client = _client(_dashboard(configs))
            details = client.get_serve_details()
        except (OSError, RuntimeError):  # nobody there, or somebody else; requests' own errors are OSErrors
            return None
        return cls(client, details) if "understudy" in details.get("applications", {}) else None

    @property
    def address(self) -> str:
        options = self._details.get("http_options") or {}
        return f"http://{options.get('host') or '127.0.0.1'}:{options.get('port') or 8000}"

    def add(self, name: str, configs: Path) -> None:
        """The whole list of applications is replaced, so that those that run are sent again as they are."""
        deployed = [each["deployed_app_config"] for each in self._details["applications"].values()]
        common = self._details["applications"]["understudy"]["deployed_app_config"] or {}
        own = {
            **{key: common[key] for key in SHARED if common.get(key)},
            "name": f"understudy-{name}",
            "route_prefix": None,
            "import_path": "serve_app.app:build_model",
            "args": {"configs": str(configs.resolve()), "use_case": name},
        }
        body = {
            "proxy_location": self._details.get("proxy_location"),
            "http_options": {k: v for k, v in (self._details.get("http_options") or {}).items() if v is not None},
            "applications": [*(each for each in deployed if each and each["name"] != own["name"]), own],
        }
        try:
            self._client.deploy_applications(body)
        except (OSError, RuntimeError) as error:
            raise Unavailable(f"the running Serve did not take {name} in: {str(error)[:500]}") from error


def _dashboard(configs: Path) -> str:
    """Of the Understudy that this state folder belongs to, unless the environment names another."""
    state = Path(load_platform(configs / "platform.yaml", os.environ).state)
    found = whereabouts.read(state)
    return os.environ.get("RAY_DASHBOARD_ADDRESS") or (found.dashboard if found else "http://127.0.0.1:8265")


def _client(dashboard: str) -> Any:
    """Ray's own, which knows how to show the token that Ray made when it started."""
    from ray.dashboard.modules.serve.sdk import ServeSubmissionClient

    show_token()
    return ServeSubmissionClient(dashboard.rstrip("/"))


def _headers(configs: Path) -> dict[str, str]:
    platform = load_platform(configs / "platform.yaml", os.environ)
    if platform.auth.mode == "local":
        return {}
    from serve_app.adapters.operator_token import Operator

    return Operator(platform).headers()


def _served(address: str, headers: dict[str, str]) -> set[str]:
    """Use cases whose student runs already, trained or not."""
    return {each["use_case"] for each in _models(address, headers) if each["state"] != "failed"}


def _models(address: str, headers: dict[str, str]) -> list[dict[str, Any]]:
    try:
        answer = httpx.get(f"{address}/api/v1/predict/models", headers=headers, timeout=10)
        return list(answer.json()["models"]) if answer.status_code == 200 else []
    except (httpx.HTTPError, ValueError, KeyError):
        return []


def _wait(address: str, name: str, cold: bool, headers: dict[str, str]) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = next((each for each in _models(address, headers) if each["use_case"] == name), None)
        if found and (found["version"] or (cold and found["state"] == "cold")):
            return
        time.sleep(0.5)
    raise Unavailable(f"{name} does not answer after {PATIENCE_S:g} s; see {address}/readyz")
