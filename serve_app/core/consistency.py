"""What must fit together in a use case beyond the type of each key, and between use cases.

Nothing here looks at a file; whether files exist is the reader's question.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from serve_app.core.cascade import CertifiedCascade
from serve_app.core.decision import Label, PriceSignal, ScoreBands
from serve_app.core.decision import Route as RouteTo
from serve_app.core.schedule import is_ever_due
from serve_app.core.use_case import Classification, DecideRoute, FeatureTable, Regression, UseCase, ValuesRoute

Misfit = tuple[tuple[str | int, ...], str]
"""Where in the file, and what is wrong with what was expected."""

Suggest = Callable[[str, Iterable[str]], str]

BUILT_IN = (
    "/api/v1", "/v2", "/docs", "/redoc", "/openapi.json", "/livez", "/readyz", "/health", "/metrics",
    "/-/healthz", "/-/routes", "/alerts", "/reload",
)  # fmt: skip


def misfits(use_case: UseCase, suggest: Suggest) -> list[Misfit]:
    """Everything that contradicts itself; ``suggest`` words a near miss."""
    rules = (_name, _fields, _target, _cascade, _budget, _redaction, _decision, _table, _recorded, _routes, _schedule)
    return [misfit for rule in rules for misfit in rule(use_case, suggest)]


def route_clash(use_case: UseCase, taken: Mapping[str, str]) -> list[Misfit]:
    """Paths that another use case already serves; ``taken``: path -> its use case."""
    return [
        (("routes", index, "path"), f"'{route.path}' is already a path of the use case {taken[route.path]}")
        for index, route in enumerate(use_case.routes)
        if route.path in taken
    ]


def _fields(use_case: UseCase, suggest: Suggest) -> Iterator[Misfit]:
    if not use_case.features():
        yield ("fields",), "no field reaches the student; expected at least one that is a feature and not an id"
    for name, field in use_case.fields.items():
        if field.kind == "numeric":
            yield from _bounds(("fields", name), field.minimum, field.maximum)
            yield from _inside(("fields", name), field)
        if field.kind == "date":
            yield from _bounds(("fields", name), field.minimum, field.maximum)
        if field.kind == "categorical" and field.values and field.default not in (None, *field.values):
            known = suggest(str(field.default), field.values)
            yield ("fields", name, "default"), f"'{field.default}' is none of the allowed values{known}"


def _bounds(at: tuple[str, ...], low: Any, high: Any) -> Iterator[Misfit]:
    if low is not None and high is not None and low > high:
        yield (*at, "minimum"), f"{low!r} is above the maximum, {high!r}"


def _inside(at: tuple[str, ...], field: Any) -> Iterator[Misfit]:
    low = field.minimum is not None and field.default is not None and field.default < field.minimum
    high = field.maximum is not None and field.default is not None and field.default > field.maximum
    if low or high:
        yield (*at, "default"), f"{field.default!r} is outside {field.minimum} to {field.maximum}"


def _target(use_case: UseCase, suggest: Suggest) -> Iterator[Misfit]:
    target = use_case.target
    if target.column in use_case.features():
        yield ("target", "column"), f"'{target.column}' is also a field: the answer would be given with the question"
    if isinstance(target, Regression) and target.relative_to is not None:
        features = use_case.features()
        numeric = [name for name, field in features.items() if field.kind == "numeric"]
        if target.relative_to not in numeric:
            known = suggest(target.relative_to, numeric)
            yield ("target", "relative_to"), f"'{target.relative_to}' is not a numeric feature{known}"


def _cascade(use_case: UseCase, suggest: Suggest) -> Iterator[Misfit]:
    if isinstance(use_case.cascade, CertifiedCascade):
        if isinstance(use_case.target, Regression):
            yield ("cascade", "kind"), "certified needs classes; expected fixed for a regression"
        return
    yield from _classes(use_case, ("cascade", "per_class"), use_case.cascade.per_class, suggest)
    wide = use_case.cascade.defer_when_wider_than
    if wide is not None and isinstance(use_case.target, Classification):
        yield ("cascade", "defer_when_wider_than"), f"{wide} is for a regression; classes have `threshold`"


def _budget(use_case: UseCase, suggest: Suggest) -> Iterator[Misfit]:
    yield from _classes(use_case, ("budget", "value"), use_case.budget.value, suggest)


def _redaction(use_case: UseCase, suggest: Suggest) -> Iterator[Misfit]:
    texts = [name for name, field in use_case.fields.items() if field.kind == "text"]
    for name in (use_case.redaction.fields or ()) if use_case.redaction is not None else ():
        if name not in texts:
            yield ("redaction", "fields"), f"'{name}' is not a text field{suggest(name, texts)}"


def _decision(use_case: UseCase, suggest: Suggest) -> Iterator[Misfit]:
    match use_case.decision:
        case RouteTo(targets=targets):
            yield from _classes(use_case, ("decision", "targets"), targets, suggest)
        case Label() if isinstance(use_case.target, Regression):
            yield ("decision", "kind"), "label needs classes; expected route or price_signal for a regression"
        case Label(actions=actions):
            yield from _classes(use_case, ("decision", "actions"), actions, suggest)
        case PriceSignal() as signal:
            yield from _price(use_case, signal, suggest)
        case ScoreBands():
            if getattr(use_case.target, "positive", None) is None:
                yield ("decision", "kind"), "score_bands needs a score; expected `target.positive` to name its class"


def _classes(use_case: UseCase, at: tuple[str, ...], named: Iterable[str], suggest: Suggest) -> Iterator[Misfit]:
    classes = use_case.target.classes if isinstance(use_case.target, Classification) else ()
    for name in named:
        if name not in classes:
            why = suggest(name, classes) if classes else "; the target is a regression and has no classes"
            yield (*at, name), f"'{name}' is not a class of the target{why}"


def _price(use_case: UseCase, signal: PriceSignal, suggest: Suggest) -> Iterator[Misfit]:
    if not isinstance(use_case.target, Regression):
        yield ("decision", "kind"), "price_signal compares numbers; expected a target of kind regression"
    known = {**use_case.fields, **(use_case.feature_table.columns if use_case.feature_table else {})}
    numeric = [name for name, field in known.items() if field.kind == "numeric"]
    if signal.market not in numeric:
        yield ("decision", "market"), f"'{signal.market}' is not a numeric field{suggest(signal.market, numeric)}"


def _table(use_case: UseCase, suggest: Suggest) -> Iterator[Misfit]:
    table: FeatureTable | None = use_case.feature_table
    if table is None:
        return
    for index, key in enumerate(table.keys):
        if key not in use_case.fields:
            yield ("feature_table", "keys", index), f"'{key}' is not a field{suggest(key, use_case.fields)}"
    for name in table.columns.keys() & use_case.fields.keys():
        yield ("feature_table", "columns", name), f"'{name}' is also a field of the input; expected another name"


def _recorded(use_case: UseCase, suggest: Suggest) -> Iterator[Misfit]:
    for index, provider in enumerate(use_case.teacher.providers):
        for place, key in enumerate(provider.key if provider.kind == "recorded" else ()):
            if key not in use_case.fields:
                at = ("teacher", "providers", index, "key", place)
                yield at, f"'{key}' is not a field{suggest(key, use_case.fields)}"


def _routes(use_case: UseCase, suggest: Suggest) -> Iterator[Misfit]:
    seen: set[tuple[str, str]] = set()
    for index, route in enumerate(use_case.routes):
        verb = "GET" if isinstance(route, ValuesRoute) else "POST"
        if (verb, route.path) in seen:
            yield ("routes", index, "path"), f"'{verb} {route.path}' stands here twice"
        seen.add((verb, route.path))
        taken = next((path for path in BUILT_IN if (route.path + "/").startswith(path + "/")), None)
        if taken:
            yield ("routes", index, "path"), f"'{route.path}' belongs to the built-in API ({taken}); choose another"
        yield from _of_route(use_case, index, route, suggest)


def _of_route(use_case: UseCase, index: int, route: Any, suggest: Suggest) -> Iterator[Misfit]:
    if isinstance(route, ValuesRoute):
        keys = use_case.feature_table.keys if use_case.feature_table else ()
        if route.field not in keys:
            why = suggest(route.field, keys) if keys else "; there is no feature table"
            yield ("routes", index, "field"), f"'{route.field}' is not a key of the feature table{why}"
    if isinstance(route, DecideRoute) and not isinstance(use_case.decision, PriceSignal):
        kind = use_case.decision.kind
        yield ("routes", index, "kind"), f"a decision of kind {kind} needs a prediction; expected kind predict"


_CRON = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    ("day of week", 0, 7, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)


TAKEN = frozenset({"batch", "drift", "health", "jobs", "metrics", "models", "schedules", "status"})
"""What stands in the API where a use case's name stands otherwise."""


def _name(use_case: UseCase, _: Suggest) -> Iterator[Misfit]:
    if use_case.name in TAKEN:
        yield ("name",), f"'{use_case.name}' is part of the API's own paths; expected another name"


def _schedule(use_case: UseCase, _: Suggest) -> Iterator[Misfit]:
    for part in ("retraining", "scoring"):
        cron = getattr(use_case, part).schedule
        wrong = cron_misfit(cron) if cron is not None else None
        if wrong:
            yield (part, "schedule"), f"'{cron}': {wrong}"


def cron_misfit(cron: str) -> str | None:
    """What is wrong with a five-part cron expression, None if nothing is."""
    parts = cron.split()
    if len(parts) != 5:
        return f"{len(parts)} parts; expected five: minute, hour, day of month, month, day of week"
    for text, (name, low, high, words) in zip(parts, _CRON, strict=True):
        if not all(_cron_item(item, low, high, words) for item in text.lower().split(",")):
            return f"{name} is '{text}'; expected *, a value, a range or a step within {low}-{high}"
    return None if is_ever_due(cron) else "no day is like that; expected one that comes round"


def _cron_item(item: str, low: int, high: int, words: tuple[str, ...]) -> bool:
    found = re.fullmatch(r"(\*|(\w+)(?:-(\w+))?)(?:/([1-9]\d*))?", item)
    if found is None:
        return False
    ends = [_cron_value(end, words) for end in found.group(2, 3) if end is not None]
    return all(end is not None and low <= end <= high for end in ends) and ends == sorted(ends, key=lambda e: e or 0)


def _cron_value(text: str, words: tuple[str, ...]) -> int | None:
    if text in words:
        return words.index(text) + (1 if words[0] == "jan" else 0)
    return int(text) if text.isdigit() else None
