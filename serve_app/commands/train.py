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
    """Train the first student of a use case; an Understudy that runs takes it in. One without labelled
    rows is taken in as well, and learns from its teacher's answers."""
    address = first_student(name, configs)
    print(f"✓ {name} answers at {address}" if address else f"✓ {name} is ready; `make serve` serves it")


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
    return activate(name, configs, cold=_is_cold(name, configs))


def _is_cold(name: str, configs: Path) -> bool:
    """Without labelled rows of its own it learns from its teacher, and has no student until then."""
    from serve_app.adapters.config_files import load_use_case

    use_case = load_use_case(configs / "use_cases" / name)
    return use_case.labelled.file is None and use_case.feature_table is None
