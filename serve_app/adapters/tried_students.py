"""Students loaded into this process, each from a bundle that a child process has come through alive with."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

from serve_app.adapters.bundle_cache import BundleCache
from serve_app.adapters.warm_trial import WarmTrial
from serve_app.core.errors import BadBundle
from serve_app.core.ports import Bundle, Student
from serve_app.core.use_case import UseCase

Trial = Callable[[Bundle, UseCase], None]
"""Raises BadBundle for what must not be loaded here."""


class TriedStudents:
    """``cache``: of this machine, shared by its replicas."""

    def __init__(self, cache: BundleCache, trial: Trial | None = None) -> None:
        self._cache, self._trial = cache, WarmTrial() if trial is None else trial

    def load(self, bundle: Bundle, version: str, digest: str, use_case: UseCase | None) -> Student:
        """A student that answers its golden rows bit for bit, and has done so just now: the first row of a
        client's takes it no longer than the next. Blocks. Raises BadBundle.

        ``use_case``: None while its configuration is broken; then only what was tried before is loaded."""
        from serve_app.adapters.lean_import import import_lean
        from serve_app.adapters.students import libraries, load_student
        from serve_app.core.bundle import check, check_answers

        check(bundle, use_case)
        needed = libraries(bundle)
        self._try(bundle, digest, use_case, _told(needed))
        import_lean(needed[0])
        student = load_student(bundle, version)
        check_answers(bundle, student)
        return student

    def _try(self, bundle: Bundle, digest: str, use_case: UseCase | None, told: str) -> None:
        """Once on a machine, also when its replicas come with it at the same time."""
        if self._cache.was_tried(digest, told):
            return
        if use_case is None:
            raise BadBundle("it cannot be tried while the use case's configuration is broken")
        with self._cache.trying(digest):
            if not self._cache.was_tried(digest, told):
                self._trial(bundle, use_case)
                self._cache.put(bundle)
                self._cache.mark_tried(digest, told)


def _told(libraries: tuple[str, ...]) -> str:
    """The libraries with their versions: others may predict otherwise."""
    return " ".join(f"{each} {_version(each)}" for each in libraries)


def _version(library: str) -> str:
    try:
        return installed(library)
    except PackageNotFoundError:  # the load says so
        return "none"
