"""Validation errors in words: file and line, key, the offending value, what was expected, and for a
misspelt key or value the one that was probably meant. Secrets are never shown.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError

from serve_app.adapters.yaml_file import KeyPath

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
    "enum": "{expected}",
    "string_pattern_mismatch": "text of the form {pattern}",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One misfit: ``at`` is where, ``text`` says what is wrong and what was expected."""

    at: KeyPath
    text: str

    def __str__(self) -> str:
        return f"{dotted(self.at)}: {self.text}" if self.at else self.text


def problems_of(error: ValidationError, model: Any) -> list[Problem]:
    """Every error of a validation of ``model`` (or of any annotation), in the file's own key paths."""
    found: dict[KeyPath, list[str]] = {}
    for each in error.errors(include_url=False):
        at, annotation = walk(model, each["loc"])
        at, text = _describe(each, at, annotation, model)
        texts = found.setdefault(at, [])
        if text not in texts:
            texts.append(text)
    return [Problem(at, _either(texts)) for at, texts in found.items()]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``: did you mean `x`?`` for a near miss, else the list of what is known."""
    options = [str(each) for each in known]
    by_lower = {each.lower(): each for each in options}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    if close:
        return f": did you mean `{by_lower[close[0]]}`?"
    shown = ", ".join(options[:12]) + (f" and {len(options) - 12} more" if len(options) > 12 else "")
    return f"; known are: {shown}" if options else ""


def dotted(at: KeyPath) -> str:
    """``routes[0].path``"""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in at)
    return text.removeprefix(".")


def walk(model: Any, loc: tuple[str | int, ...]) -> tuple[KeyPath, Any]:
    """pydantic's location without the tags of unions, and the annotation that stands there."""
    annotation, at = model, []
    for part in loc:
        chosen = _member(annotation, part)
        if chosen is not None:
            annotation = chosen
            continue
        at.append(part)
        annotation = annotation_below(annotation, part)
    return tuple(at), annotation


def _member(annotation: Any, part: str | int) -> Any:
    """The member of a union that ``part`` is the tag of, None if it is a key."""
    options = _options(annotation)
    if len(options) < 2 or not isinstance(part, str):
        return None
    for option in options:
        if part in _kinds(option) or part in (getattr(option, "__name__", ""), f"constrained-{option}"):
            return option
    return None


def annotation_below(annotation: Any, part: str | int) -> Any:
    """The annotation of a key, or of an item of a list; None where anything may stand."""
    for option in _options(annotation):
        if isinstance(option, type) and issubclass(option, BaseModel):
            info = option.model_fields.get(str(part))
            if info is not None:
                return info.annotation
        origin, args = get_origin(option), get_args(option)
        if origin is dict and len(args) == 2:
            return args[1]
        if origin in (tuple, list, set, frozenset) and args:
            fixed = Ellipsis not in args and isinstance(part, int) and part < len(args)
            return args[part] if fixed else args[0]  # type: ignore[index]
    return None


def _options(annotation: Any) -> list[Any]:
    """The members of a union without None; a lone annotation is a union of one."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        return [each for arg in get_args(annotation) if arg is not type(None) for each in _options(arg)]
    return [annotation]


def _kinds(option: Any) -> tuple[Any, ...]:
    fields = getattr(option, "model_fields", {})
    return get_args(fields["kind"].annotation) if "kind" in fields else ()


def models_of(annotation: Any) -> list[type[BaseModel]]:
    """The models among the members of a union."""
    return [each for each in _options(annotation) if isinstance(each, type) and issubclass(each, BaseModel)]


def _keys(annotation: Any) -> list[str]:
    return [key for model in models_of(annotation) for key in model.model_fields]


def _describe(error: Mapping[str, Any], at: KeyPath, annotation: Any, root: Any) -> tuple[KeyPath, str]:
    context: Mapping[str, Any] = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            _, holder = walk(root, error["loc"][:-1])
            return at, f"unknown key `{at[-1]}`{did_you_mean(str(at[-1]), _keys(holder))}"
        case "missing":
            return at, "missing; this key must be given"
        case "union_tag_not_found":
            kinds = [kind for option in _options(annotation) for kind in _kinds(option)]
            return at, f"the key `kind` is missing; expected one of {', '.join(kinds)}"
        case "union_tag_invalid":
            kinds = [kind for option in _options(annotation) for kind in _kinds(option)]
            return (*at, "kind"), _unknown(context.get("tag"), kinds)
        case "literal_error":
            return at, _unknown(error["input"], [str(each) for o in _options(annotation) for each in get_args(o)])
        case "value_error":
            return at, str(context["error"])
    expected = _EXPECTED.get(error["type"], "").format(**context) or error["msg"].removeprefix("Input should be ")
    hint = _hint(error["type"], error["input"], SecretStr in _options(annotation))
    return at, f"{_shown(error['input'], annotation)}; expected {expected}{hint}"


def _unknown(value: Any, known: list[str]) -> str:
    suggestion = did_you_mean(value, known) if isinstance(value, str) else ""
    choices = f"expected one of {', '.join(known)}" if len(known) > 1 else f"expected {', '.join(known)}"
    if suggestion.startswith(": did"):
        return f"unknown value {value!r}{suggestion} ({choices})"
    return f"{_shown(value, None)}; {choices}"


def _hint(kind: str, value: Any, secret: bool) -> str:
    if kind == "string_type" and isinstance(value, bool | int | float):
        word = "…" if secret else str(value).lower() if isinstance(value, bool) else str(value)
        return f'; put it in quotes: "{word}"'
    if kind == "bool_type" and isinstance(value, str) and value.lower() in ("yes", "no", "on", "off"):
        return "; write true or false"
    if kind.endswith("_type") and value is None:
        return "; leave the key out for its default"
    return ""


def _shown(value: Any, annotation: Any) -> str:
    if SecretStr in _options(annotation):
        return "the value (a secret, not shown)"
    if isinstance(value, Mapping):
        return "a mapping of keys to values"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if value is None:
        return "nothing"
    if hasattr(annotation, "model_fields"):  # text where a section belongs may be a misplaced secret
        return "a lone value"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _either(texts: list[str]) -> str:
    """Several errors of one key, as a union of plain types gives them, in one line."""
    if len(texts) == 1:
        return texts[0]
    heads = {text.split("; expected ")[0] for text in texts}
    if len(heads) > 1 or not all("; expected " in text for text in texts):
        return "; ".join(texts)
    return f"{heads.pop()}; expected {' or '.join(text.split('; expected ')[1] for text in texts)}"
