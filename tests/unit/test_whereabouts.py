from __future__ import annotations

import json
import os
from pathlib import Path

from serve_app.adapters import whereabouts


def test_what_was_written_is_read(tmp_path: Path) -> None:
    whereabouts.write(tmp_path / "state", "127.0.0.1:6379", "http://127.0.0.1:8265")
    found = whereabouts.read(tmp_path / "state")
    assert found is not None
    assert (found.ray, found.dashboard, found.process) == ("127.0.0.1:6379", "http://127.0.0.1:8265", os.getpid())


def test_what_has_ended_runs_nowhere(tmp_path: Path) -> None:
    """Also when another process has its number by now."""
    whereabouts.write(tmp_path, "a", "b")
    file = tmp_path / whereabouts.FILE
    told = json.loads(file.read_text())
    file.write_text(json.dumps({**told, "since": told["since"] - 100}))
    assert whereabouts.read(tmp_path) is None


def test_a_torn_or_missing_file_runs_nowhere(tmp_path: Path) -> None:
    assert whereabouts.read(tmp_path) is None
    for text in ("", "{", "[]", '{"ray": "a"}', "\udcff".encode("utf-8", "surrogateescape").decode("latin-1")):
        (tmp_path / whereabouts.FILE).write_text(text, encoding="utf-8")
        assert whereabouts.read(tmp_path) is None


def test_only_what_this_process_wrote_is_forgotten(tmp_path: Path) -> None:
    whereabouts.write(tmp_path, "a", "b")
    file = tmp_path / whereabouts.FILE
    mine = file.read_text()
    file.write_text(json.dumps({**json.loads(mine), "process": os.getppid()}))
    whereabouts.forget(tmp_path)
    assert file.exists()
    file.write_text(mine)
    whereabouts.forget(tmp_path)
    assert not file.exists()
    assert list(tmp_path.iterdir()) == []
