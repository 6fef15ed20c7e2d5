"""What the workers of one training run hand to each other, to whoever started it, and to the next attempt:
plain files, each whole or not there.

<run>/students/<key>/...               a finished bundle, its manifest written last
<run>/students/<key>/failure.json      or why there is none
<run>/bags/<key>/<model>-<bag>.npz     a bag that a worker has grown
<run>/failed/<key>/<rank>.json         why a worker could not grow its bags
<run>/ray/...                          Ray Train's own
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow.fs

from pipelines.data_root import put
from pipelines.held_out import Bags
from pipelines.outcome import Outcome, TrainFailure
from pipelines.trees import Bag
from serve_app.core.npz import read_npz, write_npz

MANIFEST, FAILURE = "manifest.json", "failure.json"

Job = tuple[str, int]
"""Model and bag."""


class RunFolder:
    """``path`` of ``filesystem`` is the same for every worker. ``key`` names a student of the run."""

    def __init__(self, filesystem: pyarrow.fs.FileSystem, path: str) -> None:
        self._files, self._root = filesystem, path

    def put(self, key: str, outcome: Outcome) -> None:
        if isinstance(outcome, TrainFailure):
            self._write(json.dumps(outcome.reason).encode(), "students", key, FAILURE)
            return
        for name in sorted(outcome, key=lambda name: name == MANIFEST):
            self._write(outcome[name], "students", key, name)

    def has(self, key: str) -> bool:
        return bool({FAILURE, MANIFEST} & set(self._names("students", key)))

    def outcome(self, key: str, use_case: str) -> Outcome | None:
        """None while there is none."""
        names = self._names("students", key)
        if FAILURE in names:
            return TrainFailure(use_case, json.loads(self._read("students", key, FAILURE)))
        if MANIFEST not in names:
            return None
        return {name: self._read("students", key, name) for name in names}

    def put_bag(self, key: str, job: Job, bag: Bag) -> None:
        text = np.frombuffer(bag.text.encode(), dtype=np.uint8)
        content = write_npz({"text": text, "held_out": bag.held_out, "rounds": np.array(bag.rounds)})
        self._write(content, "bags", key, _file_of(job))

    def grown(self, key: str, jobs: Sequence[Job]) -> set[Job]:
        """Those of ``jobs`` that are there."""
        names = set(self._names("bags", key))
        return {job for job in jobs if _file_of(job) in names}

    def bags(self, key: str, jobs: Sequence[Job]) -> Bags:
        """Raises FileNotFoundError when one is not there."""
        return {job: self._bag(key, job) for job in jobs}

    def count(self) -> int:
        """How many bags are there, of all students."""
        return sum(len(self._names("bags", key)) for key in self._names("bags"))

    def put_failed(self, key: str, rank: int, reason: str) -> None:
        self._write(json.dumps(reason).encode(), "failed", key, f"{rank}.json")

    def failed(self, key: str) -> str | None:
        """Why a worker could not; None if all could."""
        names = self._names("failed", key)
        return json.loads(self._read("failed", key, names[0])) if names else None

    def delete(self) -> None:
        with suppress(FileNotFoundError):
            self._files.delete_dir(self._root)

    def _bag(self, key: str, job: Job) -> Bag:
        arrays = read_npz(self._read("bags", key, _file_of(job)))
        return Bag(arrays["text"].tobytes().decode(), arrays["held_out"], int(arrays["rounds"]))

    def _names(self, *parts: str) -> list[str]:
        where: Any = pyarrow.fs.FileSelector(posixpath.join(self._root, *parts), allow_not_found=True)
        found = (info.base_name for info in self._files.get_file_info(where))
        return sorted(name for name in found if not name.startswith("."))

    def _write(self, content: bytes, *parts: str) -> None:
        put(self._files, posixpath.join(self._root, *parts), content)

    def _read(self, *parts: str) -> bytes:
        with self._files.open_input_stream(posixpath.join(self._root, *parts)) as stream:
            return bytes(stream.read())


def _file_of(job: Job) -> str:
    return f"{job[0]}-{job[1]}.npz"
