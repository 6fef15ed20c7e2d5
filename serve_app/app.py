"""The whole graph on one screen, and the only place where it is wired.

serve run serve_config.yaml
"""

# No `from __future__ import annotations` here: Serve reads the builders' annotations to check their args.
from pathlib import Path
from typing import Any

from ray.serve import Application

from serve_app.adapters.platform_file import read_platform
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.config import Config
from serve_app.core.errors import BadConfig
from serve_app.core.platform import Platform
from serve_app.deployments.cascade import Cascade
from serve_app.deployments.decision import Decision
from serve_app.deployments.ingress import Ingress
from serve_app.deployments.model import Model, deployment_name
from serve_app.deployments.registry import Registry
from serve_app.deployments.teacher import Teacher


class AppArgs(Config):
    """``args`` in serve_config.yaml. ``configs``: the folder of platform.yaml and use_cases."""

    configs: str = "configs"


class ModelArgs(AppArgs):
    """For a use case that is added while the application runs."""

    use_case: str


def build(args: AppArgs) -> Application:
    """ingress → cascade → model, teacher → decision, with the registry beside them."""
    catalogue, platform = read(args)
    registry = Registry.bind(platform)
    teacher = Teacher.bind(catalogue, platform)
    models = {name: _model(name, catalogue, platform, registry) for name in catalogue.names()}
    cascade = Cascade.bind(catalogue, models, teacher, Decision.bind())
    return Ingress.bind(catalogue, platform, cascade, teacher, registry)


def build_model(args: ModelArgs) -> Application:
    """One more student, as an application of its own: the cascade finds it by its name."""
    catalogue, platform = read(args)
    catalogue.get(args.use_case)
    return _model(args.use_case, catalogue, platform, None)


def read(args: AppArgs) -> tuple[UseCaseFolder, Platform]:
    """The configuration, with absolute paths: replicas may run in other folders. Raises BadConfig."""
    configs = Path(args.configs).resolve()
    platform = read_platform(configs / "platform.yaml")
    if platform.auth.mode != "local":  # to start without what was asked for would be worse
        raise BadConfig(f"auth.mode: {platform.auth.mode!r} is not built yet; expected 'local'")
    catalogue = UseCaseFolder(configs / "use_cases")
    if not catalogue.names():
        raise BadConfig("; ".join(catalogue.problems().values()) or f"{configs / 'use_cases'}: no use case")
    return catalogue, platform


def _model(name: str, catalogue: UseCaseFolder, platform: Platform, registry: Any) -> Application:
    return Model.options(name=deployment_name(name)).bind(name, catalogue, platform, registry)
