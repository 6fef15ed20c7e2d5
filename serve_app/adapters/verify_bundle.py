"""Tries a bundle in a process of its own before anybody is answered from it.

LightGBM aborts the whole process on a truncated model file, which nothing can catch, so that the
first load of a model happens where only a child dies. The child loads the student, predicts the
golden rows and compares bit for bit.
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

from serve_app.adapters.bundle_folder import read_folder, write_folder
from serve_app.adapters.lean_import import import_lean
from serve_app.core.bundle import MAX_BYTES, check, check_answers
from serve_app.core.errors import BadBundle
from serve_app.core.ports import Bundle
from serve_app.core.use_case import UseCase

LOADER = "serve_app.adapters.students:load_student"
TIMEOUT_S = 60.0

_CHILD = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from serve_app.adapters import verify_bundle; verify_bundle.child()"
)
# No credential of the parent is the child's business.
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
    if problem := _problem(done):
        raise BadBundle(problem)


def child() -> None:
    """What the child runs: ``argv`` is sys.path, folder, loader, timeout. Its verdict is one line of
    JSON on the real stdout; anything a library prints goes to stderr."""
    _, folder, loader, timeout = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(int(float(timeout)) + 2)  # the parent may die first, and nobody would end a hang
    verdict = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        _try(read_folder(Path(folder)), loader)
        problem = None
    except BadBundle as error:
        problem = str(error)
    except Exception as error:
        problem = f"the model cannot be loaded: {type(error).__name__}: {error}"
    json.dump({"problem": problem}, verdict)
    verdict.close()
    os._exit(0)  # native libraries' exit handlers have nothing to add


def _try(bundle: Bundle, loader: str) -> None:
    import_lean("lightgbm")
    module, _, function = loader.partition(":")
    student = getattr(importlib.import_module(module), function)(bundle, "verify")
    check_answers(bundle, student)


def _run(folder: str, loader: str, timeout_s: float) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-I", "-c", _CHILD, json.dumps(sys.path), folder, loader, str(timeout_s)]
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    try:
        return subprocess.run(  # noqa: S603
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise BadBundle(f"the model did not answer its golden rows within {timeout_s:g} s") from None
    except OSError as error:
        raise BadBundle(f"the model could not be tried: {error.strerror}") from None


def _problem(done: subprocess.CompletedProcess[bytes]) -> str | None:
    if done.returncode < 0:
        return f"the model crashed its process ({_signal(-done.returncode)}){_last_words(done.stderr)}"
    try:
        problem = json.loads(done.stdout)["problem"]
    except (ValueError, KeyError, TypeError):
        return f"the model ended its process (exit code {done.returncode}){_last_words(done.stderr)}"
    return None if problem is None else str(problem)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_words(stderr: bytes) -> str:
    lines = stderr.decode(errors="replace").strip().splitlines()
    return f": {lines[-1][:300]}" if lines else ""
