"""``understudy train``: the first student of a folder written by hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer


def train(
    name: Annotated[str, typer.Argument(help="A folder of configs/use_cases.")],
    configs: Annotated[Path, typer.Option(help="The folder of platform.yaml and use_cases.")] = Path("configs"),
) -> None:
    """Train the first student of a use case; an Understudy that runs takes it in."""
    address = first_student(name, configs)
    print(f"✓ {name} answers at {address}" if address else f"✓ {name} is trained; `make serve` serves it")


def first_student(name: str, configs: Path) -> str | None:
    """Trains in a child process; then a running Understudy takes the use case in. Its address, or None
    when none runs. Raises Unavailable when the training fails."""
    from serve_app.commands.activate import activate
    from serve_app.core.errors import Unavailable

    command = [sys.executable, "-m", "pipelines.bootstrap", "--only", name, "--configs", str(configs)]
    done = subprocess.run(command, check=False)  # noqa: S603  (our own interpreter, arguments as a list)
    if done.returncode != 0:
        folder = configs / "use_cases" / name
        raise Unavailable(f"the training of {folder} ended with {done.returncode}; its last line says why")
    return activate(name, configs)
