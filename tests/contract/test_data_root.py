"""The laws of a data root, on a local disk and over the S3 protocol."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.collect import collect
from pipelines.data_root import DataRoot
from pipelines.dataset import open_dataset, part_of, write
from pipelines.prepare import prepare
from serve_app.core.errors import BadConfig
from serve_app.core.platform import Data, Platform
from tests.fakes.s3_server import S3Server, s3_server
from tests.fakes.small_models import write_use_case
from tests.unit.test_collect import SHELLS, a_run
from tests.unit.test_dataset import labelled, use_case


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as started:
        yield started


@pytest.fixture(params=["local", "s3"])
def platform(request: pytest.FixtureRequest, tmp_path: Path) -> Platform:
    if request.param == "local":
        return Platform(state=str(tmp_path))
    server: S3Server = request.getfixturevalue("server")
    root = f"s3://{server.bucket}/{tmp_path.name}"
    return Platform(state=str(tmp_path), data=Data(root=root, s3_endpoint=server.endpoint))


@pytest.fixture
def root(platform: Platform) -> DataRoot:
    return DataRoot(platform)


def test_what_is_written_is_read(root: DataRoot) -> None:
    path = root.write(b"one", "case", "raw", "a.json")
    assert path == root.path("case", "raw", "a.json")
    assert root.read("case", "raw", "a.json") == b"one"
    root.write(b"two", "case", "raw", "a.json")
    assert root.read("case", "raw", "a.json") == b"two"


def test_what_is_not_there(root: DataRoot) -> None:
    with pytest.raises(FileNotFoundError):
        root.read("case", "nothing")
    assert not root.exists("case", "nothing")
    assert root.files("case") == []
    assert root.folders("case") == []
    root.delete_file("case", "nothing")
    root.delete_folder("case")


def test_files_and_folders(root: DataRoot) -> None:
    for name in ("b", "a"):
        root.write(b"x", "case", name, "day=2026-01-02", "job.parquet")
    root.write(b"x", "case", "top")
    assert root.folders("case") == ["a", "b"]
    assert root.files("case") == [
        ("case", "a", "day=2026-01-02", "job.parquet"), ("case", "b", "day=2026-01-02", "job.parquet"), ("case", "top"),
    ]  # fmt: skip
    assert root.exists("case", "top")
    assert not root.exists("case", "a")
    root.delete_file("case", "top")
    root.delete_folder("case", "a")
    assert root.files("case") == [("case", "b", "day=2026-01-02", "job.parquet")]


def test_only_the_newest_folders_are_kept(root: DataRoot) -> None:
    for job in ("01C", "01A", "01B"):
        root.write(b"x", "case", "processed", job, "manifest.json")
    root.keep_newest(2, "case", "processed")
    assert root.folders("case", "processed") == ["01B", "01C"]
    root.keep_newest(5, "case", "processed")
    assert root.folders("case", "processed") == ["01B", "01C"]


def test_tables(root: DataRoot) -> None:
    table = pa.table({"day": ["x", None], "value": [1.5, float("nan")]})
    root.write_table(table, "case", "day=2026-01-02", "one.parquet")
    read = root.read_table("case", "day=2026-01-02", "one.parquet")
    assert read.column_names == ["day", "value"]
    assert read["day"].to_pylist() == ["x", None]


def test_addresses(root: DataRoot) -> None:
    root.write(b"x", "case", "one")
    address = root.address("case", "one")
    assert root.located(address) == root.path("case", "one")
    assert root.holds(address)
    assert not root.holds(root.address("case", "..", "..", "one"))
    assert not root.holds("/etc/passwd")
    assert not root.holds("s3://another/bucket")


def test_it_travels(root: DataRoot) -> None:
    root.write(b"x", "case", "one")
    assert pickle.loads(pickle.dumps(root)).read("case", "one") == b"x"


def test_a_dataset_on_it(root: DataRoot, platform: Platform) -> None:
    write(root.filesystem, root.path("case", "processed", "j"), use_case(), part_of(labelled(9)), part_of(labelled(2)))
    dataset = open_dataset(root.address("case", "processed", "j"), platform)
    assert len(dataset.read("learn")) == 9
    assert sorted(dataset.read("gold").target) == ["a", "b"]


def test_collecting_and_preparing_on_it(root: DataRoot, platform: Platform, tmp_path: Path) -> None:
    source = {"kind": "file", "name": "own", "path": "own.csv"}
    folder = write_use_case(tmp_path, "shells", {**SHELLS, "retraining": {"sources": [source], "min_rows": 1}})
    (folder / "own.csv").write_text("size,sort\n" + "".join(f"{n},{'clam' if n % 2 else 'snail'}\n" for n in range(60)))
    for job_id in ("01A", "01B"):
        run = replace(a_run(tmp_path, tmp_path, "shells", job_id), platform=platform)
        collected = collect(run, {})
        came = prepare(run, {"collect": collected})
        assert (came["learn_rows"] + came["gold_rows"], came["label_mix"]["file"]) == (60, came["learn_rows"])
        assert len(open_dataset(came["dataset"], platform).read("learn")) == came["learn_rows"]
    assert root.exists("shells", "gold.json")
    assert root.address() in collected["path"]
    assert len(root.files("shells", "raw")) == 2


def test_state_stands_in_the_root(tmp_path: Path) -> None:
    assert DataRoot(Platform(state=str(tmp_path))).address("case") == str(tmp_path / "data" / "case")
    with pytest.raises(BadConfig, match="not served"):
        DataRoot(Platform(data=Data(root="ftp://somewhere")))


WRITER = """
import sys
from pipelines.collect import collect
from pipelines.data_root import DataRoot
from serve_app.core.platform import Platform
root = DataRoot(Platform(state=sys.argv[1]))
print("ready", flush=True)
number = 0
while True:
    number += 1
    root.write(str(number % 10).encode() * 3_000_000, "case", "one")
"""


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    root = DataRoot(Platform(state=str(tmp_path)))
    for pause in (0.01, 0.023, 0.037):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, cwd=os.getcwd()
        )
        assert writer.stdout is not None
        writer.stdout.readline()
        while not root.exists("case", "one"):
            time.sleep(0.005)
        time.sleep(pause)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        content = root.read("case", "one")
        assert (len(content), len(set(content))) == (3_000_000, 1)
        assert root.files("case") == [("case", "one")], "what was begun is not listed"


def test_a_bucket_that_is_away_says_so_and_comes_back(server: S3Server) -> None:
    root = DataRoot(Platform(data=Data(root=f"s3://{server.bucket}/ours", s3_endpoint=server.endpoint)))
    root.ping()
    root.write(b"kept", "it")
    with server.stopped(), pytest.raises(OSError, match=r"(?i)connect|refused|network"):
        root.ping()
    assert root.read("it") == b"kept"
