"""``understudy deploy``: ``platform.yaml`` and ``serve_config.yaml`` as they are now, for the Understudy that runs.

Each new replica runs before the old one it replaces is told to go, so that nobody notices. What does not get well is
taken back by itself: the old replicas have served all the while.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from serve_app.adapters.kept_settings import Applications, Deployed, keep, pinned, recall, remember
from serve_app.core.errors import Conflict, Unavailable

NOBODY = "no Understudy runs here: `understudy serve` starts one with the configuration as it is"

PATIENCE_S = 240.0
PAUSE_S = 1.0
SETTLED = 3
"""Looks in a row: an application is called running for a moment before its new version begins."""


def deploy(
    config: Annotated[Path, typer.Option(help="What Ray Serve is to run.")] = Path("serve_config.yaml"),
    back: Annotated[bool, typer.Option("--back", help="To what was in force before the last deploy.")] = False,
) -> None:
    """Put the edited configuration in force without a failed request, or go back."""
    from serve_app.commands.activate import serving_client

    put_in_force(config, back, serving_client)


def put_in_force(config: Path, back: bool, client: Callable[[Path], Any], pause_s: float = PAUSE_S) -> None:
    """``client``: Ray's, of the Understudy that a state folder belongs to. Raises BadConfig, Conflict, and Unavailable
    where it does not get well and what was before it is in force again."""
    from serve_app.start.settings import configs_of, read_platform_of

    configs = configs_of(config)
    state = _state(configs) if back else Path(read_platform_of(config)[1].state)
    running = _Running(_reached(client, state), pause_s)
    here = running.applications()
    wanted = _before(state) if back else _wanted(config, configs, state)
    print(f"deploying {', '.join(each['name'] for each in wanted)} …", flush=True)
    failed = running.become(_all(wanted, here))
    if failed is None:
        remember(state, wanted, here)
        print("in force; `understudy deploy --back` goes back")
        return
    print(f"it does not get well: {failed}\ngoing back …", flush=True)
    again = running.become(here)
    raise Unavailable(
        f"not deployed, what was in force before is again: {failed}" if again is None
        else f"not deployed, and what was in force before does not come back: {again}"
    )  # fmt: skip


class _Running:
    """``client``: Ray's own, of the dashboard."""

    def __init__(self, client: Any, pause_s: float) -> None:
        self._client, self._pause_s = client, pause_s

    def applications(self) -> Applications:
        """As they were deployed. Raises Conflict where none of ours runs here."""
        found = self._details()["applications"]
        if "understudy" not in found:
            raise Conflict(NOBODY)
        return [each["deployed_app_config"] for each in found.values() if each["deployed_app_config"]]

    def become(self, applications: Applications) -> str | None:
        """Why it has not: None once all of it runs."""
        details = self._details()
        options = {k: v for k, v in (details.get("http_options") or {}).items() if v is not None}
        body = {"proxy_location": details.get("proxy_location"), "http_options": options, "applications": applications}
        try:
            self._client.deploy_applications(body)
        except (OSError, RuntimeError) as error:
            return str(error).strip().splitlines()[-1][:500]
        return self._until_well({each["name"] for each in applications})

    def _until_well(self, names: set[str]) -> str | None:
        end, well = time.monotonic() + PATIENCE_S, 0
        while time.monotonic() < end:
            time.sleep(self._pause_s)
            try:
                found = {name: app for name, app in self._details()["applications"].items() if name in names}
            except (OSError, RuntimeError):
                continue
            ill = [app for app in found.values() if app["status"] in ("DEPLOY_FAILED", "UNHEALTHY")]
            if ill:
                return _why(ill[0])
            well = well + 1 if all(app["status"] == "RUNNING" for app in found.values()) else 0
            if well >= SETTLED:
                return None
        return f"not all of it runs after {PATIENCE_S:g} s"

    def _details(self) -> dict[str, Any]:
        return dict(self._client.get_serve_details())


def _why(app: dict[str, Any]) -> str:
    """The last line of what the first deployment that is ill says, or else the application."""
    ill = [each for each in (app.get("deployments") or {}).values() if each["status"] not in ("HEALTHY", "UPDATING")]
    told = [str(each["message"]).strip() for each in [*ill, app] if each["message"]]
    return told[0].splitlines()[-1].strip()[:500] if told else str(app["status"])


def _wanted(config: Path, configs: Path, state: Path) -> Applications:
    kept = keep(configs / "platform.yaml", state)
    return pinned(yaml.safe_load(config.read_text(encoding="utf-8"))["applications"], kept)


def _all(wanted: Applications, here: Applications) -> Applications:
    """With what runs besides, such as use cases that were added meanwhile: Serve ends what is not named."""
    return [*wanted, *(each for each in here if each["name"] not in {one["name"] for one in wanted})]


def _before(state: Path) -> Applications:
    found: Deployed | None = recall(state)
    if found is None or not found.before:
        raise Conflict("nothing was deployed since the start, so there is nothing to go back to")
    return found.before


def _reached(client: Callable[[Path], Any], state: Path) -> Any:
    try:
        return client(state)
    except (OSError, RuntimeError):
        raise Conflict(NOBODY) from None


def _state(configs: Path) -> Path:
    """Also where platform.yaml cannot be read any more, which may be why somebody goes back."""
    from serve_app.adapters.config_files import load_platform
    from serve_app.core.errors import BadConfig

    try:
        return Path(load_platform(configs / "platform.yaml", os.environ).state)
    except BadConfig:
        return Path(os.environ.get("UNDERSTUDY_STATE", ".understudy"))
