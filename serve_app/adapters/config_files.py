"""The configuration as it lies on disk: ``platform.yaml`` and one folder a use case.

Every misfit of a file is told at once, in one BadConfig: file and line, key, value, what was expected.
"""

from __future__ import annotations

import json
import zoneinfo
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from serve_app.adapters.config_errors import Problem, did_you_mean, problems_of
from serve_app.adapters.platform_env import defaults, overlay
from serve_app.adapters.yaml_file import Document, KeyPath, read_yaml
from serve_app.core.config import Config
from serve_app.core.consistency import misfits, route_clash
from serve_app.core.errors import BadConfig
from serve_app.core.platform import Platform
from serve_app.core.prompt import render
from serve_app.core.use_case import UseCase

FILE = "use_case.yaml"

NOT_SETTINGS = frozenset({"UNDERSTUDY_TOKEN"})
"""Environment variables that start with UNDERSTUDY_ and are not keys of ``platform.yaml``."""

AnyConfig = TypeVar("AnyConfig", bound=Config)


def load_platform(path: Path, environ: Mapping[str, str]) -> Platform:
    """``platform.yaml`` with the environment over it. Raises BadConfig."""
    document = read_yaml(path)
    values, wrong = overlay(environ, NOT_SETTINGS)
    written = {} if document.data is None else document.data
    merged = _over(_nested(defaults()), written)
    _set(merged, values)
    try:
        platform = _validated(Document(path, merged, document.lines), Platform)
    except BadConfig as error:
        raise BadConfig("\n".join([str(error), *wrong])) from None
    if wrong:
        raise BadConfig("\n".join(wrong))
    return platform


def load_use_case(folder: Path) -> UseCase:
    """The use case that ``folder`` describes. Raises BadConfig."""
    document = read_yaml(folder / FILE)
    use_case = _validated(document, UseCase)
    problems = [Problem(at, text) for at, text in misfits(use_case, did_you_mean)]
    _refuse(document, [*problems, *_outside(use_case, folder)])
    return use_case


def load_use_cases(folder: Path) -> dict[str, UseCase]:
    """Every use case under ``folder``, by name. Raises one BadConfig with the problems of all."""
    good, bad = read_all(use_case_folders(folder))
    if bad:
        raise BadConfig("\n".join(bad.values()))
    return good


def use_case_folders(folder: Path) -> list[Path]:
    """Folders in ``folder`` that describe a use case; ``.x`` and ``_x`` are none."""
    if not folder.is_dir():
        raise BadConfig(f"{folder}: no such folder; expected one folder a use case in it")
    return sorted(each for each in folder.iterdir() if each.is_dir() and each.name[0] not in "._")


def read_all(folders: Iterable[Path]) -> tuple[dict[str, UseCase], dict[str, str]]:
    """What could be read, and what is wrong with the rest, by folder name. Of two use cases with the
    same route, the first keeps it."""
    good: dict[str, UseCase] = {}
    bad: dict[str, str] = {}
    for folder in folders:
        try:
            use_case = load_use_case(folder)
            refuse_clashes(folder, use_case, good.values())
            good[folder.name] = use_case
        except BadConfig as error:
            bad[folder.name] = str(error)
    return good, bad


def refuse_clashes(folder: Path, use_case: UseCase, others: Iterable[UseCase]) -> None:
    """Raises BadConfig when a route of ``use_case`` is already one of ``others``."""
    taken = {route.path: other.name for other in others for route in other.routes}
    clashes = [Problem(at, text) for at, text in route_clash(use_case, taken)]
    if clashes:
        _refuse(read_yaml(folder / FILE), clashes)


def _validated(document: Document, model: type[AnyConfig]) -> AnyConfig:
    """Strict: ``threshold: true`` is no number. Through JSON, where a list may be a tuple."""
    if not isinstance(document.data, dict):
        what = "empty" if document.data is None else "not a mapping of keys to values"
        raise BadConfig(f"{document.path}: {what}; expected keys such as {', '.join(list(model.model_fields)[:4])}")
    try:
        plain = json.dumps(document.data)
    except (ValueError, TypeError) as error:  # an alias to itself, or a tag such as !!binary
        raise BadConfig(f"{document.path}: {error}; expected only text, numbers, lists and mappings") from None
    try:
        return model.model_validate_json(plain, strict=True)
    except ValidationError as error:
        _refuse(document, problems_of(error, model))
        raise


def _refuse(document: Document, problems: Iterable[Problem]) -> None:
    lines = [f"{document.place(problem.at)}: {problem}" for problem in problems]
    if lines:
        raise BadConfig("\n".join(lines))


def _outside(use_case: UseCase, folder: Path) -> Iterator[Problem]:
    """What only the disk and the system know: names, files, time zones."""
    if use_case.name != folder.name:
        yield Problem(("name",), f"'{use_case.name}'; expected '{folder.name}', the name of its folder")
    for at, file in _files(use_case):
        if not (folder / file).is_file():
            yield Problem(at, f"'{file}' does not exist{_near(folder, file)}")
        elif at == ("teacher", "prompt"):
            yield from _prompt(use_case, folder / file)
    for part, zone in (("retraining", use_case.retraining.timezone), ("scoring", use_case.scoring.timezone)):
        if zone not in zoneinfo.available_timezones():
            known = did_you_mean(zone, zoneinfo.available_timezones())
            hint = known if known.startswith(": did") else "; expected a name such as Asia/Jakarta"
            yield Problem((part, "timezone"), f"'{zone}' is not a time zone{hint}")


def _files(use_case: UseCase) -> Iterator[tuple[KeyPath, str]]:
    yield ("teacher", "prompt"), use_case.teacher.prompt
    if use_case.labelled.file is not None:
        yield ("labelled", "file"), use_case.labelled.file
    if use_case.narrative is not None and use_case.narrative.prompt is not None:
        yield ("narrative", "prompt"), use_case.narrative.prompt
    for index, provider in enumerate(use_case.teacher.providers):
        if provider.kind == "recorded":
            yield ("teacher", "providers", index, "file"), provider.file


def _prompt(use_case: UseCase, file: Path) -> Iterator[Problem]:
    try:
        render(file.read_text(encoding="utf-8"), use_case)
    except (BadConfig, UnicodeDecodeError) as error:
        yield Problem(("teacher", "prompt"), str(error))
    except OSError as error:  # such as one that may not be read, or has just been removed
        yield Problem(("teacher", "prompt"), f"cannot be read: {error.strerror}")


def _near(folder: Path, file: str) -> str:
    place = (folder / file).parent
    there = [each.name for each in place.iterdir() if each.is_file()] if place.is_dir() else []
    return did_you_mean(Path(file).name, there).replace("; known are:", "; there are:")


def _over(base: dict[str, Any], data: Any) -> Any:
    """``data`` over ``base``, section by section, so that a file may hold one key of a section. A
    section with nothing in it (all its keys commented out) is left as it was."""
    if not isinstance(data, dict):
        return data
    merged = {**base, **data}
    for key, below in base.items():
        if isinstance(below, dict):
            merged[key] = below if merged[key] is None else _over(below, merged[key])
    return merged


def _nested(values: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for at, value in values.items():
        section = nested
        for part in at[:-1]:
            section = section.setdefault(part, {})
        section[at[-1]] = value
    return nested


def _set(merged: Any, values: Mapping[tuple[str, ...], Any]) -> None:
    """Lays ``values`` into ``merged``. What is no mapping there is left for the check to tell."""
    for at, value in values.items():
        section = merged
        for part in at[:-1]:
            section = section.get(part) if isinstance(section, dict) else None
        if isinstance(section, dict):
            section[at[-1]] = value
