"""What belongs to a person is taken out of texts, once, where they come in: nothing behind that ever sees it.

A request's rows pass ``redacted``, those of a file or a source ``redacted_frame`` (``core/redact_frames.py``): both
redact the same texts by the same rules, so that what is learned from looks like what is served. A redacted text is
redacted to itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from serve_app.core.personal_names import name_spans
from serve_app.core.personal_numbers import card_spans, email_spans, national_id_spans, phone_spans
from serve_app.core.rows import Rows, text_column
from serve_app.core.use_case import Redaction, UseCase

Span = tuple[int, int]
Find = Callable[[str], Iterable[Span]]

MOST_PASSES = 8


class Redactor:
    """Texts without what ``rules`` finds in them. The order matters: an address holds a name, and a card's digits
    may hold those of a phone."""

    def __init__(self, rules: Redaction) -> None:
        named: list[tuple[bool, str, Find]] = [
            (rules.emails, "[EMAIL]", email_spans),
            (rules.national_ids, "[NATIONAL_ID]", national_id_spans),
            (rules.cards, "[CARD]", card_spans),
            (rules.phones, "[PHONE]", lambda text: phone_spans(text, rules.regions)),
            (rules.names, "[NAME]", name_spans),
        ]
        self._kinds = [(placeholder, find) for wanted, placeholder, find in named if wanted]

    def text(self, text: str) -> str:
        """The same for what is redacted already: what a placeholder leaves may be a find of its own, so it is
        looked at again until nothing is found."""
        for _ in range(MOST_PASSES):
            before, text = text, self._once(text)
            if text == before:
                break
        return text

    def _once(self, text: str) -> str:
        for placeholder, find in self._kinds:
            text = _replaced(text, find(text), placeholder)
        return text

    def column(self, texts: Iterable[str | None], longest: int | None = None) -> list[str | None]:
        """``longest``: characters that a field takes; a placeholder may be longer than what it stands for."""
        known: dict[str | None, str | None] = {None: None}
        out = []
        for text in texts:
            if text not in known:
                known[text] = self.text(text)[:longest]  # type: ignore[arg-type]
            out.append(known[text])
        return out


def _replaced(text: str, spans: Iterable[Span], placeholder: str) -> str:
    parts, at = [], 0
    for start, end in sorted(spans):
        if start >= at:
            parts += [text[at:start], placeholder]
            at = end
    return text if not parts else "".join((*parts, text[at:]))


@lru_cache(maxsize=64)
def redactor(rules: Redaction) -> Redactor:
    return Redactor(rules)


def redacted_fields(use_case: UseCase) -> tuple[str, ...]:
    """The text fields that are redacted; none without ``redaction``."""
    if use_case.redaction is None:
        return ()
    texts = [name for name, field in use_case.fields.items() if field.kind == "text"]
    wanted = use_case.redaction.fields
    return tuple(name for name in texts if wanted is None or name in wanted)


def redacted(use_case: UseCase, rows: Rows) -> Rows:
    """``rows`` with their texts redacted; columns that are not there are passed over."""
    names = [name for name in redacted_fields(use_case) if name in rows.columns]
    if not names:
        return rows
    return rows.with_columns({name: text_column(redacted_column(use_case, name, rows[name])) for name in names})


def redacted_record(use_case: UseCase, record: Mapping[str, Any]) -> dict[str, Any]:
    """The same for one row of JSON values."""
    names = [name for name in redacted_fields(use_case) if isinstance(record.get(name), str)]
    return {**record, **{name: redacted_column(use_case, name, text_column([record[name]]))[0] for name in names}}


def redacted_text(use_case: UseCase, text: str | None) -> str | None:
    """What a person wrote beside a row: a note, a reason."""
    if text is None or use_case.redaction is None:
        return text
    return redactor(use_case.redaction).text(text)


def redacted_values(use_case: UseCase, value: Any) -> Any:
    """Every text within a JSON value, for what could not be read as a row."""
    match value:
        case str():
            return redacted_text(use_case, value)
        case dict():
            return {redacted_text(use_case, str(name)): redacted_values(use_case, each) for name, each in value.items()}
        case list():
            return [redacted_values(use_case, each) for each in value]
        case int():  # a phone number needs no quotes
            told = redacted_text(use_case, str(value))
            return value if told == str(value) else told
    return value


def redacted_column(use_case: UseCase, name: str, texts: np.ndarray[Any, Any]) -> list[str | None]:
    assert use_case.redaction is not None
    field = use_case.fields[name]
    longest: int | None = getattr(field, "max_length", None)
    return redactor(use_case.redaction).column(texts.tolist(), longest)
