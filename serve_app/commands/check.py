"""``understudy check``: everything that is configured, without starting anything."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from serve_app.core.platform import Platform
    from serve_app.core.use_case import UseCase

Configs = Annotated[Path, typer.Option(help="The folder of platform.yaml and use_cases.")]


def check(
    configs: Configs = Path("configs"),
    serve_config: Annotated[Path, typer.Option(help="What Ray Serve is to run.")] = Path("serve_config.yaml"),
) -> None:
    """Check platform.yaml, every use case and serve_config.yaml. Starts nothing."""
    from serve_app.core.platform import Platform

    wrong: list[str] = []
    platform = _platform(configs, wrong)
    _use_cases(configs, wrong)
    _serve_config(serve_config, platform or Platform(), wrong)
    if wrong:
        lines = [line for text in wrong for line in text.splitlines()]
        print("\n".join(f"✗ {line}" for line in lines), file=sys.stderr)
        raise typer.Exit(1)


def _platform(configs: Path, wrong: list[str]) -> Platform | None:
    from serve_app.adapters.config_files import load_platform
    from serve_app.core.errors import BadConfig

    try:
        platform = load_platform(configs / "platform.yaml", os.environ)
    except BadConfig as error:
        wrong.append(str(error))
        return None
    _good(configs / "platform.yaml", f"auth {platform.auth.mode}")
    return platform


def _use_cases(configs: Path, wrong: list[str]) -> None:
    from serve_app.adapters.config_files import read_all, use_case_folders
    from serve_app.core.errors import BadConfig

    try:
        good, bad = read_all(use_case_folders(configs / "use_cases"))
    except BadConfig as error:
        wrong.append(str(error))
        return
    for name, use_case in good.items():
        _good(configs / "use_cases" / name, _summary(use_case))
    wrong.extend(bad.values())


def _serve_config(path: Path, platform: Platform, wrong: list[str]) -> None:
    from serve_app.adapters.serve_config_file import check_serve_config
    from serve_app.app import AppArgs
    from serve_app.core.errors import BadConfig

    try:
        names = check_serve_config(path, platform, AppArgs)
    except BadConfig as error:
        wrong.append(str(error))
        return
    _good(path, f"applications {', '.join(names)}")


def _summary(use_case: UseCase) -> str:
    target = use_case.target
    learned = f"{len(target.classes)} classes" if target.kind == "classification" else "a number"
    return f"{len(use_case.fields)} fields, {learned}, decision {use_case.decision.kind}"


def _good(path: Path, summary: str) -> None:
    print(f"✓ {path}: {summary}")
