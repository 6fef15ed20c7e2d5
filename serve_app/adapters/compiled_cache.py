"""Tables of trees kept on the local disk, once they have been tried on this machine.

    <root>/compiled/<digest>       a line of JSON: what they were tried with, and the SHA-256 of the rest; the tables
    <root>/trying/compiled.lock    held while one is made: one at a time on a machine

``root`` is the folder of ``BundleCache``, which throws away what belongs to no bundle of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

from serve_app.adapters.tree_tables import TreeTables, from_bytes, to_bytes
from serve_app.core.errors import BadBundle

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


class CompiledCache:
    def __init__(self, root: Path) -> None:
        self._root = root

    def get(self, digest: str, tried_with: str) -> dict[str, TreeTables] | None:
        """Tables by model; None for what is not there, was tried with something else, or is not as it was written,
        which is then thrown away: machine code goes by these numbers without looking."""
        path = self._path(digest)
        try:
            head, _, content = path.read_bytes().partition(b"\n")
            told = json.loads(head)
            if told["tried_with"] != tried_with or told["sha256"] != hashlib.sha256(content).hexdigest():
                raise BadBundle("made otherwise, or touched since")
            return from_bytes(content)
        except OSError:
            return None
        except (BadBundle, ValueError, KeyError, TypeError, RecursionError):
            self.drop(digest)
            return None

    def put(self, digest: str, tried_with: str, models: Mapping[str, TreeTables]) -> None:
        """Whole or not at all. Raises OSError."""
        content = to_bytes(models)
        told = {"tried_with": tried_with, "sha256": hashlib.sha256(content).hexdigest()}
        path = self._path(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._root, prefix=".new-", delete=False) as file:
            try:
                file.write(json.dumps(told).encode() + b"\n" + content)
                file.flush()
                os.replace(file.name, path)
            except BaseException:
                with suppress(OSError):
                    os.unlink(file.name)
                raise

    def drop(self, digest: str) -> None:
        with suppress(OSError, BadBundle):
            self._path(digest).unlink(missing_ok=True)

    @contextmanager
    def turn(self, wait_s: float) -> Iterator[bool]:
        """Whether this one may make some now. Raises OSError where the disk has no room for a lock."""
        lock = filelock.FileLock(self._root / "trying" / "compiled.lock", timeout=wait_s)
        Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except filelock.Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def _path(self, digest: str) -> Path:
        if not (match := _DIGEST.fullmatch(digest)):
            raise BadBundle(f"{digest[:100]!r} is no digest")
        return self._root / "compiled" / match[1]
