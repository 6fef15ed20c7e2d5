"""Opens the registry that ``platform.yaml`` names."""

from __future__ import annotations

import logging
from pathlib import Path

from serve_app.core.errors import RegistryUnavailable
from serve_app.core.platform import Platform
from serve_app.core.ports import Registry, Version
from serve_app.core.swap import CHALLENGER, CHAMPION, PREVIOUS, moves

log = logging.getLogger("understudy.registry")


def open_registry(platform: Platform) -> Registry:
    """Raises RegistryUnavailable. ``{state}`` stands for the state folder."""
    from serve_app.adapters.mlflow_registry import MlflowRegistry  # its import takes seconds

    Path(platform.state).mkdir(parents=True, exist_ok=True)
    uri = platform.registry.uri.get_secret_value().replace("{state}", platform.state)
    root = platform.artefacts.root.replace("{state}", platform.state)
    return MlflowRegistry(uri, root, max_bytes=platform.artefacts.max_bundle_mb * 1024 * 1024)


def nothing_registered(platform: Platform) -> bool:
    """True when the embedded registry's database has not even been made."""
    uri = platform.registry.uri.get_secret_value().replace("{state}", platform.state)
    return uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists()


def move_champion(registry: Registry, use_case: str, version: str) -> str | None:
    """Moves the alias, and those that follow from it. The version that is ``previous`` now. Raises NotFound, and
    RegistryUnavailable where it did not move, or the registry does not even tell whether it did."""
    champion, challenger = _number(registry, use_case, CHAMPION), _number(registry, use_case, CHALLENGER)
    try:
        for alias, number in moves(version, champion, challenger):
            if number:
                registry.set_alias(use_case, alias, number)
            else:
                registry.remove_alias(use_case, alias)
    except RegistryUnavailable as error:
        if _number(registry, use_case, CHAMPION) != version:
            raise
        log.warning("%s: version %s is the champion, and an alias beside it is not as it should be: %s",
                    use_case, version, error)  # fmt: skip
    return champion if champion != version else _number(registry, use_case, PREVIOUS)


def _number(registry: Registry, use_case: str, alias: str) -> str | None:
    found: Version | None = registry.aliased(use_case, alias)
    return None if found is None else found.version


def described(platform: Platform) -> str:
    """For people, without credentials."""
    uri = platform.registry.uri.get_secret_value()
    if uri.startswith(("http://", "https://")):
        return "MLflow tracking server"
    return f"MLflow, embedded ({uri.split(':', 1)[0].split('+')[0]})"
