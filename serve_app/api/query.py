"""What stands behind the question mark: known names only, each once, each with its form."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args

from starlette.datastructures import QueryParams

from serve_app.api.cursor import PATTERN as CURSOR
from serve_app.core.errors import FieldError, InvalidInput
from serve_app.core.jobs import Kind, State
from serve_app.core.misfits import short, shown

LIMIT, MOST = 50, 200
USE_CASE = r"^[a-z][a-z0-9_]{0,62}$"

Read = Callable[[str], Any]


def query(params: QueryParams, known: Mapping[str, tuple[Read, str]]) -> dict[str, Any]:
    """By name, only those that were given. ``known``: how each is read (None for what does not fit), and
    what is expected. Raises InvalidInput naming every misfit."""
    found: dict[str, Any] = {}
    misfits: list[FieldError] = []
    for name in dict.fromkeys(params.keys()):
        values = params.getlist(name)
        read, expected = known.get(name, (_nothing, f"only {', '.join(known)}"))
        value = read(values[0]) if len(values) == 1 else None
        if value is None:
            problem = "unknown parameter" if name not in known else shown(values[0])
            misfits.append(FieldError(short(name), problem, expected if len(values) == 1 else f"{expected}, once"))
        found[name] = value
    if misfits:
        raise InvalidInput("the query does not fit", misfits[:100])
    return found


def _nothing(_: str) -> None:
    return None


def _limit(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,6}", text) and 1 <= int(text) <= MOST else None


def _matching(pattern: str) -> Read:
    return lambda text: text if re.fullmatch(pattern, text) else None


def one_of(values: Iterable[str]) -> tuple[Read, str]:
    allowed = tuple(values)
    return lambda text: text if text in allowed else None, f"one of: {', '.join(allowed)}"


PAGED: Mapping[str, tuple[Read, str]] = {
    "limit": (_limit, f"1 to {MOST}"),
    "cursor": (_matching(CURSOR), "the next of a page before"),
}
USE_CASES: Mapping[str, tuple[Read, str]] = {"use_case": (_matching(USE_CASE), "the name of a use case")}
STATES = one_of(get_args(State))
KINDS: tuple[Kind, ...] = get_args(Kind)
