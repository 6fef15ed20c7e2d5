"""The token that Ray makes when it starts: kept to ourselves, and shown to the Ray that runs."""

from __future__ import annotations

import logging
import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp

SETUP = "ray._private.authentication.authentication_token_setup"
GIVEN = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
"""Environment variables of a token that somebody else made and keeps."""


def show_token() -> None:
    """From now on this process and its children show the token that lies on this machine, if one does.
    Ray does it by itself only where it looks for an address by itself."""
    logging.getLogger(SETUP).setLevel(logging.ERROR)  # it would lecture the user on tokens
    from ray._private.authentication.authentication_token_setup import maybe_enable_token_auth_if_token_available

    maybe_enable_token_auth_if_token_available(warn_if_disabled=False)


def keep_token() -> None:
    """Before a Ray is started here: its token is there, and nobody else on this machine may read it. Left to itself Ray
    makes it readable to all, and whoever shows it runs what he likes in our name."""
    if any(os.environ.get(name) for name in GIVEN):
        return
    file = Path.home() / ".ray" / "auth_token"
    with suppress(OSError):  # a home of which we may not write is Ray's to complain of
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not file.exists():
            _make(file)
        if file.stat().st_mode & 0o077:
            file.chmod(0o600)


def _make(file: Path) -> None:
    """Whole or not at all, and once: another Ray may start at the same moment."""
    descriptor, draft = mkstemp(dir=file.parent)  # 0600
    with os.fdopen(descriptor, "w") as content:
        content.write(secrets.token_hex(32))  # as Ray makes it
    with suppress(FileExistsError):
        os.link(draft, file)
    os.unlink(draft)
