"""The whole graph on one screen, and the only place where it is wired.

serve run serve_config.yaml
"""

# No `from __future__ import annotations` here: Serve reads the builders' annotations to check their args.
from pathlib import Path
from typing import Any

from ray.serve import Application, Deployment

from serve_app.adapters.platform_file import read_platform
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.config import Config
from serve_app.core.errors import BadConfig
from serve_app.core.platform import Platform
from serve_app.deployments.cascade import Cascade
from serve_app.deployments.decision import Decision
from serve_app.deployments.ingress import Ingress
from serve_app.deployments.model import Model
from serve_app.deployments.models import deployment_name
from serve_app.deployments.placement import Inside, part
from serve_app.deployments.registry import Registry
from serve_app.deployments.replays import Replays
from serve_app.deployments.teacher import Teacher


class AppArgs(Config):
    """``args`` in serve_config.yaml. ``configs``: the folder of platform.yaml and use_cases."""

    configs: str = "configs"


class ModelArgs(AppArgs):
    """For a use case that is added while the application runs."""

    use_case: str


def build(args: AppArgs) -> Application:
    """ingress → cascade → model, teacher → decision, with the registry beside them. ``placement`` says which of
    them are inside the ingress."""
    catalogue, platform = read(args)
    registry = Registry.bind(platform)
    teacher = Teacher.bind(catalogue, platform)
    models = {name: _model(name, catalogue, platform, registry) for name in catalogue.names()}
    apart = platform.cascade_apart
    cascade = part(Cascade, apart, catalogue, platform, models, teacher, part(Decision, apart))
    replays = Replays.bind(catalogue, platform, registry)
    ingress = Ingress.options(num_replicas=platform.replicas.ingress)
    return ingress.bind(catalogue, platform, cascade, teacher, registry, replays)


def build_model(args: ModelArgs) -> Application:
    """One more student, as an application of its own in every placement: the cascade finds it by its name."""
    catalogue, platform = read(args)
    catalogue.get(args.use_case)
    return _apart(args.use_case, platform).bind(args.use_case, catalogue, platform, None)


def read(args: AppArgs) -> tuple[UseCaseFolder, Platform]:
    """The configuration, with absolute paths: replicas may run in other folders. Raises BadConfig."""
    configs = Path(args.configs).resolve()
    platform = read_platform(configs / "platform.yaml")
    catalogue = UseCaseFolder(configs / "use_cases")
    if not catalogue.names():
        raise BadConfig("; ".join(catalogue.problems().values()) or f"{configs / 'use_cases'}: no use case")
    return catalogue, platform


def _model(name: str, catalogue: UseCaseFolder, platform: Platform, registry: Any) -> Application | Inside:
    return part(_apart(name, platform), platform.students_apart, name, catalogue, platform, registry)


def _apart(use_case: str, platform: Platform) -> Deployment:
    return Model.options(name=deployment_name(use_case), num_replicas=platform.replicas.model)
