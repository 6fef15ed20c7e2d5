"""Makes a bundle's trees into tables and tries them, in a process that may take its time and may die of it.

What the machine code answers is held against LightGBM's own answers, bit for bit: on the bundle's golden rows, and on
rows drawn at, just above and just below the thresholds, with missing and extreme values among them. Only what agrees
is kept, and only what is kept is ever used.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from serve_app.adapters.bundle_cache import BundleCache
from serve_app.adapters.compiled_cache import CompiledCache
from serve_app.adapters.lean_import import import_lean
from serve_app.adapters.tree_tables import TreeTables
from serve_app.adapters.verify_bundle import alone, problem_of, quiet_command
from serve_app.core.bundle import check_answers
from serve_app.core.errors import BadBundle
from serve_app.core.ports import Bundle
from serve_app.core.student_file import read_setup
from serve_app.core.tfidf import Floats32

TIMEOUT_S = 300.0
"""A trial takes a second, and some seconds for thousands of trees, but steps back behind whoever is answered."""

SIZES = (1, 7, 33, 1000, 4096)
"""How many rows at a time: part of a block, a block and a bit, many."""

ODD = (
    np.nan, 0.0, -0.0, 1e-45, -1e-45, 1e-36, -1e-36, 1e-35, -1e-35, 1.0, -1.0, 3.4e38, -3.4e38, np.inf, -np.inf,
)  # fmt: skip
ODD_CATEGORIES = (np.nan, 0.0, -0.0, -0.5, 0.5, -1.0, -7.0, 1e9, 2.0**31, -(2.0**31))


def try_apart(root: Path, digest: str, timeout_s: float = TIMEOUT_S) -> None:
    """Makes and tries the tables of a bundle that ``BundleCache(root)`` holds, and keeps them in
    ``CompiledCache(root)``. Raises BadBundle for those that do not agree or cannot be made, a crash and a hang.
    Blocks."""
    code = "from serve_app.adapters import compiled_trial; compiled_trial.child()"
    try:
        done = subprocess.run(  # noqa: S603
            quiet_command(code, str(root), digest, str(timeout_s)),
            env=alone(), stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False,
            start_new_session=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise BadBundle(f"they were not tried within {timeout_s:g} s") from None
    except OSError as error:
        raise BadBundle(f"they could not be tried: {error.strerror}") from None
    if problem := problem_of(done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace")):
        raise BadBundle(problem)


def child() -> None:
    """What the child runs: ``argv`` is sys.path, root, digest, timeout. Its verdict is one line of JSON on the real
    stdout."""
    _, root, digest, timeout = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(int(float(timeout)) + 2)  # the parent may die first, and nobody would end a hang
    verdict = os.dup(1)
    os.dup2(2, 1)
    try:
        keep_if_good(Path(root), digest)
        problem = None
    except BadBundle as error:
        problem = str(error)
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    with os.fdopen(verdict, "w") as told:
        json.dump({"problem": problem}, told)
    os._exit(0)


def keep_if_good(root: Path, digest: str) -> None:
    """Raises BadBundle, OSError."""
    from serve_app.adapters.compiled_students import tried_with

    import_lean("lightgbm")
    bundle = BundleCache(root).get(digest)
    if bundle is None:
        raise BadBundle("the bundle is no longer on this machine")
    tables = tables_of(bundle)
    agree(bundle, tables)
    CompiledCache(root).put(digest, tried_with(), tables)


def tables_of(bundle: Bundle) -> dict[str, TreeTables]:
    """By model. Raises BadBundle for trees that are not LightGBM's, or not of a kind that the tables can say."""
    from serve_app.adapters.lightgbm_student import LightGBMStudent

    texts = LightGBMStudent.texts(bundle, read_setup(bundle))
    return {model: TreeTables.of(bags) for model, bags in texts.items()}


def agree(bundle: Bundle, tables: Mapping[str, TreeTables]) -> None:
    """Raises BadBundle unless the tables give LightGBM's bits."""
    from serve_app.adapters.compiled_forest import CompiledForest
    from serve_app.adapters.lightgbm_student import LightGBMStudent

    student = LightGBMStudent.from_bundle(bundle, "trial")
    compiled = {model: CompiledForest(each, student.trees[model]) for model, each in tables.items()}
    for model, forest in compiled.items():
        rows = probing_rows(tables[model], max(SIZES))
        for size in SIZES:
            for threads in (1, 2):
                _compare(forest.raw(rows[:size], threads), student.trees[model].raw(rows[:size], 1), model, size)
    check_answers(bundle, student.with_trees(compiled))


def probing_rows(tables: TreeTables, count: int, seed: int = 1) -> Floats32:
    """(count, columns) where the trees have to decide: at thresholds and beside them, at their categories, and at
    values that one may handle in another way than the other."""
    rng = np.random.default_rng(seed)
    columns = [_probes(tables, column) for column in range(int(tables.shape[2]))]
    return np.stack([rng.choice(each, count) for each in columns], axis=1, dtype=np.float32)


def _probes(tables: TreeTables, column: int) -> Floats32:
    if known := tables.categories(column):
        return np.concatenate((np.arange(known + 2), ODD_CATEGORIES)).astype(np.float32)
    at = tables.thresholds(column)
    near = np.concatenate([at, *(np.nextafter(at, np.float32(way)) for way in (np.inf, -np.inf))])
    odd = np.tile(np.array(ODD, dtype=np.float32), 1 + len(near) // (3 * len(ODD)))  # a quarter of them
    return np.concatenate((near, odd))


def _compare(found: object, wanted: object, model: str, size: int) -> None:
    for bag, (ours, theirs) in enumerate(zip(found, wanted, strict=True)):  # type: ignore[call-overload]
        if ours.tobytes() != np.ascontiguousarray(theirs).tobytes():
            raise BadBundle(f"they differ from LightGBM's: model {model!r}, bag {bag}, {size} rows at a time")
