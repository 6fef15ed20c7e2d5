"""``understudy``: the command line. Each command is a file in ``serve_app/commands``."""

from __future__ import annotations

import sys

import typer

from serve_app.commands.audit import audit
from serve_app.commands.check import check
from serve_app.commands.deploy import deploy
from serve_app.commands.new import new
from serve_app.commands.password import password
from serve_app.commands.replay import replay
from serve_app.commands.savings import savings
from serve_app.commands.schema import schema
from serve_app.commands.serve import serve
from serve_app.commands.train import train
from serve_app.core.errors import UnderstudyError

app = typer.Typer(
    name="understudy",
    help="A cheap model in front of an LLM: learns from its answers and takes over where it has proved good enough.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(serve)
app.command()(deploy)
app.command()(check)
app.command()(schema)
app.command()(new)
app.command()(train)
app.command()(replay)
app.command()(savings)
app.command()(password)
app.add_typer(audit, name="audit")


def main(arguments: list[str] | None = None) -> None:
    """The entry point. A refusal is one clear text and exit status 1, never a traceback."""
    try:
        app(arguments)
    except UnderstudyError as error:
        print(error.detail, file=sys.stderr)
        sys.exit(1)
