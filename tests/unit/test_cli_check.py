"""``understudy check`` and ``understudy schema``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from serve_app.cli import main
from serve_app.commands.check import _platform, _use_cases
from serve_app.commands.schema import schemas

COMMITTED = Path("docs/schemas")


def test_everything_that_is_shipped_is_good(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("serve_app.app", reason="the graph is not there yet")
    with pytest.raises(SystemExit) as ended:
        main(["check"])
    told = capsys.readouterr()
    assert not ended.value.code, told.err
    assert "✓ configs/platform.yaml" in told.out
    assert "✓ serve_config.yaml: applications understudy, pipelines" in told.out


def test_all_errors_are_told_and_the_status_is_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("serve_app.app", reason="the graph is not there yet")
    (tmp_path / "platform.yaml").write_text("auth: {mode: jtw}", encoding="utf-8")
    (tmp_path / "use_cases" / "a").mkdir(parents=True)
    with pytest.raises(SystemExit) as ended:
        main(["check", "--configs", str(tmp_path), "--serve-config", str(tmp_path / "none.yaml")])
    told = capsys.readouterr()
    assert ended.value.code == 1
    assert "✗" not in told.out
    lines = told.err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith(f"✗ {tmp_path}") for line in lines)


def test_the_shipped_configuration_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong: list[str] = []
    assert _platform(Path("configs"), wrong) is not None
    _use_cases(Path("configs"), wrong)
    assert wrong == []


def test_checking_and_helping_start_nothing_heavy() -> None:
    """``--help`` must answer at once: no Ray, pandas or pydantic before a command runs."""
    script = "import sys, serve_app.cli; print({'ray', 'pandas', 'pydantic', 'rich.table'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_committed_schemas_are_up_to_date() -> None:
    """After a change of the models: ``understudy schema``."""
    assert {file.name: file.read_text(encoding="utf-8") for file in COMMITTED.glob("*.json")} == schemas()


def test_a_schema_knows_the_keys_and_hides_no_default_behind_asterisks() -> None:
    made = schemas()
    assert "***" not in "".join(made.values())
    assert json.loads(made["platform.json"])["additionalProperties"] is False
    assert "fields" in json.loads(made["use_case.json"])["required"]


def schema_of(file: Path) -> str | None:
    first = file.read_text(encoding="utf-8").partition("\n")[0]
    return first.partition("$schema=")[2] or None


def test_the_schema_that_a_file_names_is_there() -> None:
    named = {file: schema_of(file) for file in Path("configs").rglob("*.yaml")}
    assert named[Path("configs/platform.yaml")] == "../docs/schemas/platform.json"
    lost = [str(file) for file, schema in named.items() if schema and not (file.parent / schema).is_file()]
    assert lost == []
