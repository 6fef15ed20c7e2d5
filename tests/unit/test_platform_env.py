"""platform.yaml and the environment over it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from serve_app.adapters.config_files import load_platform
from serve_app.adapters.platform_env import settings, variable
from serve_app.core.errors import BadConfig
from serve_app.core.platform import Platform

OWN = Path("configs/platform.yaml")


def load(tmp_path: Path, text: str = "", environ: Mapping[str, str] | None = None) -> Platform:
    file = tmp_path / "platform.yaml"
    file.write_text(text, encoding="utf-8")
    return load_platform(file, environ or {})


def refused(tmp_path: Path, text: str = "", environ: Mapping[str, str] | None = None) -> str:
    with pytest.raises(BadConfig) as caught:
        load(tmp_path, text, environ)
    return str(caught.value)


def test_the_shipped_file_holds_every_key_with_its_default() -> None:
    written = yaml.safe_load(OWN.read_text(encoding="utf-8"))
    assert {path for path, _ in settings()} == set(paths(written))
    assert load_platform(OWN, {}) == Platform()


def paths(node: Any, at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(node, dict):
        return [at]
    return [path for key, value in node.items() for path in paths(value, (*at, key))]


OTHER: dict[str, str] = {
    "local": "jwt", "full": "normal", "graph": "near", "keep": "drop", "lightgbm": "compiled", "jwt": "always",
    "0.01": "0.5", "False": "true", "()": "https://desk.example.com", "('127.0.0.1', '::1')": "10.0.0.0/8",
}  # fmt: skip


@pytest.mark.parametrize("at", [path for path, _ in settings()], ids=variable)
def test_every_key_can_be_set_by_environment(tmp_path: Path, at: tuple[str, ...]) -> None:
    before = value_of(Platform(), at)
    after = OTHER.get(str(before)) or (
        "0.5"
        if isinstance(before, float)
        else "17"
        if isinstance(before, int)
        else "elsewhere, and longer than a secret must be"
    )
    assert before != value_of(load(tmp_path, environ={variable(at): after}), at)


def value_of(platform: Platform, at: tuple[str, ...]) -> Any:
    value: Any = platform
    for name in at:
        value = getattr(value, name)
    return value


def test_the_environment_wins_over_the_file_and_leaves_the_rest(tmp_path: Path) -> None:
    text = "teacher:\n  gemini: {prices: {input: 1}}\n  timeout_s: 3\n"
    platform = load(tmp_path, text, {"Understudy_Teacher__Gemini__Prices__Output": "2.5"})
    assert (platform.teacher.gemini.prices.input, platform.teacher.gemini.prices.output) == (1, 2.5)
    assert platform.teacher.timeout_s == 3


def test_an_empty_file_an_empty_section_and_an_empty_variable_mean_defaults(tmp_path: Path) -> None:
    assert load(tmp_path) == Platform()
    assert load(tmp_path, "limits:\nteacher:\n  gemini:\n", {"UNDERSTUDY_AUTH__MODE": ""}) == Platform()


def test_other_variables_are_none_of_our_business(tmp_path: Path) -> None:
    assert load(tmp_path, environ={"PATH": "x", "UNDERSTUDYX": "y"}) == Platform()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (
            {"UNDERSTUDY_AUTH__MOED": "jwt"},
            "unknown variable UNDERSTUDY_AUTH__MOED: did you mean `UNDERSTUDY_AUTH__MODE`?",
        ),
        ({"UNDERSTUDY_LIMITS__MAX_BATCH": "many"}, "UNDERSTUDY_LIMITS__MAX_BATCH: 'many'; expected a whole number"),
        ({"UNDERSTUDY_LIMITS__MAX_BATCH": "0"}, "UNDERSTUDY_LIMITS__MAX_BATCH: '0'; expected a number above 0"),
        ({"UNDERSTUDY_AUTH__MODE": "jtw"}, "UNDERSTUDY_AUTH__MODE: unknown value 'jtw': did you mean `jwt`?"),
        ({"UNDERSTUDY_TEACHER__TIMEOUT_S": "nan"}, "UNDERSTUDY_TEACHER__TIMEOUT_S"),
        ({"UNDERSTUDY_TEACHER__GEMINI": "{}"}, "unknown variable UNDERSTUDY_TEACHER__GEMINI"),
    ],
)
def test_a_wrong_variable_is_named(tmp_path: Path, environ: dict[str, str], expected: str) -> None:
    assert expected in refused(tmp_path, environ=environ)


def test_file_and_environment_are_told_together(tmp_path: Path) -> None:
    told = refused(tmp_path, "auth: {mode: jtw}\nlimts: {}\n", {"UNDERSTUDY_X": "1"}).splitlines()
    assert told[0].endswith(
        "platform.yaml:1: auth.mode: unknown value 'jtw': did you mean `jwt`? (expected one of local, jwt)"
    )
    assert told[1].endswith("platform.yaml:2: limts: unknown key `limts`: did you mean `limits`?")
    assert "unknown variable UNDERSTUDY_X" in told[2]


@pytest.mark.parametrize(
    "text",
    [
        "teacher: {gemini: {api_key: [hush-123]}}",
        "teacher: {gemini: {api_key: {hush-123: hush-123x}}}",
        "teacher: {gemini: hush-123}",
        "teacher: hush-123",
        "teacher: {gemini: {api_kye: hush-123}}",
        "store: {url: [hush-123]}",
    ],
)
def test_no_secret_is_ever_shown(tmp_path: Path, text: str) -> None:
    assert "hush" not in refused(tmp_path, text)


def test_a_secret_of_figures_is_not_shown_either(tmp_path: Path) -> None:
    told = refused(tmp_path, "teacher: {gemini: {api_key: 4711081547}}")
    assert "4711" not in told
    assert "put it in quotes" in told


def test_a_secret_that_is_too_short_is_refused_and_not_shown(tmp_path: Path) -> None:
    told = refused(tmp_path, environ={"UNDERSTUDY_AUTH__SECRET": "hush" * 7})
    assert "UNDERSTUDY_AUTH__SECRET" in told
    assert "at least 32 characters" in told
    assert "hush" not in told


def test_a_secret_from_the_environment_stays_secret(tmp_path: Path) -> None:
    platform = load(tmp_path, environ={"UNDERSTUDY_TEACHER__GEMINI__API_KEY": " hush-123 "})
    assert platform.teacher.gemini.api_key is not None
    assert platform.teacher.gemini.api_key.get_secret_value() == "hush-123"
    assert "hush" not in repr(platform)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="no such file"):
        load_platform(tmp_path / "none.yaml", {})
