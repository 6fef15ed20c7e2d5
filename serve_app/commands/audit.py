"""``understudy audit verify``: whether the audit log still says what was written into it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from serve_app.core.audit import Broken, Head

audit = typer.Typer(help="Look at the audit log in the store itself.", no_args_is_help=True)


@audit.callback()
def _audit() -> None:
    """Look at the audit log in the store itself."""


@audit.command()
def verify(
    head: Annotated[
        str | None, typer.Option(help="SEQ:HASH, of GET /api/v1/ops/audit/head or of an earlier verify.")
    ] = None,
    configs: Annotated[Path, typer.Option(help="The folder of platform.yaml and use_cases.")] = Path("configs"),
) -> None:
    """Follow the chain from its first entry, whether or not Understudy runs, and name the first that does not hold.

    Exit status 1 where one does not. A log that was cut off at its end, or written anew as a whole, shows only
    against a head that was written down elsewhere before."""
    from serve_app.core.audit import Head as Kept
    from serve_app.core.errors import BadConfig

    kept = None if head is None else Kept.of(head)
    if head is not None and kept is None:
        raise BadConfig("--head: expected SEQ:HASH, as GET /api/v1/ops/audit/head and this command show it")
    found = _verified(configs, kept)
    if isinstance(found, Kept):
        print(f"✓ {found.seq} entries, each as it was written; the head, to be written down elsewhere:\n{found}")
        return
    named = "" if found.id is None else f" ({found.id})"
    print(f"✗ the audit log does not hold at entry {found.seq}{named}: {found.why}", file=sys.stderr)
    raise typer.Exit(1)


def _verified(configs: Path, kept: Head | None) -> Head | Broken:
    from serve_app.adapters.config_files import load_platform
    from serve_app.adapters.sql_audit import open_audit
    from serve_app.core.audit import verified

    platform = load_platform(configs / "platform.yaml", os.environ)
    log = open_audit(platform.store, Path(platform.state))
    try:
        return verified(log.walk(), kept)
    finally:
        log.close()
