"""Bundles kept on the local disk, so that a replica starts while the registry is away.

    <root>/<digest>/...            a bundle
    <root>/last/<use case>.json    the champion that was served last
    <root>/tried/<digest>          a bundle that this machine has tried in a child process, and found good
    <root>/trying/<digit>.lock     held while one is being tried
    <root>/compiled/<digest>       its trees as tables, see ``compiled_cache``
    <root>/.new-...                being written or thrown away

Replicas of one machine share the folder. Whatever is read is checked again; what does not hold is
thrown away. A disk that is full or gone costs a download, never an answer.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

import filelock

from serve_app.adapters.bundle_folder import read_folder, sync_folder, write_folder
from serve_app.core.bundle import MAX_BYTES, check, digest_of
from serve_app.core.errors import BadBundle
from serve_app.core.ports import Bundle

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_HEX = re.compile(r"[0-9a-f]{64}")
_USE_CASE = re.compile(r"[a-z][a-z0-9_]{0,62}")
_NEW = ".new-"
_ABANDONED_S = 3600.0
_TRYING_S = 150.0


@dataclass(frozen=True, slots=True)
class Champion:
    version: str
    digest: str


class BundleCache:
    """Keeps the ``keep`` bundles used last, and those that ``last`` names besides."""

    def __init__(self, root: Path, keep: int = 8, max_bytes: int = MAX_BYTES) -> None:
        self._root, self._keep, self._max_bytes = root, keep, max_bytes

    def get(self, digest: str) -> Bundle | None:
        """The bundle, every byte checked, or None."""
        folder = self._folder(digest)
        try:
            bundle = read_folder(folder, self._max_bytes)
            check(bundle, None, self._max_bytes)
            if digest_of(bundle) != digest:
                raise BadBundle("another bundle lies in this place")
        except OSError:
            return None
        except BadBundle:
            self._throw_away(folder)
            return None
        with suppress(OSError):
            os.utime(folder)
        return bundle

    def put(self, bundle: Bundle) -> bool:
        """Keeps ``bundle``; False when the disk would not take it. Raises BadBundle for one that does
        not hold."""
        check(bundle, None, self._max_bytes)
        digest = digest_of(bundle)
        if self.get(digest) is not None:
            return True
        try:
            self._write(bundle, self._folder(digest))
            self._make_room()
        except OSError:
            return self.get(digest) is not None  # perhaps another replica was quicker
        return True

    def last(self, use_case: str) -> Champion | None:
        """What ``remember`` was last told."""
        note = self._note(use_case)
        try:
            told = json.loads(note.read_bytes())
            champion = Champion(version=str(told["version"]), digest=str(told["digest"]))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return champion if _DIGEST.fullmatch(champion.digest) else None

    def remember(self, use_case: str, version: str, digest: str) -> bool:
        """Notes the champion being served; False when the disk would not take it."""
        note = self._note(use_case)
        try:
            note.parent.mkdir(parents=True, exist_ok=True)
            with self._new_folder() as folder:
                text = json.dumps(asdict(Champion(version, digest))).encode()
                write_folder(folder, {"note.json": text}, durable=True)
                os.replace(folder / "note.json", note)
            sync_folder(note.parent)
        except OSError:
            return False
        return True

    def was_tried(self, digest: str, libraries: str) -> bool:
        """Whether ``mark_tried`` was told the same, ``libraries`` included: other versions may predict
        otherwise."""
        try:
            return self._trial(digest).read_text() == libraries
        except (OSError, UnicodeDecodeError):
            return False

    def mark_tried(self, digest: str, libraries: str) -> None:
        with suppress(OSError):
            self._trial(digest).parent.mkdir(parents=True, exist_ok=True)
            self._trial(digest).write_text(libraries)

    @contextmanager
    def trying(self, digest: str) -> Iterator[None]:
        """One trial of a bundle at a time on this machine. A lock that cannot be had, or is held longer than
        a trial takes, costs a second trial."""
        lock = filelock.FileLock(self._root / "trying" / f"{self._folder(digest).name[0]}.lock", timeout=_TRYING_S)
        with suppress(OSError):  # which filelock.Timeout is, too
            Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _trial(self, digest: str) -> Path:
        return self._root / "tried" / self._folder(digest).name

    def _folder(self, digest: str) -> Path:
        if not (match := _DIGEST.fullmatch(digest)):
            raise BadBundle(f"{digest[:100]!r} is no digest")
        return self._root / match[1]

    def _note(self, use_case: str) -> Path:
        if not _USE_CASE.fullmatch(use_case):
            raise ValueError(f"{use_case!r} is no name of a use case")
        return self._root / "last" / f"{use_case}.json"

    def _write(self, bundle: Bundle, target: Path) -> None:
        with self._new_folder() as folder:
            write_folder(folder, bundle, durable=True)
            os.rename(folder, target)
            sync_folder(self._root)

    @contextmanager
    def _new_folder(self) -> Iterator[Path]:
        self._root.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=_NEW, dir=self._root))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _make_room(self) -> None:
        spared = {champion.digest for name in self._remembered() if (champion := self.last(name))}
        folders = [p for p in self._root.iterdir() if _HEX.fullmatch(p.name) and f"sha256:{p.name}" not in spared]
        for folder in sorted(folders, key=_used_at, reverse=True)[self._keep :]:
            self._throw_away(folder)
        for folder in self._root.glob(f"{_NEW}*"):
            if time.time() - _used_at(folder) > _ABANDONED_S:
                shutil.rmtree(folder, ignore_errors=True)
        for mark in chain((self._root / "tried").glob("*"), (self._root / "compiled").glob("*")):
            if not (self._root / mark.name).exists():
                mark.unlink(missing_ok=True)

    def _remembered(self) -> list[str]:
        return [path.stem for path in (self._root / "last").glob("*.json") if _USE_CASE.fullmatch(path.stem)]

    def _throw_away(self, folder: Path) -> None:
        """Renamed first: nobody finds half a bundle in its place."""
        with suppress(OSError), self._new_folder() as grave:
            os.rename(folder, grave / "bundle")


def _used_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
