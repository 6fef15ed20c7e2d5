"""A batch of a table, scored as the API would answer it: the same reading, student, cascade and decision.

A row that does not fit the use case's schema, or that the feature table does not know, is no answer but a
problem with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from serve_app.core import cascade
from serve_app.core.answers import Act, Question, StudentAnswers, TeacherFailure, TeacherReply, Verdict
from serve_app.core.decision import decide_all, looked_at
from serve_app.core.envelope import version_of
from serve_app.core.errors import InvalidInput, UnderstudyError, UnknownKey
from serve_app.core.frames import read
from serve_app.core.ports import Student
from serve_app.core.prompt import question
from serve_app.core.redact_frames import redacted_frame
from serve_app.core.rows import Rows
from serve_app.core.standing import InForce
from serve_app.core.use_case import Classification, UseCase

PROBLEM, ROW = "__problem", "__row"
"""Of a row that cannot be scored: the reason, and the row as JSON. None for the others."""

Ask = Callable[[list[Question]], Sequence[TeacherReply]]


Holds = Callable[[StudentAnswers], InForce | None]


def _nothing(answers: StudentAnswers) -> InForce | None:
    return None


class Tables(Protocol):
    def join(self, use_case: str, rows: Rows) -> Rows: ...


class RowScorer:
    """``tables``: None for a use case without a feature table. ``ask``: the teacher for the rows that are
    deferred, with the rendered ``prompt``; None leaves them to the student, marked ``batch``. ``holds``: what
    a certified cascade goes by."""

    def __init__(
        self,
        use_case: UseCase,
        student: Student,
        tables: Tables | None,
        ask: Ask | None = None,
        prompt: str = "",
        holds: Holds = _nothing,
    ) -> None:
        self._use_case, self._student, self._tables, self._holds = use_case, student, tables, holds
        self._ask, self._prompt = ask, prompt
        self._schema, self._identity = schema(use_case), identity(use_case)

    def __call__(self, batch: pa.Table) -> pa.Table:
        known = [name for name in self._use_case.fields if name in batch.column_names]
        frame = redacted_frame(self._use_case, batch.select(known).to_pandas())
        rows, problems = read(self._use_case.fields, frame)
        why = _first(problems)
        good = np.setdiff1d(np.arange(len(frame)), np.fromiter(why, dtype=np.intp, count=len(why)))
        joined, unknown = self._joined(rows.take(good))
        why |= {int(good[row]): reason for row, reason in unknown.items()}
        told = [{PROBLEM: why[row], ROW: _json(frame, row)} for row in sorted(why)]
        wrong = pa.Table.from_pylist(told, schema=self._schema)
        return pa.concat_tables([self._answered(joined), wrong]) if len(joined) else wrong

    def _joined(self, rows: Rows) -> tuple[Rows, dict[int, str]]:
        """The rows that the feature table knows, and by row why it does not know the others."""
        if self._tables is None or not len(rows):
            return rows, {}
        unknown = self._unknown(rows, np.arange(len(rows)))
        known = np.setdiff1d(np.arange(len(rows)), np.fromiter(unknown, dtype=np.intp, count=len(unknown)))
        rows = rows.take(known)
        return (self._tables.join(self._use_case.name, rows) if len(rows) else rows), unknown

    def _unknown(self, rows: Rows, index: np.ndarray[Any, Any]) -> dict[int, str]:
        """By halves, since a join names a few rows only, and most batches have none."""
        assert self._tables is not None
        try:
            self._tables.join(self._use_case.name, rows.take(index))
            return {}
        except (UnknownKey, InvalidInput) as error:
            if len(index) == 1:
                return {int(index[0]): _told(error)}
        half = len(index) // 2
        return {**self._unknown(rows, index[:half]), **self._unknown(rows, index[half:])}

    def _answered(self, rows: Rows) -> pa.Table:
        use_case = self._use_case
        answers = self._student.answer(rows.select(list(use_case.features())))
        deferred = np.flatnonzero(cascade.should_defer(use_case.cascade, answers, self._holds(answers)))
        positive = use_case.target.positive if isinstance(use_case.target, Classification) else None
        replies = dict(zip(deferred.tolist(), self._replies(rows, deferred), strict=True))
        verdicts = cascade.settle(use_case.cascade, answers, replies, use_case.teacher.reliability, positive)
        acts = decide_all(use_case.decision, verdicts, looked_at(use_case.decision, rows))
        who = {name: pa.array(rows[name], from_pandas=True) for name in self._identity}
        cells = {**who, **_said(answers, verdicts), **_done(acts), PROBLEM: None, ROW: None}
        columns = [_column(cells[field.name], field.type, len(rows)) for field in self._schema]
        return pa.Table.from_arrays(columns, schema=self._schema)

    def _replies(self, rows: Rows, deferred: np.ndarray[Any, Any]) -> Sequence[TeacherReply]:
        if self._ask is None:
            return [TeacherFailure("batch")] * len(deferred)
        return self._ask([question(self._use_case, self._prompt, each) for each in rows.take(deferred).records()])


def _said(answers: StudentAnswers, verdicts: Sequence[Verdict]) -> dict[str, list[Any]]:
    """By column, a cell a row: a table of columns is made in half the time of one of rows."""
    bounds = [verdict.interval or (None, None) for verdict in verdicts]
    plain = ("label", "confidence", "score", "value", "source", "degraded", "reason")
    return {
        **{name: [getattr(verdict, name) for verdict in verdicts] for name in plain},
        "low": [low for low, _ in bounds],
        "high": [high for _, high in bounds],
        "model_version": [version_of(answers)] * len(verdicts),
    }


def _done(acts: Sequence[Act]) -> dict[str, list[Any]]:
    return {
        "action": [act.action for act in acts],
        "target": [act.target for act in acts],
        "details": [None if act.details is None else json.dumps(act.details) for act in acts],
    }


def _column(cells: Any, kind: pa.DataType, rows: int) -> pa.Array:
    if cells is None:
        return pa.nulls(rows, kind)
    return cells.cast(kind) if isinstance(cells, pa.Array) else pa.array(cells, kind)


def identity(use_case: UseCase) -> list[str]:
    """The fields by which a scored row is known again."""
    key = use_case.scoring.key
    return [n for n, f in use_case.fields.items() if f.kind == "id" or f.purpose == "key" or n == key]


def schema(use_case: UseCase) -> pa.Schema:
    """What a scored table looks like: whoever the row is, what was said of it, and what is to be done."""
    kinds = {name: use_case.fields[name].kind for name in identity(use_case)}
    who = [(name, pa.float64() if kind == "numeric" else pa.string()) for name, kind in kinds.items()]
    if isinstance(use_case.target, Classification):
        said = [("label", pa.string()), ("confidence", pa.float64()), ("score", pa.float64())]
    else:
        said = [("value", pa.float64()), ("low", pa.float64()), ("high", pa.float64())]
    texts = ("source", "action", "target", "details", "model_version")
    done = [(name, pa.string()) for name in texts]
    last = [("degraded", pa.bool_()), ("reason", pa.string()), (PROBLEM, pa.string()), (ROW, pa.string())]
    return pa.schema([*who, *said, *done, *last])


def _first(problems: Mapping[str, Mapping[int, tuple[Any, str]]]) -> dict[int, str]:
    why: dict[int, str] = {}
    for name, each in problems.items():
        for row, (cell, expected) in each.items():
            why.setdefault(row, f"{name}: missing" if cell is None else f"{name}: expected {expected}")
    return why


def _told(error: UnderstudyError) -> str:
    if isinstance(error, InvalidInput) and error.fields:
        return f"{error.fields[0].field}: expected {error.fields[0].expected}"
    return str(error)


def _json(frame: Any, row: int) -> str:
    return json.dumps({str(name): _plain(cell) for name, cell in frame.iloc[row].items()}, default=str)


def _plain(cell: Any) -> Any:
    return None if isinstance(cell, float) and np.isnan(cell) else cell
