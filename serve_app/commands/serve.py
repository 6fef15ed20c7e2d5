"""``understudy serve``: a Ray of its own, the application on it, and what a newcomer needs to know.

It does what ``serve run serve_config.yaml`` does, on 127.0.0.1 only, and ends what it started.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def serve(
    config: Annotated[Path, typer.Option(help="What Ray Serve is to run.")] = Path("serve_config.yaml"),
    port: Annotated[int | None, typer.Option(help="Another port than the one in the file.")] = None,
    dashboard_port: Annotated[int, typer.Option(help="Of the Ray dashboard.")] = 8265,
    beside: Annotated[bool, typer.Option(help="Start although another Ray runs on this machine.")] = False,
) -> None:
    """Start Ray and the application on 127.0.0.1 and stay until Ctrl-C."""
    from serve_app.start.environment import set_environment

    set_environment()
    from serve_app.start.lean import without_pandas

    without_pandas()
    from serve_app.start.preflight import refuse_to_start
    from serve_app.start.running import run
    from serve_app.start.settings import read_settings
    from serve_app.start.telling import Phases

    phases = Phases()
    with phases("configuration checked"):
        settings = read_settings(config, port, dashboard_port)
        problems = refuse_to_start(settings, beside)
    if problems:
        print("\n".join(f"✗ {line}" for line in problems), file=sys.stderr)
        raise typer.Exit(1)
    raise typer.Exit(run(settings, phases))
