"""What tokens are signed with: configured, or made once, whole, and for its owner only."""

from __future__ import annotations

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from serve_app.adapters.jwt_secret import FILE, secret_of
from serve_app.core.errors import BadConfig
from serve_app.core.platform import Auth, Platform

MAKE = (
    "from serve_app.adapters.jwt_secret import secret_of; from serve_app.core.platform import Platform; import sys;"
    "sys.stdin.readline(); print(secret_of(Platform(state=sys.argv[1])).decode())"
)


def platform(folder: Path, secret: str | None = None) -> Platform:
    return Platform(state=str(folder / "state"), auth=Auth(mode="jwt", secret=secret and SecretStr(secret)))


def test_one_is_made_for_its_owner_and_kept(tmp_path: Path) -> None:
    first = secret_of(platform(tmp_path))
    file = tmp_path / "state" / FILE
    assert len(first) >= 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret_of(platform(tmp_path)) == first
    assert list(file.parent.iterdir()) == [file]
    assert secret_of(platform(tmp_path / "elsewhere")) != first


def test_threads_that_start_at_once_have_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        made = set(pool.map(lambda _: secret_of(platform(tmp_path)), range(64)))
    assert len(made) == 1
    assert len(list((tmp_path / "state").iterdir())) == 1


def test_processes_that_start_at_once_have_the_same(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MAKE, str(tmp_path / "state")]
    waiting = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    made = {process.communicate("go\n", timeout=60)[0].strip() for process in waiting}
    assert len(made) == 1
    assert made.pop().encode() == secret_of(platform(tmp_path))


def test_what_is_configured_counts_and_nothing_is_made(tmp_path: Path) -> None:
    assert secret_of(platform(tmp_path, "s" * 32)) == b"s" * 32
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(("mode", "content", "told"), [(0o644, "s" * 40, "0600"), (0o600, "short", "at least 32")])
def test_a_file_that_gives_nothing_safe_is_refused_and_not_shown(
    tmp_path: Path, mode: int, content: str, told: str
) -> None:
    file = tmp_path / "state" / FILE
    file.parent.mkdir()
    file.write_text(content)
    file.chmod(mode)
    with pytest.raises(BadConfig) as caught:
        secret_of(platform(tmp_path))
    assert told in str(caught.value)
    assert content not in str(caught.value)
