"""The rendered prompts of each use case, read again when its file changes."""

from __future__ import annotations

from pathlib import Path

from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.prompt import render
from serve_app.core.use_case import UseCase

Stamp = tuple[int, int]


class Prompts:
    def __init__(self, catalogue: UseCaseFolder) -> None:
        self._catalogue = catalogue
        self._read: dict[Path, tuple[object, Stamp, str]] = {}

    def of(self, name: str) -> str:
        """What the teacher is told."""
        use_case = self._catalogue.get(name)
        return self._rendered(use_case, self._catalogue.folder(name) / use_case.teacher.prompt)

    def narrative(self, name: str) -> str | None:
        """What the narrator is told; None when there is nothing for an LLM to tell."""
        use_case = self._catalogue.get(name)
        if use_case.narrative is None or use_case.narrative.prompt is None:
            return None
        return self._rendered(use_case, self._catalogue.folder(name) / use_case.narrative.prompt)

    def _rendered(self, use_case: UseCase, file: Path) -> str:
        """Empty when the file has gone, which ``understudy check`` refuses. Raises BadConfig for a
        placeholder that cannot be filled."""
        known = self._read.get(file)
        try:
            about = file.stat()
        except OSError:
            return known[2] if known else ""
        stamp = (about.st_mtime_ns, about.st_size)
        if known is None or known[0] is not use_case or known[1] != stamp:
            known = (use_case, stamp, render(file.read_text(encoding="utf-8"), use_case))
            self._read[file] = known
        return known[2]
