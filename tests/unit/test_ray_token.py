"""The token of our Ray is ours alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from serve_app.adapters.ray_token import keep_token
from serve_app.start.environment import set_environment


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_first_start_makes_one_that_nobody_else_may_read(home: Path) -> None:
    keep_token()
    file = home / ".ray" / "auth_token"
    assert (mode(file), mode(file.parent)) == (0o600, 0o700)
    token = file.read_text()
    assert len(bytes.fromhex(token)) == 32
    keep_token()
    assert file.read_text() == token
    assert os.listdir(file.parent) == ["auth_token"], "no draft is left"


def test_one_that_ray_made_for_all_to_read_is_closed(home: Path) -> None:
    file = home / ".ray" / "auth_token"
    file.parent.mkdir()
    file.write_text("made by Ray")
    file.chmod(0o644)
    keep_token()
    assert (file.read_text(), mode(file)) == ("made by Ray", 0o600)


def test_one_that_is_given_is_its_givers(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(home / "mounted"))
    keep_token()
    assert not (home / ".ray").exists()


def test_a_token_is_demanded_unless_it_was_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"RAY_SERVE_ENABLE_HA_PROXY": "0"})
    set_environment()
    assert os.environ["RAY_AUTH_MODE"] == "token"
    os.environ["RAY_AUTH_MODE"] = "disabled"
    set_environment()
    assert os.environ["RAY_AUTH_MODE"] == "disabled"
