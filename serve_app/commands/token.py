"""What a command that asks a running Understudy shows it."""

from __future__ import annotations

from typing import Annotated

import typer

VARIABLE = "UNDERSTUDY_TOKEN"

Token = Annotated[
    str | None, typer.Option(envvar=VARIABLE, help="A token or an API key, where auth.mode is jwt.", show_envvar=True)
]


def shown(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}
