"""Audited rows: those that chance alone sent to the teacher, whatever the student said of them.

They are what certificates rest on, and nobody learns from them: not from their answers, nor from any other
row with the same features, which a student could know by heart. An audited prediction counts each time it
was asked, as the requests of the morrow will; without an answer of the teacher or of a person it says
nothing. A person's label counts here only where it was given for the audited prediction itself: rows that
people picked for themselves are no sample of what is asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from pipelines.data_root import DataRoot
from pipelines.sources.log import Statement
from pipelines.split import lines
from serve_app.core.manifest import schema_version
from serve_app.core.provenance import Said, settle
from serve_app.core.rows import Column, Rows, numeric_column, text_column
from serve_app.core.use_case import Classification, NumericField, UseCase

ANSWER, PERSON, RATE, PREDICTION = "__answer", "__person", "__audit_rate", "__prediction"
"""Columns of the files: the teacher's answer, what people said, the rate, the prediction's id."""

Label = str | float | None


@dataclass(frozen=True, slots=True)
class Audit:
    """``teacher`` and ``person``: (n,) their answers, None (of numbers NaN) where there is none; ``rate``: (n,)
    the share of all rows that was audited then; ``day``: ISO; in the order of the predictions' ids."""

    rows: Rows
    teacher: Column
    person: Column
    rate: npt.NDArray[np.float64]
    day: Column
    prediction: Column

    def __len__(self) -> int:
        return len(self.rate)

    def columns(self) -> dict[str, Column]:
        own = {ANSWER: self.teacher, PERSON: self.person, RATE: self.rate, PREDICTION: self.prediction}
        return {**self.rows.columns, **own}

    def written(self, features: Sequence[str]) -> list[str]:
        """Each row as a line that the digest of a dataset is made of."""
        said = zip(self.teacher.tolist(), self.person.tolist(), self.rate.tolist(), strict=True)
        return [f"{each!r} {line}" for each, line in zip(said, lines(self.rows, features), strict=True)]

    def counted(self) -> dict[str, int]:
        teacher, person = int(known(self.teacher).sum()), int(known(self.person).sum())
        return {"rows": len(self), "teacher": teacher, "person": person}


def known(column: Column) -> npt.NDArray[np.bool_]:
    """(n,) where something was said."""
    if column.dtype == np.float64:
        return np.isfinite(column)
    return np.array([value is not None for value in column], dtype=bool)


def audited(use_case: UseCase, root: DataRoot, job_id: str) -> Audit:
    """Of the log as ``collect`` of the same job has kept it."""
    features, schema = use_case.features(), schema_version(use_case)
    by_prediction: dict[str, list[Statement]] = {}
    for each in _statements(root, use_case.name, job_id):
        if each["schema_version"] == schema:
            by_prediction.setdefault(each["prediction"], []).append(each)
    asked = [by_prediction[name] for name in sorted(by_prediction)]
    records = [json.loads(said[0]["features"]) for said in asked]
    numeric = [name for name, kind in features.items() if isinstance(kind, NumericField)]
    rows = Rows.from_records(records, numeric, [name for name in features if name not in numeric])
    return Audit(
        rows.select(list(features)),
        _column(use_case, [_of_teacher(use_case, said) for said in asked]),
        _column(use_case, [_of_people(use_case, said) for said in asked]),
        numeric_column([said[0]["audit_rate"] for said in asked]),
        text_column([said[0]["at"][:10] for said in asked]),
        text_column([said[0]["prediction"] for said in asked]),
    )


def audit_of(columns: Mapping[str, Any], features: Sequence[str], day: Column) -> Audit:
    """What ``columns`` and a day were written as, read again."""
    rows = Rows({name: columns[name] for name in features})
    teacher, person, rate, prediction = (columns[name] for name in (ANSWER, PERSON, RATE, PREDICTION))
    return Audit(rows, teacher, person, rate, day, prediction)


def no_audit(features: Mapping[str, str], numbers: bool) -> Audit:
    """``features``: name -> ``numeric`` or ``text``."""
    texts, floats = np.empty(0, dtype=object), np.empty(0, dtype=np.float64)
    rows = Rows({name: floats if kind == "numeric" else texts for name, kind in features.items()})
    said = floats if numbers else texts
    return Audit(rows, said, said, floats, texts, texts)


def _statements(root: DataRoot, use_case: str, job_id: str) -> Iterable[Statement]:
    """Only those that matter are made objects: of a hundred rows two or so."""
    for parts in root.files(use_case, "lessons", job_id):
        table = root.read_table(*parts)
        if "audit_rate" in table.column_names:
            yield from table.filter(pc.is_valid(table["audit_rate"])).to_pylist()


def _of_teacher(use_case: UseCase, said: Sequence[Statement]) -> Label:
    told = [_label(use_case, each) for each in said if each["origin"] == "teacher"]
    return told[0] if told else None


def _of_people(use_case: UseCase, said: Sequence[Statement]) -> Label:
    """None where they do not agree."""
    people = [each for each in said if each["origin"] == "person"]
    heard = [_said(each, label) for each in people if (label := _label(use_case, each)) is not None]
    return settle(heard).label if heard else None


def _said(each: Statement, label: str | float) -> Said:
    return Said("person", each["by"], datetime.fromisoformat(each["said_at"]), each["id"], label)


def _label(use_case: UseCase, each: Statement) -> Label:
    if isinstance(use_case.target, Classification):
        return each["label"] if each["label"] in use_case.target.classes else None
    return None if each["value"] is None else float(each["value"])


def _column(use_case: UseCase, labels: Sequence[Label]) -> Column:
    if isinstance(use_case.target, Classification):
        return text_column([None if label is None else str(label) for label in labels])
    return numeric_column([None if label is None else float(label) for label in labels])
