"""The chain in a database: many who append make one, and whoever writes past the log is found."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, exc, text
from typer.testing import CliRunner

import serve_app.adapters.migrations as migrations
from serve_app.adapters.memory_audit import MemoryAudit
from serve_app.adapters.sql_audit import SqlAudit, open_audit
from serve_app.adapters.sql_engine import open_engine, writing
from serve_app.cli import app
from serve_app.core.audit import Audited, Broken, Head, verified
from serve_app.core.errors import BadConfig
from tests.fakes.postgres_server import postgres_server
from tests.fakes.store_places import DATABASES, Place, place_of

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

APPENDING = """
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from serve_app.adapters.sql_audit import SqlAudit
from serve_app.core.audit import Audited

url, name = sys.argv[1:]
def some(thread):
    audit = SqlAudit(url, timeout_s=60.0)
    for number in range(5):
        audit.append(Audited(f"{name}-{thread}-{number}", datetime.now(UTC), name, "promote"))
    audit.close()
with ThreadPoolExecutor(4) as pool:
    list(pool.map(some, range(4)))
"""


@pytest.fixture(params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place[Any]:
    return place_of(request.param, tmp_path, MemoryAudit, open_audit)


@pytest.fixture
def audit(place: Place[Any]) -> Iterator[SqlAudit]:
    opened = place.open()
    for number in range(1, 6):
        opened.append(Audited(f"id{number}", NOON, "ani", "promote", "colours", {"reason": "better"}, str(number)))
    yield opened
    opened.close()


@pytest.fixture
def past(place: Place[Any], audit: SqlAudit) -> Iterator[Engine]:
    """Past the log and its triggers, as whoever owns the database can write."""
    engine = writing(open_engine(place.url or ""))
    with unguarded(engine):
        yield engine
    engine.dispose()


@contextmanager
def unguarded(engine: Engine) -> Iterator[None]:
    kept: list[str] = []
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            found = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
            kept = [each.sql for each in found]
            for each in found:
                connection.execute(text(f"DROP TRIGGER {each.name}"))
        else:
            connection.execute(text("ALTER TABLE audit_log DISABLE TRIGGER USER"))
    yield
    with engine.begin() as connection:
        for each in kept:
            connection.execute(text(each))
        if engine.dialect.name != "sqlite":
            connection.execute(text("ALTER TABLE audit_log ENABLE TRIGGER USER"))


def test_eight_appenders_in_two_processes_make_one_chain(place: Place[Any]) -> None:
    audit = place.open()
    started = [subprocess.Popen([sys.executable, "-c", APPENDING, str(place.url), name]) for name in ("one", "two")]
    assert [each.wait(timeout=120) for each in started] == [0, 0]
    assert verified(audit.walk()) == audit.head()
    assert audit.head().seq == 40
    assert {each.id for each in audit.page(limit=100)} == {
        f"{name}-{thread}-{number}" for name in ("one", "two") for thread in range(4) for number in range(5)
    }
    audit.close()


CHANGES = {
    "id": "'other'", "at": "'2026-03-01 12:00:00.000001'", "by": "'budi'", "action": "'rollback'", "use_case": "NULL",
    "detail": "'{\"reason\":\"bettes\"}'", "target": "'4'", "address": "'10.0.0.9'", "before": "'{}'", "after": "'0'",
    "previous": "'x'", "hash": "'x'",
}  # fmt: skip


def test_a_change_of_any_column_is_found(audit: SqlAudit, past: Engine) -> None:
    with past.begin() as connection:
        columns = [each["name"] for each in _columns(connection)]
    assert set(CHANGES) == set(columns) - {"seq"}
    for column, value in CHANGES.items():
        with changed(past, f'UPDATE audit_log SET "{column}" = {value} WHERE seq = 3'):
            found = verified(audit.walk())
            assert isinstance(found, Broken), column
            assert (found.seq, found.id) == (3, "other" if column == "id" else "id3")
    assert verified(audit.walk()) == audit.head()


NEW = "INSERT INTO audit_log (id, at, by, action, detail, seq, previous, hash)"


PAST_THE_LOG: list[tuple[list[str], int, str]] = [
    (["DELETE FROM audit_log WHERE seq = 1"], 1, "entry 1 is gone"),
    (["DELETE FROM audit_log WHERE seq = 3"], 3, "entry 3 is gone"),
    (
        [
            "DELETE FROM audit_log WHERE seq = 3",
            "UPDATE audit_log SET seq = 3 WHERE seq = 4",
            "UPDATE audit_log SET seq = 4 WHERE seq = 5",
        ],
        3,
        "does not follow",
    ),
    (
        [
            "UPDATE audit_log SET seq = 9 WHERE seq = 2",
            "UPDATE audit_log SET seq = 2 WHERE seq = 3",
            "UPDATE audit_log SET seq = 3 WHERE seq = 9",
        ],
        2,
        "does not follow",
    ),
    (
        [
            "UPDATE audit_log SET seq = 6 WHERE seq = 5",
            f"{NEW} SELECT 'new', at, by, action, detail, 5, hash, hash FROM audit_log WHERE seq = 4",
        ],
        5,
        "something else",
    ),
    ([f"{NEW} SELECT 'new', at, by, action, detail, NULL, NULL, NULL FROM audit_log WHERE seq = 4"], 6, "no place"),
    ([f"{NEW} SELECT 'new', at, by, action, detail, 0, hash, hash FROM audit_log WHERE seq = 4"], 1, "entry 0"),
    (["UPDATE audit_log SET detail = 'no JSON' WHERE seq = 4"], 4, "cannot be read"),
]


def test_what_was_done_past_the_log_is_found(audit: SqlAudit, past: Engine) -> None:
    for statements, seq, why in PAST_THE_LOG:
        with changed(past, *statements):
            found = verified(audit.walk())
        assert isinstance(found, Broken), statements
        assert (found.seq, why in found.why) == (seq, True), found
    assert verified(audit.walk()) == audit.head()


def test_an_end_that_was_cut_off_shows_against_a_head_that_was_written_down(audit: SqlAudit, past: Engine) -> None:
    written = audit.head()
    audit.append(Audited("id6", NOON, "ani", "promote"))
    assert verified(audit.walk(), written) == audit.head()
    with changed(past, "DELETE FROM audit_log WHERE seq >= 5"):
        assert verified(audit.walk()) == audit.head()
        found = verified(audit.walk(), written)
        assert isinstance(found, Broken)
        assert (found.seq, found.id) == (5, None)
        audit.append(Audited("another", NOON, "ani", "promote"))
        assert verified(audit.walk()) == audit.head()
        found = verified(audit.walk(), written)
        assert isinstance(found, Broken)
        assert (found.seq, found.id) == (5, "another")


def test_triggers_refuse_to_change_and_to_delete(place: Place[Any], audit: SqlAudit) -> None:
    engine = writing(open_engine(place.url or ""))
    own = {"sqlite": "INSERT OR REPLACE INTO audit_log SELECT * FROM audit_log", "postgresql": "TRUNCATE audit_log"}
    refused = ("UPDATE audit_log SET by = 'mallory'", "DELETE FROM audit_log WHERE seq = 5", "DELETE FROM audit_log")
    for each in (*refused, own[engine.dialect.name]):
        with pytest.raises(exc.DBAPIError, match="append-only"), engine.begin() as connection:
            connection.execute(text(each))
    engine.dispose()
    assert audit.head().seq == 5


def test_what_a_program_before_the_chain_writes_is_taken_along(place: Place[Any], audit: SqlAudit) -> None:
    engine = writing(open_engine(place.url or ""))
    with engine.begin() as connection:
        for id in ("old2", "old1"):
            values = {"id": id, "at": NOON.replace(tzinfo=None).isoformat(" ", "microseconds")}
            statement = "INSERT INTO audit_log (id, at, by, action, detail) VALUES (:id, :at, 'ani', 'promote', '{}')"
            connection.execute(text(statement), values)
    engine.dispose()
    assert isinstance(verified(audit.walk()), Broken)
    audit.append(Audited("id6", NOON, "ani", "promote"))
    assert [each.id for each in audit.page(limit=3)] == ["id6", "old2", "old1"]
    assert verified(audit.walk()) == audit.head() == Head(8, audit.head().hash)


@pytest.mark.parametrize("kind", DATABASES)
def test_what_was_there_before_is_chained(kind: str, tmp_path: Path) -> None:
    url = postgres_server().database() if kind == "postgres" else f"sqlite:///{tmp_path}/events.db"
    engine = writing(open_engine(url, create=True))
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    statement = "INSERT INTO audit_log VALUES (:id, :at, :by, 'promote', NULL, :detail)"
    rows = [{"id": f"id{number:04d}", "at": "2026-03-01 12:00:00.000000", "by": "\\u0000 ani", "detail": '{"a":1.0}'}
            for number in range(1200)]  # fmt: skip
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        connection.execute(text(statement), rows[::-1])
    engine.dispose()
    migrations.migrate(url)
    audit = SqlAudit(url)
    assert verified(audit.walk()) == audit.head()
    (last,) = audit.page(limit=1)
    assert (last.seq, last.id, last.by, last.detail) == (1200, "id1199", "\x00 ani", {"a": 1.0})
    audit.close()


def test_the_command_finds_a_change_made_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERSTUDY_STATE", str(tmp_path))
    (tmp_path / "platform.yaml").write_text("{}")
    place = place_of("sqlite", tmp_path, MemoryAudit, open_audit)
    audit = place.open()
    for number in range(1, 4):
        audit.append(Audited(f"id{number}", NOON, "ani", "promote"))
    head = str(audit.head())
    audit.close()

    def verify(*more: str) -> tuple[int, str]:
        run = CliRunner().invoke(app, ["audit", "verify", "--configs", str(tmp_path), *more])
        return run.exit_code, run.output + run.stderr

    assert verify()[0] == verify("--head", head)[0] == 0
    assert head in verify()[1]
    engine = writing(open_engine(place.url or ""))
    with unguarded(engine), engine.begin() as connection:
        connection.execute(text("UPDATE audit_log SET by = 'mallory' WHERE seq = 2"))
    status, said = verify()
    assert (status, "entry 2 (id2)" in said) == (1, True), said
    with unguarded(engine), engine.begin() as connection:
        connection.execute(text("DELETE FROM audit_log WHERE seq >= 2"))
    engine.dispose()
    assert verify()[0] == 0
    status, said = verify("--head", head)
    assert (status, "the log ends after entry 1, and once went on to 3" in said) == (1, True), said
    nonsense = CliRunner().invoke(app, ["audit", "verify", "--configs", str(tmp_path), "--head", "3"])
    assert isinstance(nonsense.exception, BadConfig)


@contextmanager
def changed(engine: Engine, *statements: str) -> Iterator[None]:
    """As it was, afterwards."""
    with engine.begin() as connection:
        rows = [dict(each) for each in connection.execute(text("SELECT * FROM audit_log")).mappings()]
        for statement in statements:
            connection.execute(text(statement))
    yield
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM audit_log"))
        names = list(rows[0])
        columns, values = ", ".join(f'"{name}"' for name in names), ", ".join(f":{name}" for name in names)
        connection.execute(text(f"INSERT INTO audit_log ({columns}) VALUES ({values})"), rows)


def _columns(connection: Any) -> list[Any]:
    from sqlalchemy import inspect

    return inspect(connection).get_columns("audit_log")
