"""What tokens are signed with: configured, or made once and kept in the state folder for its owner only.

On several nodes it must be configured: each would make its own, and know none of the others' tokens.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from serve_app.core.errors import BadConfig
from serve_app.core.platform import SECRET_BYTES, Platform

FILE = "jwt.secret"


def secret_of(platform: Platform) -> bytes:
    """Raises BadConfig for a file that others may read, or that holds too little."""
    if platform.auth.secret is not None:
        return platform.auth.secret.get_secret_value().encode()
    file = Path(platform.state) / FILE
    if not file.exists():
        _make(file)
    return _read(file)


def _make(file: Path) -> None:
    """Whole from the first moment that it is there; of many who make one at once the first one's counts."""
    file.parent.mkdir(parents=True, exist_ok=True)
    own = file.with_name(f".{FILE}.{secrets.token_hex(8)}")
    descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as written:
            written.write(secrets.token_urlsafe(2 * SECRET_BYTES).encode())
            written.flush()
            os.fsync(written.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(own, file)  # unlike a rename it never takes another's place
    finally:
        own.unlink()


def _read(file: Path) -> bytes:
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise BadConfig(f"{file}: others may read it; expected mode 0600 (chmod 600, and better a new one)")
    secret = file.read_bytes().strip()
    if len(secret) < SECRET_BYTES:
        raise BadConfig(f"{file}: holds {len(secret)} bytes; expected at least {SECRET_BYTES}")
    return secret
