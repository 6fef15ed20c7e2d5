"""A bundle as a folder: plain files only, nothing that points elsewhere."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from serve_app.core.bundle import MAX_BYTES, MAX_FILES, check_name
from serve_app.core.errors import BadBundle
from serve_app.core.ports import Bundle


def write_folder(folder: Path, bundle: Bundle, durable: bool = False) -> None:
    """Writes every file into ``folder``, which exists. ``durable``: they survive a power cut."""
    for name, content in bundle.items():
        check_name(name)
        with (folder / name).open("xb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
    if durable:
        sync_folder(folder)


def read_folder(folder: Path, max_bytes: int = MAX_BYTES) -> dict[str, bytes]:
    """Every file in ``folder``. Raises BadBundle for links, folders, devices, bad names, and more than
    ``max_bytes`` in all; OSError when the folder cannot be read."""
    bundle: dict[str, bytes] = {}
    left = max_bytes
    with os.scandir(folder) as entries:
        for entry in entries:
            bundle[entry.name] = _read(entry, left)
            left -= len(bundle[entry.name])
            if len(bundle) > MAX_FILES:
                raise BadBundle(f"the bundle has more than {MAX_FILES} files")
    return bundle


def sync_folder(folder: Path) -> None:
    """Makes the names in ``folder`` durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(entry: os.DirEntry[str], limit: int) -> bytes:
    if entry.is_symlink():
        raise BadBundle(f"{entry.name!r} is a link; a bundle holds plain files only")
    if not entry.is_file(follow_symlinks=False):
        raise BadBundle(f"{entry.name!r} is no plain file; a bundle holds nothing else")
    check_name(entry.name)
    # Not followed even when the file was exchanged for a link since.
    with open(os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        told = os.fstat(file.fileno())
        if not stat.S_ISREG(told.st_mode):
            raise BadBundle(f"{entry.name!r} is no plain file; a bundle holds nothing else")
        # A file full of holes takes no room on the disk, but would in memory.
        content = file.read(limit + 1) if told.st_size <= limit else None
    if content is None or len(content) > limit:
        raise BadBundle(f"the bundle is over the limit of bytes at {entry.name!r}")
    return content
