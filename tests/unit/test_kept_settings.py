"""What is deployed is kept as it was, whatever becomes of the file."""

from __future__ import annotations

from pathlib import Path

from serve_app.adapters.kept_settings import Deployed, keep, pinned, recall, remember
from serve_app.app import AppArgs, read
from tests.fakes.small_models import write_use_case


def test_an_edit_does_not_reach_what_was_kept(tmp_path: Path) -> None:
    file = tmp_path / "platform.yaml"
    file.write_text("state: a\n")
    first = keep(file, tmp_path / "state")
    file.write_text("state: b\n")
    second = keep(file, tmp_path / "state")
    assert (first.read_text(), second.read_text()) == ("state: a\n", "state: b\n")
    assert first.is_absolute()
    assert keep(file, tmp_path / "state") == second


def test_keys_may_be_in_it_and_nobody_else_reads_them(tmp_path: Path) -> None:
    file = tmp_path / "platform.yaml"
    file.write_text("teacher: {openai: {api_key: abc}}\n")
    assert keep(file, tmp_path).stat().st_mode & 0o777 == 0o600


def test_applications_are_told_where_it_lies(tmp_path: Path) -> None:
    told = pinned([{"name": "a", "args": {"configs": "c"}}, {"name": "b"}], tmp_path / "p.yaml")
    assert [each["args"] for each in told] == [
        {"configs": "c", "platform": str(tmp_path / "p.yaml")}, {"platform": str(tmp_path / "p.yaml")},
    ]  # fmt: skip


def test_an_application_is_built_of_the_copy(tmp_path: Path) -> None:
    write_use_case(tmp_path, "knots")
    file = tmp_path / "platform.yaml"
    file.write_text("registry: {poll_s: 7}\n")
    kept = keep(file, tmp_path / "state")
    file.write_text("this is: [not one\n")
    _, platform = read(AppArgs(configs=str(tmp_path), platform=str(kept)))
    assert platform.registry.poll_s == 7


def test_the_last_two_are_remembered(tmp_path: Path) -> None:
    assert recall(tmp_path) is None
    remember(tmp_path, [{"name": "now"}], [{"name": "before"}])
    assert recall(tmp_path) == Deployed([{"name": "now"}], [{"name": "before"}])
    (tmp_path / "deployed.json").write_text("{")
    assert recall(tmp_path) is None
