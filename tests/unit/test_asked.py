"""What a job may be asked with."""

from __future__ import annotations

import pytest

from serve_app.core.asked import path_problem

ROOT, BUCKET = "/srv/data", "s3://bucket/data"

GOOD = [
    (ROOT, "suppliers.csv"),
    (ROOT, "weeks/2026-01/*.parquet"),
    (ROOT, "..hidden/a..b.csv"),
    (BUCKET, "suppliers.csv"),
    (BUCKET, "s3://bucket/data/week.parquet"),
    (BUCKET + "/", "s3://bucket/data/week.parquet"),
]
BAD = [
    (ROOT, "/etc/passwd"),
    (ROOT, "/srv/data/week.parquet"),
    (ROOT, "../week.parquet"),
    (ROOT, "a/../../b"),
    (ROOT, "a\\..\\b"),
    (ROOT, "\\\\server\\share"),
    (ROOT, "C:\\week.csv"),
    (ROOT, "~/week.csv"),
    (ROOT, "file:///etc/passwd"),
    (ROOT, "http://169.254.169.254/latest"),
    (ROOT, "s3://bucket/data/week.parquet"),
    (BUCKET, "s3://bucket/database/week.parquet"),
    (BUCKET, "s3://bucket/data/../secret"),
    (BUCKET, "S3://other/data/week.parquet"),
    (BUCKET, "gs://bucket/data/week.parquet"),
]


@pytest.mark.parametrize(("root", "path"), GOOD)
def test_what_lies_below_may_be_named(root: str, path: str) -> None:
    assert path_problem(path, root) is None


@pytest.mark.parametrize(("root", "path"), BAD)
def test_and_nothing_else(root: str, path: str) -> None:
    assert path_problem(path, root) is not None
