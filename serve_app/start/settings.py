"""What is to be started, read and checked before anything runs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from serve_app.adapters.config_files import load_platform
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.platform import Platform

if TYPE_CHECKING:
    from serve_app.adapters.operator_token import Operator

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Settings:
    """``config``: serve_config.yaml as Serve takes it, with our port in it. ``operator``: who asks for the start
    command, once it is known."""

    config: dict[str, Any]
    port: int
    dashboard_port: int
    platform: Platform
    catalogue: UseCaseFolder
    operator: Operator | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Of whatever the start command asks."""
        return {} if self.operator is None else self.operator.headers()

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def dashboard(self) -> str:
        return f"http://{HOST}:{self.dashboard_port}"


def read_settings(path: Path, port: int | None, dashboard_port: int) -> Settings:
    """Raises BadConfig, with everything that is wrong."""
    from serve_app.adapters.serve_config_file import check_serve_config
    from serve_app.app import AppArgs

    configs = _configs(path)
    platform = load_platform(configs / "platform.yaml", os.environ)
    check_serve_config(path, platform, AppArgs)
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    options = {**config.get("http_options", {})}
    options["port"] = options.get("port", 8000) if port is None else port
    config["http_options"] = options
    return Settings(config, options["port"], dashboard_port, platform, UseCaseFolder(configs / "use_cases"))


def _configs(path: Path) -> Path:
    """The folder that the application named in serve_config.yaml reads."""
    from serve_app.adapters.yaml_file import read_yaml

    document = read_yaml(path)
    applications = document.data.get("applications") or [{}] if isinstance(document.data, dict) else [{}]
    args = applications[0].get("args") or {} if isinstance(applications[0], dict) else {}
    return Path(str(args.get("configs", "configs")))
