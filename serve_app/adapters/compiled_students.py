"""Students get machine code for their trees behind everybody's back: LightGBM answers until it is there, tried on
this machine and found to give the same bits, and goes on answering where it is not.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from serve_app.adapters.bundle_cache import BundleCache
from serve_app.adapters.compiled_cache import CompiledCache
from serve_app.core.bundle import check_answers
from serve_app.core.errors import BadBundle
from serve_app.core.ports import Student

log = logging.getLogger("understudy.model")

FORMAT = "1"
"""Of the tables, and of the code that reads them."""

LIBRARIES = ("lightgbm", "llvmlite", "numpy")
TURN_S = 5.0
"""Between two looks whether the student is still there that one waits for."""

Make = Callable[[Path, str], None]
"""Makes, tries and keeps what belongs to a digest. Raises BadBundle."""


class CompiledStudents:
    """``root``: the folder of this machine's bundles. Safe to be asked by several threads."""

    def __init__(self, root: Path, make: Make | None = None) -> None:
        self._root, self._bundles, self._kept = root, BundleCache(root), CompiledCache(root)
        self._make = make
        self._under_way: set[str] = set()

    def behind(self, student: Student, digest: str) -> threading.Thread | None:
        """Returns at once. Where anything fails the log says so, and nothing else changes."""
        if getattr(student, "predictor", None) != "lightgbm" or digest in self._under_way:
            return None
        if find_spec("llvmlite") is None:
            log.warning("LightGBM answers: llvmlite is not installed: the extra `compiled` brings it")
            return None
        self._under_way.add(digest)
        # A thread of its own, since the pool of the loop's is there for answers; one that no exit waits for.
        thread = threading.Thread(target=self._come_to_it, args=(weakref.ref(student), digest), daemon=True)
        thread.start()
        return thread

    def _come_to_it(self, wanted: weakref.ref[Any], digest: str) -> None:
        try:
            self._ensure(wanted, digest)
            if (student := wanted()) is not None:
                self._hand_over(student, digest)
        except BadBundle as error:
            self._kept.drop(digest)  # the next start tries again
            log.warning("LightGBM goes on answering for %s: compiled trees: %s", digest, error)
        except Exception:
            log.exception("LightGBM goes on answering for %s", digest)
        finally:
            self._under_way.discard(digest)

    def _ensure(self, wanted: weakref.ref[Any], digest: str) -> None:
        """Tables lie in the cache, or nobody wants them any more. Raises BadBundle."""
        while wanted() is not None and self._kept.get(digest, tried_with()) is None:
            with self._kept.turn(TURN_S) as mine:
                if mine and self._kept.get(digest, tried_with()) is None:
                    self._try(digest)
                    return

    def _try(self, digest: str) -> None:
        if self._make is not None:
            self._make(self._root, digest)
            return
        from serve_app.adapters.compiled_trial import try_apart

        try_apart(self._root, digest)

    def _hand_over(self, student: Any, digest: str) -> None:
        """From the next batch on. Raises BadBundle."""
        from serve_app.adapters.compiled_forest import CompiledForest

        tables, bundle = self._kept.get(digest, tried_with()), self._bundles.get(digest)
        if tables is None or bundle is None or set(tables) != set(student.trees):
            raise BadBundle("they are not on this machine's disk")
        trees = {model: CompiledForest(each, student.trees[model]) for model, each in tables.items()}
        check_answers(bundle, student.with_trees(trees))
        student.take_trees(trees)
        log.info("compiled trees answer for %s", digest)


def tried_with() -> str:
    """All that a trial's outcome depends on besides the bundle."""
    from serve_app.adapters.tree_kernel import host

    return " ".join([FORMAT, *(f"{each} {_version(each)}" for each in LIBRARIES), host()])


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "none"
