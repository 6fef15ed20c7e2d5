"""What the workers of one training run hand to each other and to whoever started it: plain files.

<storage>/<run>/students/<place>/...           a finished bundle, its manifest written last
<storage>/<run>/students/<place>/failure.json  or why there is none
<storage>/<run>/bags/<place>-<rank>.npz        bags that a worker has grown
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.fs

from pipelines.outcome import Outcome, TrainFailure
from pipelines.trees import Bag
from serve_app.core.npz import read_npz, write_npz

MANIFEST, FAILURE = "manifest.json", "failure.json"

Bags = Mapping[tuple[str, int], Bag]


class RunFolder:
    """``storage_path``: a folder or a URI, the same for every worker."""

    def __init__(self, storage_path: str, run: str) -> None:
        self._files, root = pyarrow.fs.FileSystem.from_uri(storage_path)
        self._root = posixpath.join(root, run)

    def put(self, place: int, outcome: Outcome) -> None:
        folder = self._student(place)
        if isinstance(outcome, TrainFailure):
            self._write(folder, FAILURE, json.dumps(outcome.reason).encode())
            return
        for name in sorted(outcome, key=lambda name: name == MANIFEST):
            self._write(folder, name, outcome[name])

    def outcome(self, place: int, use_case: str) -> Outcome | None:
        """None while there is none."""
        found = self._files.get_file_info(pyarrow.fs.FileSelector(self._student(place), allow_not_found=True))
        names = {info.base_name for info in found}
        if FAILURE in names:
            return TrainFailure(use_case, json.loads(self._read(self._student(place), FAILURE)))
        if MANIFEST not in names:
            return None
        return {name: self._read(self._student(place), name) for name in sorted(names)}

    def put_bags(self, place: int, rank: int, bags: Bags) -> None:
        arrays: dict[str, npt.NDArray[Any]] = {}
        for (model, number), bag in bags.items():
            arrays[f"{model} {number} text"] = np.frombuffer(bag.text.encode(), dtype=np.uint8)
            arrays[f"{model} {number} held_out"] = bag.held_out
            arrays[f"{model} {number} rounds"] = np.array(bag.rounds)
        self._write(self._bags(), f"{place}-{rank}.npz", write_npz(arrays))

    def bags(self, place: int, ranks: Iterable[int]) -> Bags:
        """All that the workers ``ranks`` have put. Raises FileNotFoundError when one has put nothing."""
        found: dict[tuple[str, int], Bag] = {}
        for rank in ranks:
            arrays = read_npz(self._read(self._bags(), f"{place}-{rank}.npz"))
            for model, number in {tuple(name.split()[:2]) for name in arrays}:
                text, held_out, rounds = (arrays[f"{model} {number} {part}"] for part in ("text", "held_out", "rounds"))
                found[model, int(number)] = Bag(text.tobytes().decode(), held_out, int(rounds))
        return found

    def delete(self) -> None:
        with suppress(FileNotFoundError):
            self._files.delete_dir(self._root)

    def _student(self, place: int) -> str:
        return posixpath.join(self._root, "students", str(place))

    def _bags(self) -> str:
        return posixpath.join(self._root, "bags")

    def _write(self, folder: str, name: str, content: bytes) -> None:
        self._files.create_dir(folder, recursive=True)
        with self._files.open_output_stream(posixpath.join(folder, name)) as stream:
            stream.write(content)

    def _read(self, folder: str, name: str) -> bytes:
        with self._files.open_input_stream(posixpath.join(folder, name)) as stream:
            return bytes(stream.read())
