"""``requirements.lock``: exact versions with hashes, in step with ``pyproject.toml``. Reads files and what is
installed, and asks nobody."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCKED_EXTRAS = ("test", "check", "bootstrap")
"""As ``make lock`` has them."""

_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Locked:
    """``line``: the requirement, such as ``name==1.0 ; marker``."""

    line: str
    hashes: int
    others: tuple[str, ...]

    @cached_property
    def requirement(self) -> Requirement:
        return Requirement(self.line)

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        return str(self.requirement.specifier).removeprefix("==")

    @property
    def here(self) -> bool:
        """Whether its marker holds on this machine."""
        return self.requirement.marker is None or self.requirement.marker.evaluate()


def read(text: str) -> list[Locked]:
    entries = text.replace("\\\n", " ").splitlines()
    return [_entry(entry) for entry in entries if entry.strip() and not entry.startswith("#")]


def _entry(entry: str) -> Locked:
    line, *options = re.split(r"\s+(?=--)", entry.strip())
    hashes = [each.strip() for each in options if _HASH.fullmatch(each.strip())]
    return Locked(line.strip(), len(hashes), tuple(set(map(str.strip, options)) - set(hashes)))


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def problems(locked: list[Locked], project: dict[str, Any]) -> list[str]:
    """One line a problem; empty where the lock is whole and in step."""
    return [*_unsafe(locked), *_out_of_step(locked, project)]


def _unsafe(locked: list[Locked]) -> Iterator[str]:
    for each in locked:
        if not each.hashes:
            yield f"{each.line}: no hash"
        if each.others:
            yield f"{each.line}: {' '.join(each.others)}"
        if not re.fullmatch(r"==[^*,]+", str(each.requirement.specifier)) or each.requirement.url:
            yield f"{each.line}: not one exact version"


def _out_of_step(locked: list[Locked], project: dict[str, Any]) -> Iterator[str]:
    here = {each.name: each for each in locked if each.here}
    wanted: dict[str, str] = {}
    for requirement, by in _closure(project):
        name = canonicalize_name(requirement.name)
        wanted[name] = by
        if name not in here:
            yield f"{requirement} ({by}): not in the lock"
        elif here[name].version not in requirement.specifier:
            yield f"{requirement} ({by}): the lock has {here[name].version}"
    for name in sorted(here.keys() - wanted.keys()):
        yield f"{name}: in the lock, and nothing asks for it"


def _closure(project: dict[str, Any]) -> Iterator[tuple[Requirement, str]]:
    """What the project asks for, and what that asks for, as installed; with whoever asks first."""
    extras = project["project"]["optional-dependencies"]
    asked = [*project["project"]["dependencies"], *(line for name in LOCKED_EXTRAS for line in extras[name])]
    left_out = {Requirement(each).name for each in project["tool"]["uv"]["override-dependencies"]}
    open_ones, seen = [(Requirement(line), "pyproject.toml") for line in asked], set()
    while open_ones:
        requirement, by = open_ones.pop()
        if requirement.name in left_out:
            continue
        yield requirement, by
        for extra in ("", *sorted(requirement.extras)):
            if (key := (canonicalize_name(requirement.name), extra)) not in seen:
                seen.add(key)
                open_ones += [(each, key[0]) for each in _asks(*key)]


def _asks(name: str, extra: str) -> list[Requirement]:
    try:
        lines = requires(name) or []
    except PackageNotFoundError:
        return []
    found = [Requirement(line) for line in lines]
    return [each for each in found if each.marker is None or each.marker.evaluate({"extra": extra})]
