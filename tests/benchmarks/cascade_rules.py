"""The project's own rules, as the benchmark of the cascade asks them: no copies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.families import family
from pipelines.fit import Fitted, fit
from pipelines.labelled import labelled_rows
from serve_app.core.answers import ClassAnswers, StudentAnswers, TeacherAnswer, TeacherReply
from serve_app.core.arbitrate import learn_arbiter
from serve_app.core.arbitration import Arbiter
from serve_app.core.cascade import Cascade, CertifiedCascade, FixedCascade, settle, should_defer
from serve_app.core.certificate import Certificate
from serve_app.core.certify import certify
from serve_app.core.evidence import Evidence
from serve_app.core.rows import Rows, text_column
from serve_app.core.standing import InForce
from serve_app.core.use_case import UseCase

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
RULES = ("teacher_wins", "higher_confidence", "student", "learned")
NOW = datetime(2026, 1, 1, tzinfo=UTC)

Labels = npt.NDArray[np.object_]
Bools = npt.NDArray[np.bool_]
Record = dict[str, Any]


def use_case_of(name: str, classes: Sequence[str], seed: int) -> UseCase:
    return UseCase.model_validate(
        {
            "name": name,
            "title": name,
            "fields": {"text": {"kind": "text", "max_length": 50_000}},
            "target": {"kind": "classification", "column": "label", "classes": tuple(classes)},
            "student": {"kind": "lightgbm", "seed": seed},
            "cascade": {"kind": "fixed"},
            "decision": {"kind": "label"},
        }
    )


def student_of(use_case: UseCase, lessons: pd.DataFrame, gold: pd.DataFrame) -> Any:
    frame = pd.concat([lessons, gold], ignore_index=True)[["text", "label"]]
    made = fit(use_case, labelled_rows(use_case, frame), np.arange(len(lessons), len(frame)), threads=1)
    assert isinstance(made, Fitted), made
    return family("lightgbm").student.read(made.files, use_case.target, "1", 1)


def answers_of(student: Any, texts: pd.Series) -> ClassAnswers:
    found = student.answer(Rows({"text": text_column(texts.reset_index(drop=True))}))
    assert isinstance(found, ClassAnswers)
    return found


def said_by(answers: ClassAnswers) -> Labels:
    return np.array(answers.classes, dtype=object)[answers.best()]


def evidence_of(answers: ClassAnswers, reference: Labels) -> Evidence:
    return Evidence(answers.best(), answers.probabilities.max(axis=1), said_by(answers) == reference)


def certificate_of(
    policy: CertifiedCascade, answers: ClassAnswers, reference: Labels, others: ClassAnswers, number: int
) -> Certificate:
    sure, best = others.probabilities.max(axis=1), others.best()
    by_class = {name: sure[best == place] for place, name in enumerate(others.classes)}
    return certify(evidence_of(answers, reference), by_class, answers.classes, policy, number)


def settled(
    policy: Cascade,
    answers: StudentAnswers,
    teacher: Labels,
    reliability: float,
    force: InForce | None = None,
    audited: Bools | None = None,
) -> tuple[Labels, Bools]:
    """What the cascade says of each row, and which the teacher was asked about."""
    deferred = should_defer(policy, answers, force)
    deferred = deferred if audited is None else deferred | audited
    replies: dict[int, TeacherReply] = {
        int(row): TeacherAnswer("recorded", "recorded", label=str(teacher[row])) for row in np.flatnonzero(deferred)
    }
    verdicts = settle(policy, answers, replies, reliability)
    return np.array([each.label for each in verdicts], dtype=object), deferred


def fixed(threshold: float, arbitration: str = "teacher_wins") -> FixedCascade:
    return FixedCascade(kind="fixed", threshold=threshold, arbitration=arbitration)  # type: ignore[arg-type]


def arbiter_of(answers: ClassAnswers, teacher: Labels, gold: Labels, rows: Bools) -> Arbiter:
    return learn_arbiter(said_by(answers)[rows].tolist(), teacher[rows].tolist(), gold[rows].tolist())
