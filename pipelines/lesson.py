"""What a student learns from, made ready once: features, folds, and where boosting starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.calibrate import prior
from pipelines.labelled import LabelledRows
from pipelines.learn_features import Lesson, learn_features
from pipelines.split import apart, folds
from pipelines.trees import Bag, Sample, grow
from serve_app.core.calibration import Scaling
from serve_app.core.features import Featuriser
from serve_app.core.student_file import ClassSetup, ValueSetup
from serve_app.core.tfidf import Floats32
from serve_app.core.use_case import Regression, UseCase

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prepared:
    """``setup`` is complete but for calibration or widening. ``sample.target`` is what trees see:
    class numbers, or values as ``ValueSetup.to_learn`` has them."""

    labelled: LabelledRows
    featuriser: Featuriser
    setup: ClassSetup | ValueSetup
    sample: Sample
    fold: npt.NDArray[np.intp]
    objectives: Mapping[str, Mapping[str, Any]]

    def grow(self, use_case: UseCase, model: str, bag: int, threads: int = 1) -> Bag:
        """One of the student's models without fold ``bag``."""
        student = use_case.student
        return grow(
            self.sample.take(apart(self.labelled, self.fold, bag)),
            self.sample.take(self.fold == bag),
            {"seed": student.seed, **self.objectives[model], **student.params, **_fixed(self.objectives[model])},
            rounds=student.rounds,
            patience=student.early_stopping_rounds,
            categorical=self.featuriser.categorical(),
            threads=threads,
        )


def _fixed(objective: Mapping[str, Any]) -> dict[str, Any]:
    """What the use case's own parameters may not change."""
    return {name: value for name, value in objective.items() if name != "reg_lambda"}


def prepare(use_case: UseCase, labelled: LabelledRows) -> Prepared:
    if isinstance(use_case.target, Regression):
        return _prepare_values(use_case, use_case.target, labelled)
    return _prepare_classes(use_case, labelled)


def _prepare_classes(use_case: UseCase, labelled: LabelledRows) -> Prepared:
    present = set(labelled.target)
    labels = tuple(label for label in use_case.target.classes if label in present)  # type: ignore[union-attr]
    number = {label: place for place, label in enumerate(labels)}
    truth = np.array([number[label] for label in labelled.target], dtype=np.intp)
    width = 1 if len(labels) == 2 else len(labels)
    featuriser, matrix = _features(use_case, labelled, truth, width)
    start = featuriser.scores(matrix)
    scaling = None if start is None else prior(start, truth)
    setup = ClassSetup(
        labels=labels, bags=use_case.student.bags, prior=scaling, calibration=Scaling(kind="scaling")
    )  # fmt: skip
    sample = Sample(matrix, truth, None if scaling is None else setup.start(featuriser, matrix))
    objective: dict[str, Any] = {"objective": "binary", "reg_lambda": 1.0}  # one score cannot diverge as softmax can
    if width > 1:
        objective = {"objective": "multiclass", "num_class": width}
    return Prepared(labelled, featuriser, setup, sample, _fold(use_case, labelled), {"classes": objective})


def _prepare_values(use_case: UseCase, target: Regression, labelled: LabelledRows) -> Prepared:
    tail = (1 - target.interval) / 2
    bases = labelled.rows[target.relative_to].astype(np.float64) if target.relative_to else np.ones(len(labelled))
    known = bases[np.isfinite(bases) & (bases > 0)]
    setup = ValueSetup(
        bags=use_case.student.bags,
        quantiles=(tail, 0.5, 1 - tail),
        scale=target.scale,
        relative_to=target.relative_to,
        usual_base=float(np.median(known)) if len(known) else 1.0,
    )
    learned = setup.to_learn(labelled.target.astype(np.float64), setup.base(bases))
    featuriser, matrix = _features(use_case, labelled, _standardised(learned), 1)
    objectives = {
        model: {"objective": "quantile", "alpha": level}
        for model, level in zip(("low", "median", "high"), setup.quantiles, strict=True)
    }
    sample = Sample(matrix, learned, None)
    return Prepared(labelled, featuriser, setup, sample, _fold(use_case, labelled), objectives)


def _features(
    use_case: UseCase, labelled: LabelledRows, truth: npt.NDArray[Any], scores: int
) -> tuple[Featuriser, Floats32]:
    """The featuriser and the training matrix, in which every row's scores are out of fold."""
    fold = folds(labelled, list(use_case.features()), use_case.student.text.folds)
    lesson = Lesson(truth, scores, fold, use_case.student.seed)
    featuriser, held_out = learn_features(use_case, labelled.rows, lesson)
    return featuriser, featuriser.matrix(labelled.rows, held_out)


def _fold(use_case: UseCase, labelled: LabelledRows) -> npt.NDArray[np.intp]:
    return folds(labelled, list(use_case.features()), use_case.student.bags)


def _standardised(values: Floats) -> Floats:
    return (values - values.mean()) / (values.std() or 1.0)
