"""Tries a bundle in a process of its own before anybody is answered from it.

LightGBM aborts the whole process on a truncated model file, which nothing can catch, and what XGBoost
does with one is its own business, so that the first load of a model happens where only a child dies. The
child loads the student, predicts the golden rows and compares bit for bit.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

from serve_app.adapters.bundle_folder import read_folder, write_folder
from serve_app.adapters.lean_import import import_lean
from serve_app.adapters.students import LIBRARIES
from serve_app.core.bundle import MAX_BYTES, check, check_answers, read_manifest
from serve_app.core.errors import BadBundle
from serve_app.core.ports import Bundle
from serve_app.core.use_case import UseCase

LOADER = "serve_app.adapters.students:load_student"
TIMEOUT_S = 120.0
"""A trial takes a second, but steps back behind whoever is answered."""

# Whoever is answered meanwhile goes before the trial, from its first import on. A desktop or server Linux
# weighs sessions against each other and niceness only within one, hence a session of its own that steps back.
_QUIETLY = """
import json, os, sys
os.nice(5)
try:
    with open("/proc/self/autogroup", "w") as session:
        session.write("10")
except OSError:
    pass
sys.path[:] = json.loads(sys.argv[1])
"""
_ENVIRONMENT = (
    "PATH",
    "HOME",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
)


def verify(
    bundle: Bundle,
    use_case: UseCase,
    timeout_s: float = TIMEOUT_S,
    loader: str = LOADER,
    max_bytes: int = MAX_BYTES,
) -> None:
    """Raises BadBundle for digests, schema or golden answers that differ, and for a model that crashes
    or hangs. ``loader`` is ``module:function`` of ``load_student(bundle, version) -> Student``. Blocks."""
    check(bundle, use_case, max_bytes)
    with tempfile.TemporaryDirectory(prefix="verify-") as name:
        write_folder(Path(name), bundle)
        done = _run(name, loader, timeout_s)
    if problem := problem_of(done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace")):
        raise BadBundle(problem)


def child() -> None:
    """What the child runs: ``argv`` is sys.path, folder, loader, timeout. Its verdict is one line of
    JSON on the real stdout."""
    _, folder, loader, timeout = sys.argv[1:]
    try_folder(folder, loader, float(timeout), os.dup(1))


def try_folder(folder: str, loader: str, timeout_s: float, verdict: int) -> NoReturn:
    """Tries the bundle in ``folder``, writes the verdict to the file descriptor, and ends this process.
    Anything a library prints goes to stderr."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(int(timeout_s) + 2)  # the parent may die first, and nobody would end a hang
    os.dup2(2, 1)
    try:
        _try(read_folder(Path(folder)), loader)
        problem = None
    except BadBundle as error:
        problem = str(error)
    except Exception as error:
        problem = f"the model cannot be loaded: {type(error).__name__}: {error}"
    with os.fdopen(verdict, "w") as told:
        json.dump({"problem": problem}, told)
    os._exit(0)  # native libraries' exit handlers have nothing to add


def quiet_command(code: str, *arguments: str) -> list[str]:
    """Runs ``code`` in an interpreter that steps back behind whoever is answered. To be started as a session
    of its own, with the environment ``alone``."""
    return [sys.executable, "-I", "-c", _QUIETLY + code, json.dumps(sys.path), *arguments]


def alone() -> dict[str, str]:
    """No credential of the parent is the child's business."""
    return {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}


def problem_of(status: int | None, verdict: str, said: str) -> str | None:
    """What a child's end says of its bundle: its exit status (None: it had to be ended), the verdict it wrote
    and what it said besides."""
    if status is None:
        return "the model did not answer its golden rows in time"
    if status < 0:
        return f"the model crashed its process ({_signal(-status)}){_last_words(said)}"
    try:
        problem = json.loads(verdict)["problem"]
    except (ValueError, KeyError, TypeError):
        return f"the model ended its process (exit code {status}){_last_words(said)}"
    return None if problem is None else str(problem)


def _try(bundle: Bundle, loader: str) -> None:
    for library in LIBRARIES.get(read_manifest(bundle).family, ())[:1]:
        import_lean(library)
    module, _, function = loader.partition(":")
    student = getattr(importlib.import_module(module), function)(bundle, "verify")
    check_answers(bundle, student)


def _run(folder: str, loader: str, timeout_s: float) -> subprocess.CompletedProcess[bytes]:
    code = "from serve_app.adapters import verify_bundle; verify_bundle.child()"
    try:
        return subprocess.run(  # noqa: S603
            quiet_command(code, folder, loader, str(timeout_s)),
            env=alone(), stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False,
            start_new_session=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise BadBundle(f"the model did not answer its golden rows within {timeout_s:g} s") from None
    except OSError as error:
        raise BadBundle(f"the model could not be tried: {error.strerror}") from None


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_words(said: str) -> str:
    lines = said.strip().splitlines()
    return f": {lines[-1][:300]}" if lines else ""
