"""What a student learns from, made ready once: features, folds, and where boosting starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.calibrate import prior
from pipelines.families import Family
from pipelines.labelled import LabelledRows
from pipelines.learn_features import Lesson, learn_features
from pipelines.sampled import Sampled, clear_of, found_in
from pipelines.split import apart, folds
from pipelines.trees import Bag, Growing, Objective, Sample
from serve_app.core.calibration import Scaling
from serve_app.core.features import Featuriser
from serve_app.core.student_file import ClassSetup, ValueSetup
from serve_app.core.tfidf import Floats32
from serve_app.core.use_case import Regression, Student, UseCase

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prepared:
    """``setup`` is complete but for calibration or widening. ``sample.target`` is what trees see:
    class numbers, or values as ``ValueSetup.to_learn`` has them. ``objectives``: by model."""

    labelled: LabelledRows
    featuriser: Featuriser
    setup: ClassSetup | ValueSetup
    sample: Sample
    fold: npt.NDArray[np.intp]
    objectives: Mapping[str, Objective]

    def held_out(self, bag: int) -> Sample:
        return self.sample.take(self.fold == bag)

    def seen(self, bag: int) -> Sample:
        """What bag ``bag`` learns from where every row fits into memory."""
        return self.sample.take(apart(self.labelled, self.fold, bag))

    def seen_of_own(self, common: Sampled, own: Sampled, bag: int) -> Sample:
        """What it learns from where not: rows of its own. One that is also among the ``common`` rows
        has its out-of-fold scores, which new rows need not: no model has seen them."""
        chosen = np.flatnonzero(clear_of(own, common.take(np.flatnonzero(self.fold == bag))) & self._known(own))
        own = own.take(chosen)
        matrix, at = self.featuriser.matrix(own.labelled.rows), found_in(own, common)
        matrix[at >= 0] = self.sample.matrix[at[at >= 0]]
        return Sample(matrix, _learned(self.setup, own.labelled), _start(self.setup, self.featuriser, matrix))

    def growing(self, student: Student, model: str, threads: int = 1) -> Growing:
        return Growing(
            self.objectives[model], student.params, student.rounds, student.early_stopping_rounds,
            self.featuriser.categorical(), student.seed, threads,
        )  # fmt: skip

    def _known(self, own: Sampled) -> npt.NDArray[np.bool_]:
        """Rows of a class that the common sample has; of one that is as rare as that nothing is learned."""
        if isinstance(self.setup, ValueSetup):
            return np.ones(len(own), dtype=bool)
        return np.isin(own.labelled.target.astype(str), self.setup.labels)


def grow(made: Family, student: Student, prepared: Prepared, model: str, bag: int, seen: Sample) -> Bag:
    """One of the student's models."""
    return made.grow(seen, prepared.held_out(bag), prepared.growing(student, model))


def what_matters(student: Student) -> str:
    """Students that agree in this are prepared alike."""
    return student.model_dump_json(include={"bags", "text", "seed"})


def prepare(use_case: UseCase, labelled: LabelledRows) -> Prepared:
    if isinstance(use_case.target, Regression):
        return _prepare_values(use_case, use_case.target, labelled)
    return _prepare_classes(use_case, labelled)


def _prepare_classes(use_case: UseCase, labelled: LabelledRows) -> Prepared:
    present = set(labelled.target)
    labels = tuple(label for label in use_case.target.classes if label in present)  # type: ignore[union-attr]
    truth = _numbered(labels, labelled)
    width = 1 if len(labels) == 2 else len(labels)
    featuriser, matrix = _features(use_case, labelled, truth, width)
    start = featuriser.scores(matrix)
    scaling = None if start is None else prior(start, truth)
    setup = ClassSetup(
        labels=labels, bags=use_case.student.bags, prior=scaling, calibration=Scaling(kind="scaling")
    )  # fmt: skip
    sample = Sample(matrix, truth, _start(setup, featuriser, matrix))
    objective = Objective("binary") if width == 1 else Objective("multiclass", width)
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
    learned = _learned(setup, labelled)
    featuriser, matrix = _features(use_case, labelled, _standardised(learned), 1)
    objectives = {
        model: Objective("quantile", level=level)
        for model, level in zip(("low", "median", "high"), setup.quantiles, strict=True)
    }
    sample = Sample(matrix, learned, None)
    return Prepared(labelled, featuriser, setup, sample, _fold(use_case, labelled), objectives)


def _learned(setup: ClassSetup | ValueSetup, labelled: LabelledRows) -> npt.NDArray[Any]:
    """(n,) the target as trees see it."""
    if isinstance(setup, ClassSetup):
        return _numbered(setup.labels, labelled)
    base = labelled.rows[setup.relative_to].astype(np.float64) if setup.relative_to else np.ones(len(labelled))
    return setup.to_learn(labelled.target.astype(np.float64), setup.base(base))


def _numbered(labels: Sequence[str], labelled: LabelledRows) -> npt.NDArray[np.intp]:
    number = {label: place for place, label in enumerate(labels)}
    return np.array([number[label] for label in labelled.target], dtype=np.intp)


def _start(setup: ClassSetup | ValueSetup, featuriser: Featuriser, matrix: Floats32) -> Floats | None:
    begins = isinstance(setup, ClassSetup) and setup.prior is not None
    return setup.start(featuriser, matrix) if begins else None


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
