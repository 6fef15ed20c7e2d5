"""YAML as people mean it: YAML 1.2 scalars, no key twice, and the line of every key for errors.

PyYAML reads YAML 1.1, where ``no`` is False, ``12:30`` is 750, ``010`` is 8 and ``2024-01-05`` a date.
Here ``no`` and dates stay text, as in YAML 1.2's core schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from serve_app.core.errors import BadConfig

KeyPath = tuple[str | int, ...]

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """Knows only the scalars of YAML 1.2's core schema, and merges (``<<``)."""

    yaml_implicit_resolvers: dict[str, Any] = {}


_SCALARS = [
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:int", r"[-+]?[0-9]+", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("tag:yaml.org,2002:merge", r"<<", "<"),
]
for _tag, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(_tag, re.compile(f"^(?:{_pattern})$"), list(_first))
_Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(loader.construct_scalar(node)))


@dataclass(frozen=True)
class Document:
    """What a file says: ``data`` as plain values, ``lines`` the 1-based line of every key path."""

    path: Path
    data: Any
    lines: Mapping[KeyPath, int] = field(default_factory=dict)

    def place(self, at: KeyPath) -> str:
        """``file:line`` of a key, or of the closest one above it that is in the file."""
        while at and at not in self.lines:
            at = at[:-1]
        return f"{self.path}:{self.lines[at]}" if at in self.lines else str(self.path)


def read_yaml(path: Path) -> Document:
    """Raises BadConfig, naming line and column, for text that is not YAML or holds a key twice."""
    text = _text(path)
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return Document(path, None)
        lines = dict(_lines(node, ()))
        twice = list(_twice(node))
        if twice:
            raise BadConfig("\n".join(f"{path}:{problem}" for problem in twice))
        return Document(path, loader.construct_document(node), lines)
    except yaml.MarkedYAMLError as error:
        raise BadConfig(_syntax(path, error)) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadConfig(f"{path}: not readable as YAML: {error}") from None
    finally:
        loader.dispose()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise BadConfig(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise BadConfig(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise BadConfig(f"{path}: cannot be read: {error.strerror}") from None


def _syntax(path: Path, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
    return f"{where}: not valid YAML: {error.problem or error.context}"


def _lines(node: Any, at: KeyPath, seen: tuple[int, ...] = ()) -> Iterator[tuple[KeyPath, int]]:
    if id(node) in seen:
        return
    seen = (*seen, id(node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*at, key.value) if isinstance(key, yaml.ScalarNode) else at
            yield here, key.start_mark.line + 1
            yield from _lines(value, here, seen)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield (*at, index), item.start_mark.line + 1
            yield from _lines(item, (*at, index), seen)


def _twice(node: Any, seen: tuple[int, ...] = ()) -> Iterator[str]:
    """``line: text`` for every key that its mapping already holds."""
    if id(node) in seen or isinstance(node, yaml.ScalarNode):
        return
    seen = (*seen, id(node))
    first: dict[str, int] = {}
    for entry in node.value:
        key, value = entry if isinstance(node, yaml.MappingNode) else (None, entry)
        if isinstance(key, yaml.ScalarNode):
            line = key.start_mark.line + 1
            if key.value in first and key.value != "<<":
                yield f"{line}: the key `{key.value}` stands here twice (first in line {first[key.value]})"
            first.setdefault(key.value, line)
        yield from _twice(value, seen)
