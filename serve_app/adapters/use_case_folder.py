"""The use cases of a folder, kept up to date while serving: a new folder is picked up without a
restart, a broken one is left out and told, and one that was good keeps its last good version.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from serve_app.adapters.config_errors import did_you_mean
from serve_app.adapters.config_files import FILE, load_use_case, refuse_clashes, use_case_folders
from serve_app.core.errors import BadConfig, UnknownUseCase
from serve_app.core.use_case import UseCase

Stamp = tuple[int, ...]


class UseCaseFolder:
    """Looks at the folder at most every ``refresh_s`` seconds, and then reads only what changed.

    Travels between processes as its path alone, and reads at first use. Safe to share by threads."""

    def __init__(self, path: Path, refresh_s: float = 2.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._refresh_s, self._clock = Path(path), refresh_s, clock
        self._good: Mapping[str, UseCase] = MappingProxyType({})
        self._bad: Mapping[str, str] = {}
        self._stamps: dict[str, Stamp] = {}
        self._looked: float | None = None
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return UseCaseFolder, (self._path, self._refresh_s)

    def get(self, name: str) -> UseCase:
        """Raises UnknownUseCase, with the name that was probably meant."""
        known = self.all()
        if name in known:
            return known[name]
        why = f"; it is configured, but cannot be used: {self._bad[name]}" if name in self._bad else None
        raise UnknownUseCase(f"no use case `{name[:80]}`{why or did_you_mean(name[:80], known)}")

    def folder(self, name: str) -> Path:
        """Where the files of a use case lie. Raises UnknownUseCase."""
        return self._path / self.get(name).name

    def names(self) -> tuple[str, ...]:
        return tuple(self.all())

    def all(self) -> Mapping[str, UseCase]:
        """By name, sorted. Never changes in a reader's hands."""
        self._refresh()
        return self._good

    def problems(self) -> dict[str, str]:
        """What is wrong, by folder name; a use case may be here and still serve its last good version."""
        self._refresh()
        return dict(self._bad)

    def _refresh(self) -> None:
        """Asked several times a request: who comes too early does not even take the lock."""
        if self._is_due():
            with self._lock:
                if self._is_due():
                    self._look()
                    self._looked = self._clock()

    def _is_due(self) -> bool:
        return self._looked is None or self._clock() - self._looked >= self._refresh_s

    def _look(self) -> None:
        try:
            folders = {each.name: each for each in use_case_folders(self._path)}
            stamps = {name: _stamp(each) for name, each in folders.items()}
        except (BadConfig, OSError) as error:  # such as a volume that is away for a moment: keep what was good
            self._bad, self._stamps = {self._path.name: str(error)}, {}
            return
        if stamps != self._stamps:
            self._read(folders, stamps)
            self._stamps = stamps

    def _read(self, folders: Mapping[str, Path], stamps: Mapping[str, Stamp]) -> None:
        """Use cases that already serve come first, so that a newcomer cannot take their routes."""
        good: dict[str, UseCase] = {}
        bad: dict[str, str] = {}
        for name in sorted(folders, key=lambda each: (each not in self._good, each)):
            try:
                unchanged = stamps[name] == self._stamps.get(name) and name not in self._bad
                use_case = self._good[name] if unchanged else load_use_case(folders[name])
                refuse_clashes(folders[name], use_case, good.values())
                good[name] = use_case
            except BadConfig as error:
                bad[name] = str(error)
                if name in self._good:
                    good[name] = self._good[name]
        self._good, self._bad = MappingProxyType(dict(sorted(good.items()))), bad


def _stamp(folder: Path) -> Stamp:
    """Changes when the file is edited or any file comes or goes."""
    stamp = [folder.stat().st_mtime_ns]
    if (folder / FILE).is_file():
        file = (folder / FILE).stat()
        stamp += [file.st_mtime_ns, file.st_size, file.st_ino]
    return tuple(stamp)
