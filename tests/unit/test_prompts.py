"""The prompts of use cases that are being edited while they serve."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from serve_app.adapters.prompts import PolicyVersions, Prompts
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.errors import BadConfig, UnknownUseCase
from tests.fakes.small_models import USE_CASES, write_use_case


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("stones", "knots"):
        write_use_case(tmp_path, name)
    edit(tmp_path / "use_cases" / "stones" / "prompt.md", "One of {classes}.")
    return tmp_path / "use_cases"


@pytest.fixture
def prompts(folder: Path) -> Prompts:
    return Prompts(UseCaseFolder(folder, refresh_s=0), refresh_s=0)


def edit(file: Path, text: str | bytes) -> None:
    """As an editor that writes in place; the time moves on, however quick the test is."""
    at = file.stat().st_mtime_ns if file.exists() else 0
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    os.utime(file, ns=(at + 1_000_000, at + 1_000_000))


def test_a_prompt_is_rendered_for_its_use_case(prompts: Prompts) -> None:
    assert prompts.of("stones") == "One of pebble, cobble, boulder."
    assert prompts.of("knots") == "Name the kind.\n"


def test_an_edit_is_seen_at_the_next_question(prompts: Prompts, folder: Path) -> None:
    prompts.of("stones")
    edit(folder / "stones" / "prompt.md", "Exactly one of {classes}!")
    assert prompts.of("stones") == "Exactly one of pebble, cobble, boulder!"


def test_an_edit_of_the_use_case_is_seen_in_its_prompt(prompts: Prompts, folder: Path) -> None:
    prompts.of("stones")
    file = folder / "stones" / "use_case.yaml"
    edit(file, file.read_text().replace("- cobble\n", "- rock\n"))
    assert prompts.of("stones") == "One of pebble, rock, boulder."


@pytest.mark.parametrize("slip", ["One of {klasses}.", b"\xff\xfe"], ids=["placeholder", "encoding"])
def test_a_slip_leaves_the_last_good_prompt_in_place(prompts: Prompts, folder: Path, slip: str | bytes) -> None:
    good = prompts.of("stones")
    edit(folder / "stones" / "prompt.md", slip)
    assert prompts.of("stones") == good
    assert prompts.of("stones") == good
    edit(folder / "stones" / "prompt.md", "Mended.")
    assert prompts.of("stones") == "Mended."


def test_a_prompt_that_has_gone_leaves_the_last_one_in_place(prompts: Prompts, folder: Path) -> None:
    good = prompts.of("stones")
    (folder / "stones" / "prompt.md").unlink()
    assert prompts.of("stones") == good


def test_a_first_prompt_with_a_slip_is_refused(folder: Path) -> None:
    prompts = Prompts(UseCaseFolder(folder, refresh_s=3600), refresh_s=0)
    assert prompts.of("knots")
    edit(folder / "stones" / "prompt.md", "One of {klasses}.")
    with pytest.raises(BadConfig, match="klasses"):
        prompts.of("stones")


def test_an_unknown_use_case_has_no_prompt(prompts: Prompts) -> None:
    with pytest.raises(UnknownUseCase):
        prompts.of("stonse")


def test_a_narrative_has_a_prompt_only_where_one_is_named(tmp_path: Path) -> None:
    told = {**USE_CASES["knots"], "narrative": {"template": "{action}", "prompt": "tell.md"}}
    (write_use_case(tmp_path, "tales", told) / "tell.md").write_text("Tell of {title}.", encoding="utf-8")
    write_use_case(tmp_path, "knots")
    write_use_case(tmp_path, "stones")
    prompts = Prompts(UseCaseFolder(tmp_path / "use_cases"))
    assert prompts.narrative("tales") == "Tell of Tales."
    assert prompts.narrative("knots") is None, "a template alone"
    assert prompts.narrative("stones") is None


def test_two_use_cases_of_one_policy_are_kept_apart(tmp_path: Path) -> None:
    """They share a version, and neither is asked, or paid for, as the other."""
    for name, daily in (("foams", 1.0), ("waves", 2.0)):
        write_use_case(tmp_path, name, {**USE_CASES["foams"], "budget": {"per_day_usd": daily}})
    catalogue, versions = UseCaseFolder(tmp_path / "use_cases"), PolicyVersions()
    foams, waves = catalogue.get("foams"), catalogue.get("waves")
    version = versions.of(foams, "Which?")
    assert versions.of(waves, "Which?") == version
    assert versions.made_of("foams", version) == (foams, "Which?")
    assert versions.made_of("waves", version) == (waves, "Which?")
    assert versions.made_of("knots", version) is None
    assert versions.content(version) is not None


def test_a_file_is_looked_at_no_more_often_than_asked(tmp_path: Path) -> None:
    now = [0.0]
    write_use_case(tmp_path, "stones")
    prompt = tmp_path / "use_cases" / "stones" / "prompt.md"
    prompts = Prompts(UseCaseFolder(tmp_path / "use_cases"), refresh_s=1.0, clock=lambda: now[0])
    before = prompts.of("stones")
    prompt.write_text("Another one.", encoding="utf-8")
    now[0] = 0.9
    assert prompts.of("stones") == before
    now[0] = 1.0
    assert prompts.of("stones") == "Another one."
