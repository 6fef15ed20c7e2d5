"""The first admin, the password of whoever lost it, and where a start is refused."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from typer.testing import CliRunner

from serve_app.adapters.argon2_passwords import Argon2Passwords
from serve_app.adapters.first_admin import add_first_admin
from serve_app.adapters.memory_audit import MemoryAudit
from serve_app.adapters.memory_identity import MemoryIdentities
from serve_app.adapters.operator_token import Operator
from serve_app.adapters.sql_audit import open_audit
from serve_app.adapters.sql_identity import open_identities
from serve_app.cli import app
from serve_app.core.errors import BadConfig
from serve_app.core.platform import Auth, Platform
from serve_app.deployments.identity import open_identity, refuse_others
from serve_app.start.logins import ready_for_logins

QUICK = Argon2Passwords(Argon2Hasher(time_cost=1, memory_cost=64))
GIVEN = {"ADMIN_USERNAME": "ani", "ADMIN_PASSWORD": "long enough for her", "ADMIN_EMAIL": "ani@example.org"}


@pytest.fixture
def store() -> MemoryIdentities:
    return MemoryIdentities()


def test_the_environment_names_the_first_admin(store: MemoryIdentities) -> None:
    audit = MemoryAudit()
    assert add_first_admin(store, QUICK, audit, GIVEN, None)
    (made,) = store.all()
    assert (made.name, made.email, made.role, made.enabled) == ("ani", "ani@example.org", "admin", True)
    assert QUICK.fits(GIVEN["ADMIN_PASSWORD"], made.password)
    assert [(each.by, each.action) for each in audit.page()] == [("operator", "user_created")]
    assert GIVEN["ADMIN_PASSWORD"] not in repr(audit.page())


def test_nobody_is_made_where_somebody_is_there_or_no_password_is_given(store: MemoryIdentities) -> None:
    assert not add_first_admin(store, QUICK, MemoryAudit(), {"ADMIN_USERNAME": "ani"}, None)
    assert add_first_admin(store, QUICK, MemoryAudit(), {}, "made up for them")
    assert not add_first_admin(store, QUICK, MemoryAudit(), GIVEN, None)
    assert [each.name for each in store.all()] == ["admin"]


@pytest.mark.parametrize(
    ("name", "value"), [("ADMIN_PASSWORD", "short"), ("ADMIN_USERNAME", "a b"), ("ADMIN_EMAIL", "nowhere")]
)
def test_one_that_is_not_taken_is_named_and_not_shown(store: MemoryIdentities, name: str, value: str) -> None:
    with pytest.raises(BadConfig, match=f"{name}: expected") as caught:
        add_first_admin(store, QUICK, MemoryAudit(), {**GIVEN, name: value}, None)
    assert value not in str(caught.value) or name != "ADMIN_PASSWORD"
    assert store.all() == []


def test_a_start_shows_the_password_that_it_made_this_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ADMIN_PASSWORD", raising=False)
    platform = Platform(state=str(tmp_path), auth=Auth(mode="jwt"))
    operator = ready_for_logins(platform)
    told = re.search(r"the first admin: admin   password: (\S{20})   \(shown this once\)", capsys.readouterr().out)
    assert told is not None
    store = open_identities(platform.store, tmp_path)
    assert Argon2Passwords().fits(told[1], store.all()[0].password)
    store.close()
    assert operator is not None
    assert operator.headers()["Authorization"].startswith("Bearer ")
    ready_for_logins(platform)
    assert capsys.readouterr().out == ""
    assert told[1] not in "".join(file.read_bytes().decode("latin-1") for file in tmp_path.iterdir())


def test_the_password_of_the_environment_goes_no_further(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    ready_for_logins(Platform(state=str(tmp_path), auth=Auth(mode="jwt")))
    assert capsys.readouterr().out == ""
    assert "ADMIN_PASSWORD" not in os.environ


def test_without_a_login_nothing_is_made(tmp_path: Path) -> None:
    platform = Platform(state=str(tmp_path / "state"))
    assert ready_for_logins(platform) is None
    assert open_identity(platform, MemoryAudit(), dict) is None
    assert not (tmp_path / "state").exists()


def test_who_lost_the_password_is_given_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERSTUDY_STATE", str(tmp_path / "state"))
    (tmp_path / "platform.yaml").write_text("{}")
    platform = Platform(state=str(tmp_path / "state"), auth=Auth(mode="jwt"))

    def password(name: str, *more: str, typed: str = "") -> tuple[int, str]:
        run = CliRunner().invoke(app, ["password", name, "--configs", str(tmp_path), *more], input=typed)
        return run.exit_code, str(run.exception or run.output)

    first = password("ani", "--invent")
    assert first[0] == 0
    assert password("ani", typed="one of her own\none of her own\n")[0] == 0
    store = open_identities(platform.store, tmp_path / "state")
    (made,) = store.all()
    assert made.role == "admin"
    assert Argon2Passwords().fits("one of her own", made.password)
    assert "no user is called 'budi'" in password("budi", "--invent")[1]
    assert "hush" not in password("ani", typed="hush\nhush\n")[1]
    audit = open_audit(platform.store, tmp_path / "state")
    told = [(each.by, each.action) for each in audit.page()]
    assert told == [("operator", "user_changed"), ("operator", "user_created")]
    store.close()
    audit.close()
    assert Operator(platform).name == "ani"


@pytest.mark.parametrize("host", ["0.0.0.0", "", "10.0.0.5", "::"])
def test_without_a_login_no_other_address_is_served(host: str) -> None:
    with pytest.raises(BadConfig, match=r"expected 127\.0\.0\.1"):
        refuse_others(host)


@pytest.mark.parametrize("host", [None, "127.0.0.1", "localhost", "::1"])
def test_this_machine_is_served(host: str | None) -> None:
    refuse_others(host)
