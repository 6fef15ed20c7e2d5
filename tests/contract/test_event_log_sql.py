"""What only a database has: migrations, settings, locks, files that vanish, secrets in URLs."""

from __future__ import annotations

import itertools
import sqlite3
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select

import serve_app.adapters.migrations as migrations
from serve_app.adapters.migrations import HEAD, VERSION_TABLE, migrate
from serve_app.adapters.sql_append import pieces
from serve_app.adapters.sql_engine import open_engine, writing
from serve_app.adapters.sql_event_log import SqlEventLog, open_event_log
from serve_app.adapters.sql_rows import LABEL, PREDICTION
from serve_app.adapters.sql_tables import labels, metadata, predictions
from serve_app.core.errors import BadConfig, StoreUnavailable
from serve_app.core.events import Label, LoggedPrediction
from serve_app.core.platform import Store
from serve_app.core.ports import Lesson
from tests.fakes.postgres_server import postgres_server

KINDS = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return postgres_server().database() if request.param == "postgres" else f"sqlite:///{tmp_path}/events.db"


def logged(id: str) -> LoggedPrediction:
    return LoggedPrediction(
        id=id, use_case="colours", at=datetime.now(UTC), features={}, student=None, teacher=None, answer={},
        model_version=None, policy_version="p", schema_version="s", propensity=0.0, cost_usd=0.0, latency_ms=0.0,
    )  # fmt: skip


# Migrations


def test_tables_and_migrations_agree(url: str) -> None:
    migrate(url)
    with open_engine(url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_head_is_the_last_version() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_migrating_again_changes_nothing(url: str) -> None:
    migrate(url)
    log = SqlEventLog(url)
    log.append([logged("1")])
    migrate(url)
    assert log.count("colours") == 1
    log.close()


def test_a_log_of_the_first_version_is_brought_up_to_date_and_keeps_its_rows(url: str) -> None:
    engine = writing(open_engine(url, create=True))
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    row, said = logged("1"), Label("2", "1", datetime.now(UTC), "ani", label="red", note="sure")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        then = {name: value for name, value in PREDICTION.row(row).items() if name != "audit_rate"}  # since 0003
        connection.execute(predictions.insert(), then)
        connection.execute(labels.insert(), LABEL.row(said))
    migrate(url)
    log = SqlEventLog(url)
    assert log.get("1") == row
    assert log.labels("1") == [said]
    with engine.begin() as connection:
        assert connection.execute(select(labels.c.use_case)).scalar_one() == "colours"
    assert log.lessons("colours", datetime.now(UTC)) == [Lesson(row, (said,))]
    log.close()


def test_a_version_can_be_taken_back(url: str) -> None:
    migrate(url)
    SqlEventLog(url).append([logged("1")])
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with writing(open_engine(url)).begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    migrate(url)
    assert SqlEventLog(url).count("colours") == 1


def test_threads_may_migrate_at_the_same_moment(url: str) -> None:
    ready = threading.Barrier(8)

    def start(_: int) -> None:
        ready.wait()
        migrate(url)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(start, range(8)))
    SqlEventLog(url).ping()


START = """
import sys, time
from serve_app.adapters.migrations import migrate
sys.stdin.readline()
migrate(sys.argv[1])
print("alembic" in sys.modules)
"""


def test_processes_may_migrate_at_the_same_moment_and_one_does_it(url: str) -> None:
    command = [sys.executable, "-c", START, url]
    starts = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    used_alembic = [start.communicate("go\n", timeout=60)[0].strip() for start in starts]
    assert sorted(used_alembic) == ["False", "False", "False", "True"]
    SqlEventLog(url).ping()


def test_an_ordinary_start_does_not_load_alembic(url: str) -> None:
    migrate(url)
    done = subprocess.run([sys.executable, "-c", START, url], input="\n", capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False", done.stderr


def test_a_newer_schema_is_refused(url: str) -> None:
    migrate(url)
    with writing(open_engine(url)).begin() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(BadConfig, match="9999"):
        migrate(url)


def test_a_log_without_its_schema_is_away(url: str) -> None:
    if url.startswith("sqlite"):
        sqlite3.connect(url.removeprefix("sqlite:///")).execute("VACUUM").close()
    with pytest.raises(StoreUnavailable):
        SqlEventLog(url).ping()


# Opening


def test_the_state_folder_is_made_whatever_it_is_called(tmp_path: Path) -> None:
    state = tmp_path / "a ?b#c%20{d}" / "é"
    log = open_event_log(Store(), state)
    log.append([logged("1")])
    log.close()
    assert (state / "events.db").exists()
    assert open_event_log(Store(), state).count("colours") == 1


def test_a_folder_that_cannot_be_made_is_a_store_that_is_away(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable):
        open_event_log(Store(), tmp_path / "file" / "state")


@pytest.mark.parametrize(
    "bad", ["sqlite://", "sqlite:///:memory:", "mysql://u:s3cret@host/db", "s3cret", "x://[s3cret"]
)
def test_a_url_that_is_not_served_is_refused_and_not_repeated(bad: str, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"store\.url") as caught:
        open_event_log(Store(url=bad), tmp_path)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


def test_no_error_holds_the_password(tmp_path: Path) -> None:
    log = SqlEventLog("postgresql://ani:s3cret@127.0.0.1:1/events", timeout_s=1.0)
    for call in (log.ping, lambda: log.append([logged("1")])):
        with pytest.raises(StoreUnavailable) as caught:
            call()
        assert "127.0.0.1" not in str(caught.value)
        assert "s3cret" not in "".join(traceback.format_exception(caught.value))


def test_no_error_holds_the_row(url: str) -> None:
    migrate(url)
    with pytest.raises(StoreUnavailable) as caught:
        SqlEventLog(url).append([logged("a-secret-row"), replace(logged("2"), policy_version=None)])
    assert "IntegrityError" in str(caught.value) or "NotNullViolation" in str(caught.value)
    assert "a-secret-row" not in str(caught.value)


# Appending


def test_a_row_lies_as_its_shape_says(url: str) -> None:
    """However it was written: rows of two programs, before and after, are one log."""
    at = datetime(2026, 3, 1, 12, 0, 0, 0, tzinfo=UTC)
    rows = [full_row("1"), replace(full_row("2"), at=at), replace(logged("3"), at=at), logged("4\x00\\")]
    migrate(url)
    log, engine = SqlEventLog(url), open_engine(url)
    log.append(rows)
    log.close()
    with writing(engine).begin() as connection:
        now = [dict(row) for row in connection.exec_driver_sql(EVERYTHING).mappings()]
        connection.execute(predictions.delete())
        connection.execute(predictions.insert(), [PREDICTION.row(row) for row in rows])
        then = [dict(row) for row in connection.exec_driver_sql(EVERYTHING).mappings()]
    assert now == then
    assert len(now) == len(rows)


EVERYTHING = "SELECT * FROM predictions ORDER BY id"


def full_row(id: str) -> LoggedPrediction:
    given = {"text": "tidak bisa, é \U0001f600", "n": 1.5, "none": None, "yes": True, "ids": [1, 2]}
    return LoggedPrediction(
        id, "colours", datetime.now(UTC), given, given, given, given, "3", "p", "s", 0.25, 0.5, 4.5, "r", "ani", 0.02
    )


def test_few_sizes_make_every_size() -> None:
    for rows in (0, 1, 3, 255, 256, 600, 1000, 20_000):
        found = list(pieces(rows))
        assert sum(size for _, size in found) == rows
        assert [start for start, _ in found] == list(itertools.accumulate((size for _, size in found), initial=0))[:-1]
        assert {size for _, size in found} <= {1 << n for n in range(9)}


# SQLite


@pytest.mark.parametrize(("synchronous", "expected"), [("full", 2), ("normal", 1)])
def test_sqlite_is_set_up_to_be_durable(tmp_path: Path, synchronous: str, expected: int) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/events.db", synchronous, create=True)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == expected
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_lock_held_too_long_is_a_store_that_is_away(tmp_path: Path) -> None:
    log = open_event_log(Store(timeout_s=0.2), tmp_path)
    other = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="BUSY"):
        log.append([logged("1")])
    assert log.count("colours") == 0  # readers do not wait for writers
    other.execute("ROLLBACK")
    log.append([logged("1")])


@pytest.mark.parametrize("call", [SqlEventLog.ping, lambda log: log.append([logged("2")])])
def test_a_file_that_was_deleted_is_noticed(tmp_path: Path, call: Callable[[SqlEventLog], None]) -> None:
    log = open_event_log(Store(), tmp_path)
    log.append([logged("1")])
    for file in tmp_path.glob("events.db*"):
        file.unlink()
    with pytest.raises(StoreUnavailable):
        call(log)
    assert not (tmp_path / "events.db").exists()


def test_a_file_that_is_no_database_is_a_store_that_is_away(tmp_path: Path) -> None:
    (tmp_path / "events.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreUnavailable, match="NOTADB"):
        open_event_log(Store(), tmp_path)


# PostgreSQL


@pytest.mark.postgres
def test_postgres_commits_to_disk_whatever_the_database_says() -> None:
    url = postgres_server().database()
    with open_engine(url).connect().execution_options(isolation_level="AUTOCOMMIT") as admin:
        name = admin.exec_driver_sql("SELECT current_database()").scalar()
        admin.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
        admin.exec_driver_sql(f"ALTER DATABASE {name} SET extra_float_digits = -10")
    with open_engine(url, timeout_s=3).connect() as connection:
        shown = [connection.exec_driver_sql(f"SHOW {setting}").scalar() for setting in SETTINGS]
    assert shown == ["on", "1", "3s"]


SETTINGS = ("synchronous_commit", "extra_float_digits", "statement_timeout")
