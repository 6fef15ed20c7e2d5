"""First champions: every use case with labelled rows and no champion gets one, and so does one whose
features or target have changed since its champion was trained.

    python -m pipelines.bootstrap --only NAME

One run of Ray Train for all of them, since a run costs more to set up than a small student to grow.
A use case that cannot train, or whose student the gate refuses, is told and stops nobody.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import ray
from ray._private import ray_constants

from pipelines.first_champions import registered, task
from pipelines.train import TrainTask, come_up, room, train
from serve_app.adapters import whereabouts
from serve_app.adapters.config_files import load_platform
from serve_app.adapters.ray_token import keep_token, show_token
from serve_app.adapters.registries import open_registry
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.errors import UnderstudyError
from serve_app.core.platform import Platform
from serve_app.core.ports import Registry

Tell = Callable[[str, str], None]
"""(use case, how it is going)."""


def bootstrap(names: Iterable[str], catalogue: UseCaseFolder, platform: Platform, tell: Tell) -> dict[str, str]:
    """Trains what has no champion. Gives each use case's version, or why it has none."""
    registry = open_registry(platform)
    tasks: list[TrainTask] = []
    came: dict[str, str] = {}
    for name in names:
        found = task(name, catalogue, platform, registry)
        if isinstance(found, TrainTask):
            if not tasks:
                come_up()
            tasks.append(found)
            tell(name, f"training: waiting, {len(found.labelled)} labelled rows")
        else:
            came[name] = found
            tell(name, found)
    return came | (_train(tasks, platform, registry, tell) if tasks else {})


def _train(tasks: list[TrainTask], platform: Platform, registry: Registry, tell: Tell) -> dict[str, str]:
    came: dict[str, str] = {}
    for each in tasks:
        tell(each.use_case.name, "training: under way")
    workers, cpus = room(max(each.use_case.retraining.num_workers for each in tasks))
    results = train(
        tasks,
        num_workers=workers,
        storage_path=str(Path(platform.state) / "training"),
        deadline_s=max(each.use_case.retraining.deadline_s for each in tasks),
        threads=2,
        cpus_per_worker=cpus,
    )
    for each, result in zip(tasks, results, strict=True):
        name = each.use_case.name
        came[name] = registered(each, result, registry)
        tell(name, came[name])
    return came


def main(arguments: list[str] | None = None) -> int:
    asked = _arguments(arguments)
    platform = load_platform(asked.configs / "platform.yaml", os.environ)
    state = asked.state or Path(platform.state)
    platform = platform.model_copy(update={"state": str(state.resolve())})
    catalogue = UseCaseFolder(asked.configs.resolve() / "use_cases")
    names = asked.only or catalogue.names()
    _connect(state)
    came = bootstrap(names, catalogue, platform, lambda name, how: print(f"{name}: {how}", flush=True))
    failed = [how for how in came.values() if how.startswith("cannot train") or "is not promoted" in how]
    return 1 if failed else 0


def _connect(state: Path) -> None:
    """To the Ray that this state folder's Understudy runs on, also when others run on this machine; else
    to one of our own for as long as this takes. RAY_ADDRESS in the environment goes before both."""
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    found = whereabouts.read(state)
    if address := os.environ.get("RAY_ADDRESS"):
        show_token()
        ray.init(address=address, **quiet)
    elif found is not None:
        show_token()
        _stay_on_this_machine()
        ray.init(address=found.ray, **quiet)
    else:
        _stay_on_this_machine()
        keep_token()
        ray.init(address="local", include_dashboard=False, _node_ip_address="127.0.0.1", **quiet)


def _stay_on_this_machine() -> None:
    """Else Ray takes 127.0.0.1 for this machine's outer address, where nobody listens. It reads the
    variable when it is imported, which is too early for us; its processes read it later."""
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    ray_constants.ENABLE_RAY_CLUSTER = False


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pipelines.bootstrap", description=__doc__)
    parser.add_argument("--only", action="append", help="a use case; may be repeated")
    parser.add_argument("--configs", type=Path, default=Path("configs"))
    parser.add_argument("--state", type=Path, help="another state folder than platform.yaml's")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UnderstudyError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
