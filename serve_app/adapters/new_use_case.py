"""Writes the folder of a use case from an inferred table: all of it, or nothing."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from serve_app.adapters.config_files import FILE, load_use_case
from serve_app.core.errors import Conflict, InvalidInput
from serve_app.core.infer import Inferred, InferredField
from serve_app.core.use_case import UseCase

DATA = "data.parquet"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_UNPRINTABLE = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")

PROMPT = {
    "classification": """You judge one record of "{title}". Its fields are:

{fields}

Answer with exactly one of these labels: {classes}

If several labels fit, choose the one that most of the record speaks for. If none fits well, choose the closest.
""",
    "regression": """You estimate one number for a record of "{title}". Its fields are:

{fields}

Answer with the number alone.
""",
}


def refuse_name(name: str, configs: Path, force: bool) -> None:
    """Raises InvalidInput, with the closest name that would do, or Conflict when it is taken and not ``force``."""
    if not _NAME.fullmatch(name):
        better = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_").lstrip("0123456789_")[:63]
        hint = f", such as {better}" if better else ""
        raise InvalidInput(f"{name!r} cannot be a use case's name; expected lower-case letters, digits and _{hint}")
    if (configs / "use_cases" / name).exists() and not force:
        raise Conflict(f"{configs / 'use_cases' / name} is already there; --force replaces it")


def write_use_case(name: str, inferred: Inferred, configs: Path, source: str, force: bool = False) -> UseCase:
    """Writes, checks, and only then puts it in place. Raises Conflict when it is there and not ``force``."""
    refuse_name(name, configs, force)
    home = configs / "use_cases"
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, prefix=".new-") as stage:
        draft = Path(stage) / name
        draft.mkdir()
        (draft / FILE).write_text(use_case_yaml(name, inferred, _schema(configs, home / name), source), "utf-8")
        (draft / "prompt.md").write_text(PROMPT[inferred.target.task], "utf-8")
        inferred.table.to_parquet(draft / DATA, index=False, compression="zstd")
        load_use_case(draft)
        if (home / name).exists():
            (home / name).rename(Path(stage) / "replaced")
        draft.rename(home / name)
    return load_use_case(home / name)


def _schema(configs: Path, folder: Path) -> str | None:
    """Where editors find the JSON Schema, seen from the folder."""
    schema = configs.resolve().parent / "docs" / "schemas" / "use_case.json"
    return os.path.relpath(schema, folder.resolve()) if schema.is_file() else None


def use_case_yaml(name: str, inferred: Inferred, schema: str | None, source: str) -> str:
    return "\n".join(_yaml(name, inferred, schema, source)) + "\n"


def _yaml(name: str, inferred: Inferred, schema: str | None, source: str) -> Iterator[str]:
    if schema:
        yield f"# yaml-language-server: $schema={schema}"
    yield from _header(inferred, source)
    yield f"name: {name}"
    yield f"title: {_scalar(name.replace('_', ' ').capitalize())}"
    yield "\n# A row as requests give it. Bounds and allowed values are noted as seen and not enforced, since a sample"
    yield "# says little about what else is right; add minimum, maximum or values where you know better."
    yield "fields:"
    yield from map(_field, inferred.fields)
    yield from _target(inferred)
    yield from _policy(inferred)
    yield f"\nlabelled:\n  file: {DATA}"
    rows = len(inferred.table)
    if rows < 200:
        yield f"\nretraining:\n  min_rows: {max(rows // 2, 1)} # there are only {rows} rows"


def _header(inferred: Inferred, source: str) -> Iterator[str]:
    yield f"# Made by `understudy new` from {_comment(source)}: {len(inferred.table):,} rows. What was assumed:"
    for note in inferred.notes:
        yield f"#   - {_comment(note)}"
    yield "#   - what stands beside each key below; change what is wrong, and train again\n"


def _field(field: InferredField) -> str:
    return f"  {_scalar(field.name)}: {_flow(field.keys)} # {_comment(field.why)}"


def _target(inferred: Inferred) -> Iterator[str]:
    yield "\ntarget:"
    yield f"  # {_comment(inferred.target.why)}"
    for key, value in inferred.target.keys.items():
        if isinstance(value, list):
            yield f"  {key}:"
            yield from (f"    - {_scalar(each)}" for each in value)
        else:
            yield f"  {key}: {_scalar(value)}"


def _policy(inferred: Inferred) -> Iterator[str]:
    yield "\nstudent:\n  kind: lightgbm"
    yield "\nteacher: # the first that has a key is asked, with the fields above; `none` leaves all to the student"
    yield "  providers:\n    - kind: gemini\n    - kind: openai\n    - kind: none"
    if inferred.target.task == "regression":
        yield "\ncascade: # without defer_when_wider_than the student keeps every row\n  kind: fixed"
        yield "\ndecision: # the number is the answer; there is nothing to route by\n  kind: route\n  action: ESTIMATE"
        return
    yield "\ncascade:\n  kind: fixed\n  threshold: 0.8 # a less confident answer goes to the teacher"
    yield "\ndecision: # the label is the action; `kind: route` sends labels to queues\n  kind: label"


def _flow(keys: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {_scalar(value)}" for key, value in keys.items()) + "}"


def _scalar(value: Any) -> str:
    """Plain where no YAML reader could take it for anything else, otherwise quoted as JSON quotes."""
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_ ]*[A-Za-z0-9_]", value)
    if plain and value.lower() not in {"true", "false", "null", "yes", "no", "on", "off"}:
        return str(value)
    quoted = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def _comment(text: str) -> str:
    return _UNPRINTABLE.sub(" ", text)
