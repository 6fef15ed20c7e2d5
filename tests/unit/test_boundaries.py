"""Arrows point one way: api → deployments → core ← adapters; pipelines → core, adapters."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PURE = {
    "__future__", "abc", "collections", "contextlib", "copy", "dataclasses", "datetime", "difflib", "enum", "functools",
    "hashlib", "heapq", "html", "io", "ipaddress", "itertools", "json", "math", "operator", "re", "statistics",
    "string", "struct", "typing", "types", "unicodedata", "zipfile", "zlib", "zoneinfo", "decimal",
    "croniter", "numpy", "scipy", "pandas", "phonenumbers", "pyarrow", "pydantic", "pydantic_core", "serve_app",
    "stdnum",
}  # fmt: skip
"""All that the rules may import. Nothing here runs anything, reads a clock or opens a file by itself."""

MAY_IMPORT = {
    "serve_app/core": {"core"},
    "serve_app/adapters": {"core", "adapters"},
    "serve_app/api": {"core", "api"},
    "serve_app/deployments": {"core", "adapters", "api", "deployments"},
}
KNOWN_NOUNS = ("manager", "helper", "util")


def python_files(folder: str) -> list[Path]:
    return sorted(path for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts)


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module or ""


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", python_files("serve_app/core"), ids=named)
def test_the_rules_are_pure(path: Path) -> None:
    assert {name.split(".")[0] for name in imports(path)} <= PURE


@pytest.mark.parametrize("path", python_files("serve_app/core"), ids=named)
def test_the_rules_read_no_clock_no_environment_and_no_file(path: Path) -> None:
    builtins, methods = {"open", "print"}, {"now", "utcnow", "today", "environ", "getenv", "default_rng"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name):
            assert node.id not in builtins, f"{named(path)}:{node.lineno}"
        elif isinstance(node, ast.Attribute):
            assert node.attr not in methods, f"{named(path)}:{node.lineno}"


@pytest.mark.parametrize("folder", sorted(MAY_IMPORT))
def test_each_ring_imports_only_what_it_may(folder: str) -> None:
    for path in python_files(folder):
        rings = {name.split(".")[1] for name in imports(path) if name.startswith("serve_app.")}
        assert rings <= MAY_IMPORT[folder], named(path)


def test_serving_never_imports_the_pipelines() -> None:
    for path in python_files("serve_app"):
        assert not any(name.split(".")[0] == "pipelines" for name in imports(path)), named(path)


def test_the_api_knows_nothing_of_ray() -> None:
    for path in python_files("serve_app/api"):
        assert not any(name.split(".")[0] == "ray" for name in imports(path)), named(path)


def test_no_python_names_a_use_case() -> None:
    """A use case is a folder. Generators of its sample data are about that data and may name it."""
    names = [folder.name for folder in (ROOT / "configs" / "use_cases").iterdir() if folder.is_dir()]
    assert names
    for path in [*python_files("serve_app"), *python_files("pipelines")]:
        if "demo" in path.parts:
            continue
        text = path.read_text(encoding="utf-8")
        assert not [name for name in names if name in text], named(path)


def test_names_say_what_a_thing_is() -> None:
    for path in [*python_files("serve_app"), *python_files("pipelines")]:
        assert not any(noun in path.stem for noun in KNOWN_NOUNS), named(path)


def test_importing_the_wiring_starts_nothing() -> None:
    """Importing a module does nothing: no call stands at the top level but of what makes a value."""
    for path in python_files("serve_app/deployments"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            assert not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)), named(path)
