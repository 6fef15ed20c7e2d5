"""Where the pipelines keep their tables: a local folder, or a bucket of the S3 protocol.

    <root>/<use case>/raw/<source>/day=YYYY-MM-DD/<job>.parquet
    <root>/<use case>/lessons/<job>/...      <root>/<use case>/quarantine/<job>.parquet
    <root>/<use case>/processed/<job>/...    <root>/<use case>/scores/<job>/...
    <root>/<use case>/gold.json

A file is there whole or not at all, whatever kills its writer. Credentials are those of the environment.
"""

from __future__ import annotations

import io
import os
import posixpath
import tempfile
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq

from serve_app.core.errors import BadConfig
from serve_app.core.platform import Platform

S3 = "s3://"


class DataRoot:
    """Paths are given in parts below the root, ``("tickets", "raw", …)``; ``path`` is what ``filesystem``
    takes, ``address`` what people read. Travels between processes; raises OSError when it is away."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        root = platform.data.root.replace("{state}", platform.state)
        self._remote = root.startswith(S3)
        self.filesystem: pyarrow.fs.FileSystem
        if self._remote:
            self.filesystem, self._base = s3(platform.data.s3_endpoint), root.removeprefix(S3).rstrip("/")
        elif "://" in root:
            raise BadConfig(f"data.root: {root!r} is not served; expected a folder or s3://bucket/prefix")
        else:
            self.filesystem, self._base = pyarrow.fs.LocalFileSystem(), str(Path(root).absolute())

    def __reduce__(self) -> tuple[Any, ...]:
        return DataRoot, (self._platform,)

    def path(self, *parts: str) -> str:
        return posixpath.join(self._base, *parts)

    def address(self, *parts: str) -> str:
        return (S3 if self._remote else "") + self.path(*parts)

    def located(self, address: str) -> str:
        """The path of an ``address``."""
        return address.removeprefix(S3) if self._remote else address

    def holds(self, address: str) -> bool:
        """Whether an address lies below the root."""
        path = posixpath.normpath(self.located(address))
        return address.startswith(S3) == self._remote and path.startswith(self._base + "/")

    def ping(self) -> None:
        """Returns where the root can be asked, whether or not anything is there. Blocks, as long as the S3 client
        tries. Raises OSError."""
        self.filesystem.get_file_info(self._base)

    def write(self, content: bytes, *parts: str) -> str:
        """Whole or not at all; replaces what was there. Gives the path."""
        return put(self.filesystem, self.path(*parts), content)

    def write_table(self, table: pa.Table, *parts: str) -> str:
        return put_table(self.filesystem, self.path(*parts), table)

    def read(self, *parts: str) -> bytes:
        """Raises FileNotFoundError."""
        with self.filesystem.open_input_stream(self.path(*parts)) as stream:
            return bytes(stream.read())

    def read_table(self, *parts: str) -> pa.Table:
        return read_table(self.filesystem, self.path(*parts))

    def exists(self, *parts: str) -> bool:
        found = self.filesystem.get_file_info(self.path(*parts))
        return bool(found.type == pyarrow.fs.FileType.File)

    def files(self, *parts: str) -> list[tuple[str, ...]]:
        """Every file below a folder, as parts from the root, sorted; none when it is not there."""
        found = (info.path for info in self._below(parts, recursive=True) if info.type == pyarrow.fs.FileType.File)
        whole = (tuple(posixpath.relpath(path, self._base).split("/")) for path in found)
        return sorted(parts for parts in whole if not parts[-1].startswith(_UNFINISHED))

    def folders(self, *parts: str) -> list[str]:
        """Names of the folders in a folder, sorted."""
        found = self._below(parts, recursive=False)
        return sorted(info.base_name for info in found if info.type == pyarrow.fs.FileType.Directory)

    def delete_file(self, *parts: str) -> None:
        with suppress(FileNotFoundError):
            self.filesystem.delete_file(self.path(*parts))

    def delete_folder(self, *parts: str) -> None:
        with suppress(FileNotFoundError):
            self.filesystem.delete_dir(self.path(*parts))

    def keep_newest(self, count: int, *parts: str, but: Collection[str] = ()) -> None:
        """Of folders that are named by jobs, whose ids rise with time; those of ``but`` are in use."""
        for name in self.folders(*parts)[:-count]:
            if name not in but:
                self.delete_folder(*parts, name)

    def _below(self, parts: tuple[str, ...], recursive: bool) -> Iterator[Any]:
        where = pyarrow.fs.FileSelector(self.path(*parts), allow_not_found=True, recursive=recursive)
        return iter(self.filesystem.get_file_info(where))


_UNFINISHED = ".unfinished-"


def put(filesystem: pyarrow.fs.FileSystem, path: str, content: bytes) -> str:
    """On a local disk beside its place, flushed, then renamed over it; elsewhere in one put, which the
    S3 protocol makes visible when it is complete."""
    if isinstance(filesystem, pyarrow.fs.LocalFileSystem):
        _put_local(Path(path), content)
    else:
        with filesystem.open_output_stream(path) as stream:
            stream.write(content)
    return path


def put_table(filesystem: pyarrow.fs.FileSystem, path: str, table: pa.Table) -> str:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return put(filesystem, path, buffer.getvalue())


def read_table(filesystem: pyarrow.fs.FileSystem, path: str) -> pa.Table:
    """One file as it is: a folder called ``day=…`` on its path adds no column."""
    with filesystem.open_input_file(path) as file:
        return pq.ParquetFile(file).read()


def _put_local(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=_UNFINISHED)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)  # readable by other workers, whoever they run as
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def s3(endpoint: str | None) -> pyarrow.fs.FileSystem:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    settings: dict[str, Any] = {"region": region} if region or endpoint is None else {"region": "us-east-1"}
    if endpoint is not None:
        scheme, _, server = endpoint.rpartition("://")
        settings |= {"endpoint_override": server.rstrip("/"), "scheme": scheme or "https"}
    return pyarrow.fs.S3FileSystem(**settings)
