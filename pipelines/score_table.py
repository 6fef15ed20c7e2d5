"""The table that is scored: where it lies, whether it may be read."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.fs

from pipelines.data_root import S3, DataRoot, s3
from pipelines.run import Refusal, Run
from pipelines.score_reading import CSV, PARQUET, Span, columns, rows_of, spans
from serve_app.core.use_case import UseCase


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """``files``: of one kind, sorted; ``shown``: how it was named."""

    filesystem: pyarrow.fs.FileSystem
    files: list[str]
    shown: str

    def spans(self, most: int) -> list[Span]:
        """What is scored at a time: ``most`` rows. Raises Refusal."""
        return spans({file: self._rows(file) for file in self.files}, most)

    def _rows(self, file: str) -> int:
        try:
            return rows_of(self.filesystem, file)
        except (OSError, pa.ArrowException) as error:
            raise self.unreadable(file, error) from None

    def unreadable(self, file: str, error: Exception) -> Refusal:
        """Names the file as the caller knows it."""
        name = posixpath.basename(file)
        return unreadable(self.shown if self.shown.endswith(name) else posixpath.join(self.shown, name), error)


def find(run: Run, use_case: UseCase, root: DataRoot) -> ScoreTable:
    """The job's ``path``, or the one that the use case scores by its schedule. Raises Refusal."""
    given = run.params.get("path") or use_case.scoring.path
    if given is None:
        raise Refusal("no_table", "there is nothing to score: give a path, or set scoring.path")
    filesystem, path = _located(run, use_case, root, given)
    files = _files(filesystem, path)
    if not files:
        raise Refusal("no_table", f"no Parquet or CSV file at {given}")
    if len({file.endswith(PARQUET) for file in files}) > 1:
        raise Refusal("bad_table", f"{given} holds both Parquet and CSV files; expected one kind")
    try:
        found = columns(filesystem, files[0])
    except (OSError, pa.ArrowException) as error:
        raise unreadable(given, error) from None
    required = [n for n, f in use_case.fields.items() if f.required and f.default is None]
    if missing := [name for name in required if name not in found]:
        raise Refusal("bad_table", f"{given} has no column {', '.join(missing)}; it has: {', '.join(found[:30])}")
    return ScoreTable(filesystem, files, given)


def _located(run: Run, use_case: UseCase, root: DataRoot, given: str) -> tuple[pyarrow.fs.FileSystem, str]:
    """What the configuration names may lie anywhere. What a caller names must lie in the use case's folder
    or under the data root: else anybody who may ask could read any table on this machine."""
    trusted = given == use_case.scoring.path
    if given.startswith(S3):
        if trusted or root.holds(given):
            return s3(run.platform.data.s3_endpoint), posixpath.normpath(given.removeprefix(S3))
        raise Refusal("path_not_allowed", f"{given} is outside the data root")
    path = (run.folder / given).resolve()
    if trusted or path.is_relative_to(run.folder.resolve()) or root.holds(str(path)):
        return pyarrow.fs.LocalFileSystem(), str(path)
    raise Refusal("path_not_allowed", f"{given} is neither in the use case's folder nor under the data root")


def _files(filesystem: pyarrow.fs.FileSystem, path: str) -> list[str]:
    found = filesystem.get_file_info(path)
    if found.type == pyarrow.fs.FileType.File:
        return [path]
    below = filesystem.get_file_info(pyarrow.fs.FileSelector(path, allow_not_found=True, recursive=True))
    files = [each.path for each in below if each.type == pyarrow.fs.FileType.File]
    return sorted(each for each in files if each.endswith(PARQUET + CSV) and not Path(each).name.startswith((".", "_")))


def unreadable(given: str, error: Exception) -> Refusal:
    return Refusal("bad_table", f"{given} cannot be read as a table: {str(error).splitlines()[0][:300]}")
