"""Tries bundles in children of a process that has read the libraries already: a trial costs a fork, a load
and the golden rows, and not an interpreter's start and its imports, which are most of a cold one
(``verify_bundle.verify``). What is swapped under load is tried so; a bundle sees no other's child.

The process between is started at the first trial, holds no student, and ends when it is not needed for
``IDLE_S`` or its parent has gone. Should it end otherwise, the trial is repeated cold.

    parent -> {"folder", "loader", "library", "timeout_s"}     a line of JSON each way
    parent <- {"status", "problem", "said"}                    as os.waitpid gives it; what the child said
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from serve_app.adapters.bundle_folder import write_folder
from serve_app.adapters.students import LIBRARIES
from serve_app.adapters.verify_bundle import LOADER, TIMEOUT_S, alone, problem_of, quiet_command, try_folder, verify
from serve_app.core.bundle import MAX_BYTES, check, read_manifest
from serve_app.core.errors import BadBundle
from serve_app.core.ports import Bundle
from serve_app.core.use_case import UseCase

IDLE_S = 60.0
MARGIN_S = 10.0
"""Beyond a trial's own time-out, before the process between is given up."""


class WarmTrial:
    """As ``verify``. Blocks; one trial after the other."""

    def __init__(self, timeout_s: float = TIMEOUT_S, loader: str = LOADER, max_bytes: int = MAX_BYTES) -> None:
        self._timeout_s, self._loader, self._max_bytes = timeout_s, loader, max_bytes
        self._between: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()

    def __call__(self, bundle: Bundle, use_case: UseCase) -> None:
        """Raises BadBundle."""
        check(bundle, use_case, self._max_bytes)
        library = LIBRARIES.get(read_manifest(bundle).family, ("",))[0]
        with tempfile.TemporaryDirectory(prefix="verify-") as folder:
            write_folder(Path(folder), bundle)
            told = {"folder": folder, "loader": self._loader, "library": library, "timeout_s": self._timeout_s}
            with self._turn:
                done = self._asked(told)
        if done is None:
            verify(bundle, use_case, self._timeout_s, self._loader, self._max_bytes)
        elif problem := problem_of(done["status"], done["problem"], done["said"]):
            raise BadBundle(problem)

    def close(self) -> None:
        if self._between is not None:
            self._between.kill()
            self._between.communicate()
            self._between = None

    def _asked(self, told: dict[str, Any]) -> dict[str, Any] | None:
        """None where the process between could not say."""
        for _ in range(2):  # the one of before may have ended just now, since nobody needed it
            try:
                line = json.dumps(told).encode() + b"\n"
                process = self._running()
                process.stdin.write(line)  # type: ignore[union-attr]
                process.stdin.flush()  # type: ignore[union-attr]
                if answer := _line(process, self._timeout_s + MARGIN_S):
                    found: dict[str, Any] = json.loads(answer)
                    return found
            except (OSError, ValueError):
                pass
            self.close()
        return None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._between is None or self._between.poll() is not None:
            self.close()
            self._between = subprocess.Popen(  # noqa: S603
                quiet_command("from serve_app.adapters import warm_trial; warm_trial.between()"),
                env=alone(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
            # It ends by itself when nobody needs it, and would lie about as a zombie until the next trial.
            threading.Thread(target=self._between.wait, name="trial", daemon=True).start()
        return self._between


def between() -> None:
    """What the process between runs."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    while _readable(0, IDLE_S) and (line := sys.stdin.buffer.readline()):
        told = json.loads(line)
        _read_libraries(told["library"])
        answers.write(json.dumps(_tried(**told)).encode() + b"\n")
    os._exit(0)


def _read_libraries(library: str) -> None:
    if library:
        from serve_app.adapters import boosted_student  # noqa: F401 - the child finds it read
        from serve_app.adapters.lean_import import import_lean

        import_lean(library)


def _tried(folder: str, loader: str, library: str, timeout_s: float) -> dict[str, Any]:
    with tempfile.TemporaryFile() as verdict, tempfile.TemporaryFile() as said:
        child = os.fork()
        if child == 0:
            os.dup2(said.fileno(), 2)
            try_folder(folder, loader, timeout_s, verdict.fileno())
        status = _waited(child, timeout_s)
        verdict.seek(0)
        said.seek(0)
        return {
            "status": status,
            "problem": verdict.read().decode(),
            "said": said.read()[-2000:].decode("utf-8", "replace"),
        }


def _waited(child: int, timeout_s: float) -> int | None:
    """The exit status as ``subprocess`` gives it; None for a child that had to be ended."""
    until = time.monotonic() + timeout_s
    pause_s = 0.002
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, 0.05)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return None


def _line(process: subprocess.Popen[bytes], timeout_s: float) -> bytes:
    """Empty where none came in time, or the process has ended."""
    if process.stdout is None or not _readable(process.stdout.fileno(), timeout_s):
        return b""
    return process.stdout.readline()


def _readable(descriptor: int, timeout_s: float) -> bool:
    """By poll: ``select.select`` takes no descriptor beyond 1,023, and a replica may have more open."""
    watch = select.poll()
    watch.register(descriptor, select.POLLIN)
    return bool(watch.poll(timeout_s * 1000))
