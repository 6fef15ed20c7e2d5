"""Opens the registry that ``platform.yaml`` names."""

from __future__ import annotations

from pathlib import Path

from serve_app.core.platform import Platform
from serve_app.core.ports import Registry


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


def described(platform: Platform) -> str:
    """For people, without credentials."""
    uri = platform.registry.uri.get_secret_value()
    if uri.startswith(("http://", "https://")):
        return "MLflow tracking server"
    return f"MLflow, embedded ({uri.split(':', 1)[0].split('+')[0]})"
