"""Answers of an LLM recorded earlier, looked up in a file. For demonstration and benchmark only:
every answer says ``provider: recorded``."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from serve_app.core.answers import Question, TeacherAnswer, TeacherFailure, TeacherReply
from serve_app.core.errors import BadConfig
from serve_app.core.redact import redacted
from serve_app.core.rows import Rows, text_column
from serve_app.core.tariff import Flat
from serve_app.core.use_case import RecordedProvider, UseCase

Key = tuple[str, ...]


class RecordedTeacher:
    """``answers``: normalised key -> recorded answer; ``numeric`` are the key's numeric fields. A key
    that stands twice in the file gives its first answer."""

    name = "recorded"

    def __init__(self, settings: RecordedProvider, answers: Mapping[Key, str], numeric: frozenset[str]) -> None:
        self._settings = settings
        self.tariff = Flat(settings.cost_usd)
        self._answers = answers
        self._numeric = numeric

    @classmethod
    def read(cls, settings: RecordedProvider, use_case: UseCase, folder: Path) -> RecordedTeacher:
        """Raises BadConfig when the file cannot be read, or lacks a column, or a key is no feature."""
        _check_key(settings, use_case)
        table = _table(folder / settings.file, settings, use_case.name)
        # A question comes redacted, and must find what was recorded of the same text.
        texts = redacted(use_case, Rows({name: text_column(list(map(_text, table[name]))) for name in settings.key}))
        numeric = frozenset(name for name, field in use_case.features().items() if field.kind == "numeric")
        keys = {name: table[name] if name in numeric else texts[name] for name in settings.key}
        columns = [[normalised(value, name in numeric) for value in keys[name]] for name in settings.key]
        answers = [normalised(value) for value in table[settings.answer]]
        return cls(settings, _first(zip(zip(*columns, strict=True), answers, strict=True)), numeric)

    def __len__(self) -> int:
        return len(self._answers)

    async def answer(self, question: Question) -> TeacherReply:
        fields, key = question.fields, self._settings.key
        found = self._answers.get(tuple(normalised(fields.get(name), name in self._numeric) for name in key))
        if found is None:
            return TeacherFailure("not_recorded", "recorded")
        return self._recorded(found, question)

    async def close(self) -> None:
        return None

    def _recorded(self, found: str, question: Question) -> TeacherReply:
        cost = self._settings.cost_usd
        if question.classes:
            if found not in question.classes:
                return TeacherFailure("off_schema", "recorded", cost_usd=cost)
            return TeacherAnswer("recorded", self._settings.model, label=found, cost_usd=cost)
        value = _number(found)
        if value is None:
            return TeacherFailure("off_schema", "recorded", cost_usd=cost)
        return TeacherAnswer("recorded", self._settings.model, value=value, cost_usd=cost)


def normalised(value: Any, numeric: bool = False) -> str:
    """The same text for what a file and a request say differently: white space is collapsed, a
    missing value is "", and a number is written one way (1, 1.0 and "1.0")."""
    if value is None or value != value:  # NaN
        return ""
    text = " ".join(str(value).split())
    number = _number(text) if numeric else None
    return text if number is None else repr(number)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _first(pairs: Iterable[tuple[Key, str]]) -> dict[Key, str]:
    answers: dict[Key, str] = {}
    for key, answer in pairs:
        if answer:
            answers.setdefault(key, answer)
    return answers


def _check_key(settings: RecordedProvider, use_case: UseCase) -> None:
    known = use_case.features()
    for name in settings.key:
        if name not in known:
            expected = f"expected features, of {', '.join(known)}"
            raise BadConfig(f"{use_case.name}: teacher.providers.recorded.key: {name!r} is no feature; {expected}")


def _text(value: Any) -> str | None:
    return None if value is None or value != value else str(value)


def _table(path: Path, settings: RecordedProvider, use_case: str) -> dict[str, list[Any]]:
    """The columns that are wanted. CSV is read as text throughout: a label such as "NA" or "null" is a label."""
    wanted = (*settings.key, settings.answer)
    try:
        table = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    except (OSError, ValueError, csv.Error) as error:
        raise BadConfig(f"{use_case}: teacher.providers.recorded.file: {settings.file}: {error}") from error
    missing = [name for name in wanted if name not in table]
    if missing:
        had = f"no column {', '.join(missing)}; it has {', '.join(table)}"
        raise BadConfig(f"{use_case}: teacher.providers.recorded.file: {settings.file}: {had}")
    return table


def _csv(path: Path) -> dict[str, list[Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file)
        header = next(lines, [])
        cells = [line for line in lines if line]
    if uneven := next((number for number, line in enumerate(cells, 1) if len(line) != len(header)), None):
        raise ValueError(f"row {uneven} below the header has not its {len(header)} cells")
    return dict(zip(header, map(list, zip(*cells, strict=True)), strict=False)) if cells else {n: [] for n in header}


def _parquet(path: Path) -> dict[str, list[Any]]:
    import pyarrow.parquet as pq

    found: dict[str, list[Any]] = pq.read_table(path).to_pydict()
    return found
