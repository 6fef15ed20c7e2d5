"""Arrays as ``.npz`` bytes, read without trust: no pickle, and no header that promises more than it holds.

``numpy.load`` allocates what an array's header says before it reads a byte, so that a file of a
hundred bytes can ask for a petabyte. Every header is held against the bytes behind it first.
"""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from serve_app.core.errors import BadBundle

Array = npt.NDArray[Any]

MAX_BYTES = 2 * 1024**3
"""What the arrays of one file may need in memory."""

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_UNREADABLE = (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, NotImplementedError, RuntimeError)


def write_npz(arrays: Mapping[str, Array]) -> bytes:
    """The same arrays give the same bytes. Raises BadBundle for an array of objects."""
    for name, array in arrays.items():
        if np.asarray(array).dtype.hasobject:
            raise BadBundle(f"array {name!r} holds Python objects, which only a pickle could keep")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(arrays))  # type: ignore[arg-type]
    return buffer.getvalue()


def read_npz(content: bytes, name: str = "the file") -> dict[str, Array]:
    """The arrays by name. Raises BadBundle for anything that is not plain arrays."""
    check_npz(content, name)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except _UNREADABLE as error:
        raise BadBundle(f"{name}: not readable as npz: {error}") from None


def check_npz(content: bytes, name: str) -> None:
    """Raises BadBundle for a file that ``read_npz`` would refuse; reads headers only."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            _check_members(file, name)
    except _UNREADABLE as error:
        raise BadBundle(f"{name}: not readable as npz: {error}") from None


def _check_members(file: zipfile.ZipFile, name: str) -> None:
    members = file.infolist()
    if sum(member.file_size for member in members) > MAX_BYTES:
        raise BadBundle(f"{name}: its arrays need more than {MAX_BYTES} bytes")
    if len({member.filename for member in members}) != len(members):
        raise BadBundle(f"{name}: holds an array twice")
    for member in members:
        if not member.filename.endswith(".npy"):
            raise BadBundle(f"{name}: holds {member.filename!r}, which is no array")
        with file.open(member) as stream:
            _check_header(stream, member.file_size, f"{name}: array {member.filename[:-4]!r}")


def _check_header(stream: IO[bytes], size: int, what: str) -> None:
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise BadBundle(f"{what} is of an unknown npy version {version}")
    shape, _, dtype = _HEADERS[version](stream)
    if dtype.hasobject:
        raise BadBundle(f"{what} holds Python objects, which only unpickling could read")
    if math.prod(shape) * dtype.itemsize != size - stream.tell():
        raise BadBundle(f"{what} does not hold what its header says")
