"""``serve_config.yaml``, checked without starting Ray: by Ray Serve's own schema, and against unknown
keys at every level, which Serve passes over in silence (``num_replicaz: 4`` leaves one replica).

Importing Serve's schema takes seconds, so it is imported only when a file is checked.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from serve_app.adapters.config_errors import Problem, annotation_below, did_you_mean, models_of, problems_of
from serve_app.adapters.yaml_file import Document, KeyPath, read_yaml
from serve_app.core.errors import BadConfig
from serve_app.core.platform import Platform

SERVES_OWN = "0.0.0.0"  # noqa: S104  # nosec B104
"""Serve's default, which is refused."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def check_serve_config(path: Path, platform: Platform, args: type[BaseModel] | None) -> list[str]:
    """The names of its applications. ``args`` is what every application's builder takes; import paths
    are looked for beside ``path`` first, as Serve does. Raises BadConfig with everything found."""
    from ray.serve.schema import ServeDeploySchema

    document = read_yaml(path)
    problems = [*_unknown_keys(document.data, ServeDeploySchema, ()), *_misfits(document.data, ServeDeploySchema, ())]
    if not problems:
        problems = [*_host(document.data, platform), *_time(document.data, platform)]
        for index, application in enumerate(document.data["applications"]):
            problems += _application(application, ("applications", index), path.parent, args)
    if problems:
        raise BadConfig("\n".join(_lines(document, problems)))
    return [application.get("name", "default") for application in document.data["applications"]]


def _lines(document: Document, problems: list[Problem]) -> list[str]:
    return [f"{document.place(problem.at)}: {problem}" for problem in dict.fromkeys(problems)]


def _misfits(data: Any, model: type[BaseModel], at: KeyPath) -> list[Problem]:
    try:
        model.model_validate(data)
    except ValidationError as error:
        found = problems_of(error, model)
        return [Problem((*at, *each.at), each.text) for each in found if "unknown key" not in each.text]
    return []


def _unknown_keys(data: Any, annotation: Any, at: KeyPath) -> Iterator[Problem]:
    if isinstance(data, list):
        for index, item in enumerate(data):
            yield from _unknown_keys(item, annotation_below(annotation, index), (*at, index))
    known = {key for model in models_of(annotation) for key in _names(model)}
    if not isinstance(data, dict) or not known:
        return
    for key, value in data.items():
        if key not in known:
            yield Problem((*at, key), f"unknown key `{key}`{did_you_mean(str(key), sorted(known))}")
        yield from _unknown_keys(value, annotation_below(annotation, key), (*at, key))


def _names(model: type[BaseModel]) -> Iterator[str]:
    for name, info in model.model_fields.items():
        yield name
        if isinstance(info.alias, str):
            yield info.alias


def _host(data: dict[str, Any], platform: Platform) -> Iterator[Problem]:
    """Without a login, whoever reaches the port may ask: only this machine must."""
    host = (data.get("http_options") or {}).get("host", SERVES_OWN)
    if platform.auth.mode == "local" and host not in LOOPBACK:
        why = "expected 127.0.0.1 while `auth.mode` is local, since no token is asked for"
        yield Problem(("http_options", "host"), f"'{host}'; {why}")


def _time(data: dict[str, Any], platform: Platform) -> Iterator[Problem]:
    """The proxy's time-out is a bare 408 in plain text; ours, which must come first, says what happened."""
    limit = (data.get("http_options") or {}).get("request_timeout_s")
    ours = platform.limits.request_timeout_s
    if limit is not None and float(limit) <= ours:
        wrong = f"{limit}; expected more than limits.request_timeout_s, {ours}"
        yield Problem(("http_options", "request_timeout_s"), wrong)


def _application(data: dict[str, Any], at: KeyPath, folder: Path, args: type[BaseModel] | None) -> Iterator[Problem]:
    wrong = import_misfit(data["import_path"], folder)
    if wrong:
        yield Problem((*at, "import_path"), wrong)
    given = data.get("args") or {}
    if args is not None:
        yield from _unknown_keys(given, args, (*at, "args"))
        yield from _misfits(given, args, (*at, "args"))
    configs = given.get("configs")
    if isinstance(configs, str) and not (folder / configs).is_dir():
        yield Problem((*at, "args", "configs"), f"'{configs}': no such folder in {folder}")


def import_misfit(import_path: str, folder: Path) -> str | None:
    """Why ``module:name`` will not be found, read from the source without running it."""
    module, _, name = import_path.replace(":", ".").rpartition(".")
    source = _source(module, folder)
    if source is None:
        return f"'{import_path}': there is no module {module}"
    names = _top_level(ast.parse(source.read_text(encoding="utf-8")))
    if name not in names:
        return f"'{import_path}': {module} has no `{name}`{did_you_mean(name, sorted(names))}"
    return None


def _source(module: str, folder: Path) -> Path | None:
    """Its file, found without importing any of it."""
    inner = Path(*module.split("."))
    spec = find_spec(inner.parts[0])
    installed = [Path(place).parent for place in (spec.submodule_search_locations or ())] if spec else []
    for place in (folder, *installed, *map(Path, sys.path)):
        for candidate in (place / inner.with_suffix(".py"), place / inner / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None


def _top_level(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Assign(targets=targets):
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Import() | ast.ImportFrom():
                names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return names
