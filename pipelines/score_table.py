"""The table that is scored: where it lies, whether it may be read, and how Ray Data reads it."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.fs
import pyarrow.parquet as pq

from pipelines.data_root import S3, DataRoot, s3
from pipelines.run import Refusal, Run
from serve_app.core.use_case import UseCase

PARQUET, CSV = (".parquet", ".pq"), (".csv",)


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """``files``: of one kind, sorted; ``columns``: those of the first; ``shown``: how it was named."""

    filesystem: pyarrow.fs.FileSystem
    files: list[str]
    columns: list[str]
    shown: str

    def size(self) -> int:
        """Bytes."""
        return sum(each.size or 0 for each in self.filesystem.get_file_info(self.files))

    def dataset(self) -> Any:
        """Reading takes no core of its own: every one may be taken by what waits for these rows. The second
        version of Ray Data's readers would list the files on one, whatever it is told."""
        import ray.data

        ray.data.DataContext.get_current().use_datasource_v2 = False
        if self.files[0].endswith(PARQUET):
            return ray.data.read_parquet(
                self.files, filesystem=self.filesystem, partitioning=None, file_extensions=None, num_cpus=0
            )
        return ray.data.read_csv(
            self.files, filesystem=self.filesystem, partitioning=None, num_cpus=0,
            parse_options=_QUOTED, convert_options=_as_text(self.columns),
        )  # fmt: skip


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
        columns = _columns(filesystem, files[0])
    except (OSError, pa.ArrowException) as error:
        raise Refusal("bad_table", f"{given} cannot be read as a table: {_first_line(error)}") from None
    required = [n for n, f in use_case.fields.items() if f.required and f.default is None]
    if missing := [name for name in required if name not in columns]:
        raise Refusal("bad_table", f"{given} has no column {', '.join(missing)}; it has: {', '.join(columns[:30])}")
    return ScoreTable(filesystem, files, columns, given)


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


def _columns(filesystem: pyarrow.fs.FileSystem, file: str) -> list[str]:
    if file.endswith(PARQUET):
        return list(pq.read_schema(file, filesystem=filesystem).names)
    with filesystem.open_input_stream(file) as stream:
        return list(pyarrow.csv.open_csv(stream, parse_options=_QUOTED).schema.names)


_QUOTED = pyarrow.csv.ParseOptions(newlines_in_values=True)


def _as_text(columns: list[str]) -> pyarrow.csv.ConvertOptions:
    """Cells stay text and only empty ones are missing, as wherever a CSV is read: the field decides."""
    return pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(columns, pa.string()), null_values=[""], strings_can_be_null=True
    )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:300]
