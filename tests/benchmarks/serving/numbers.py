"""The model that everybody serves: 200 trees on 30 numbers, two classes, from a fixed seed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from serve_app.adapters.lightgbm_student import LightGBMStudent
from serve_app.core.bundle import DataSummary, Golden, seal
from serve_app.core.calibration import Scaling
from serve_app.core.features import Featuriser, NumericSetup
from serve_app.core.rows import Rows
from serve_app.core.student_file import ClassSetup
from serve_app.core.use_case import UseCase
from tests.benchmarks.serving.asking import Answer, by_probability

COLUMNS, TREES, LEARNED, SEED = 30, 200, 20_000, 7
NAMES = tuple(f"x{column:02d}" for column in range(COLUMNS))
STEPS = 64
"""To one: every number is as exact in float32 as in float64, so that both fall on the same side of a threshold."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Numbers:
    """``text``: the trees as LightGBM writes them; ``asked``: (n, 30); ``expected``: one answer a row."""

    text: str
    asked: Floats
    expected: list[Answer]

    def records(self, rows: slice) -> list[dict[str, float]]:
        return [dict(zip(NAMES, row, strict=True)) for row in self.asked[rows].tolist()]


def numbers(count: int) -> Numbers:
    """``count``: of rows to ask."""
    rng = np.random.default_rng(SEED)
    table, truth = _drawn(rng, LEARNED)
    settings = {"objective": "binary", "num_leaves": 31, "learning_rate": 0.05, "seed": SEED, "verbosity": -1,
                "deterministic": True, "force_col_wise": True, "num_threads": 2}  # fmt: skip
    grown = lgb.train(settings, lgb.Dataset(table, truth, feature_name=list(NAMES)), TREES)
    text = grown.model_to_string()
    asked, _ = _drawn(rng, count)
    found = np.asarray(lgb.Booster(model_str=text).predict(asked))
    return Numbers(text, asked, by_probability(found.tolist()))


def _drawn(rng: np.random.Generator, count: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    table = (rng.normal(size=(count, COLUMNS)) * STEPS).round() / STEPS
    score = table[:, :6].sum(axis=1) + table[:, 6] * table[:, 7] - np.abs(table[:, 8]) + rng.normal(size=count)
    return table, (score > 0).astype(np.int64)


def use_case(name: str, threshold: float, provider: Mapping[str, Any]) -> dict[str, Any]:
    """``threshold``: 0.0 keeps every row with the student; ``provider``: of the teacher."""
    return {
        "name": name,
        "title": "Thirty numbers",
        "fields": {column: {"kind": "numeric"} for column in NAMES},
        "target": {"kind": "classification", "column": "answer", "classes": ["no", "yes"], "positive": "yes"},
        "student": {"kind": "lightgbm"},
        "teacher": {"prompt": "prompt.md", "providers": [dict(provider)]},
        "cascade": {"kind": "fixed", "threshold": threshold},
        "decision": {"kind": "label"},
        "retraining": {"enabled": False, "drift": {"retrain": False}},
    }


def sealed(made: Numbers, case: UseCase) -> dict[str, bytes]:
    """The trees as a student's bundle: one bag, and no calibration beyond the logistic function."""
    setup = ClassSetup(labels=("no", "yes"), bags=1, prior=None, calibration=Scaling(kind="scaling"))
    files = {
        **Featuriser(tuple(NumericSetup(name=name) for name in NAMES), {}).files(),
        LightGBMStudent.file_of("classes", 0): made.text.encode(),
        "student.json": json.dumps(setup.model_dump(mode="json")).encode(),
    }
    student = LightGBMStudent.read(files, case.target, "benchmark")
    some = Rows({name: made.asked[:16, column] for column, name in enumerate(NAMES)})
    return seal(
        files,
        family="lightgbm",
        use_case=case,
        metrics={},
        calibration={"method": "none"},
        data=DataSummary(rows=LEARNED, digest=f"seed {SEED}"),
        libraries={"lightgbm": version("lightgbm")},
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        golden=Golden.of(some, student.answer(some)),
    )
