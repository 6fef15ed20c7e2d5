"""The rendered prompts of each use case, read again when its file changes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.errors import BadConfig
from serve_app.core.policy import policy_of, version_of
from serve_app.core.prompt import render
from serve_app.core.use_case import UseCase

log = logging.getLogger("understudy.prompts")

Stamp = tuple[int, int]

REMEMBERED = 64
"""Versions whose content is remembered: whoever asks does so just after the edit that made one."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A rendered prompt, and when its file was last looked at."""

    use_case: UseCase
    stamp: Stamp
    text: str
    looked: float


class Prompts:
    """Looks at a file at most every ``refresh_s`` seconds: it is asked for every batch."""

    def __init__(
        self, catalogue: UseCaseFolder, refresh_s: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._catalogue, self._refresh_s, self._clock = catalogue, refresh_s, clock
        self._read: dict[tuple[str, str], _Read] = {}

    def of(self, name: str) -> str:
        """What the teacher is told."""
        use_case = self._catalogue.get(name)
        return self._rendered(use_case, use_case.teacher.prompt)

    def narrative(self, name: str) -> str | None:
        """What the narrator is told; None when there is nothing for an LLM to tell."""
        use_case = self._catalogue.get(name)
        if use_case.narrative is None or use_case.narrative.prompt is None:
            return None
        return self._rendered(use_case, use_case.narrative.prompt)

    def _rendered(self, use_case: UseCase, file: str) -> str:
        """Empty when the file has gone, which ``understudy check`` refuses; the last good one when it
        can no longer be used. Raises BadConfig for a first one whose placeholder cannot be filled."""
        known, now = self._read.get((use_case.name, file)), self._clock()
        if known is not None and known.use_case is use_case and now - known.looked < self._refresh_s:
            return known.text
        path = self._catalogue.folder(use_case.name) / file
        try:
            about = path.stat()
        except OSError:
            return known.text if known else ""
        stamp = (about.st_mtime_ns, about.st_size)
        if known is None or known.use_case is not use_case or known.stamp != stamp:
            text = _text(path, use_case, None if known is None else known.text)
        else:
            text = known.text
        self._read[use_case.name, file] = _Read(use_case, stamp, text, now)
        return text


def _text(file: Path, use_case: UseCase, last_good: str | None) -> str:
    """A slip in a prompt that is edited while serving must not take its use case away."""
    try:
        return render(file.read_text(encoding="utf-8"), use_case)
    except (BadConfig, OSError, UnicodeDecodeError) as error:
        if last_good is None:
            raise
        log.warning("%s: the prompt of before is used on: %s", file.name, error)
        return last_good


class PolicyVersions:
    """The version of each policy, worked out once for each configuration and prompt. Two use cases may have one
    policy, and so one version, between them, but never one another's money."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[UseCase, str, str]] = {}
        self._made: dict[tuple[str, str], tuple[UseCase, str, dict[str, Any]]] = {}

    def of(self, use_case: UseCase, prompt: str) -> str:
        known = self._known.get(use_case.name)
        if known is None or known[0] is not use_case or known[1] != prompt:
            content = policy_of(use_case, prompt).content()
            known = (use_case, prompt, version_of(content))
            self._known[use_case.name] = known
            self._made[use_case.name, known[2]] = (use_case, prompt, content)
            while len(self._made) > REMEMBERED:
                self._made.pop(next(iter(self._made)))
        return known[2]

    def content(self, version: str) -> dict[str, Any] | None:
        """What stands behind a version that was worked out here lately."""
        return next((made[2] for (_, known), made in self._made.items() if known == version), None)

    def made_of(self, name: str, version: str) -> tuple[UseCase, str] | None:
        """The configuration of the use case ``name`` and the prompt that it was worked out from."""
        made = self._made.get((name, version))
        return None if made is None else made[:2]
