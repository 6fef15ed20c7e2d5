"""A student of LightGBM trees, grown from where a linear model on the text leaves off.

    features.json, features.npz   how a row becomes numbers
    student.json                  how trees, prior and calibration make an answer
    trees-<model>-<bag>.txt       LightGBM's text format; the bags' raw scores are averaged

Answers depend on the row alone, bit for bit: not on its batch, not on the number of threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import lightgbm as lgb
import numpy as np
from pydantic import TypeAdapter, ValidationError

from serve_app.core.answers import ClassAnswers, Contribution, Explanation, ValueAnswers
from serve_app.core.bundle import read_manifest
from serve_app.core.errors import BadBundle
from serve_app.core.features import Featuriser
from serve_app.core.ports import Bundle
from serve_app.core.rows import Rows
from serve_app.core.student_file import ClassSetup, Floats, StudentSetup, ValueSetup, paired
from serve_app.core.text import canonical
from serve_app.core.tfidf import Floats32
from serve_app.core.use_case import Classification, Target

SMALL = 256
"""Batches up to this are predicted on one thread: starting more takes longer."""

OTHER = "(other)"
TERMS = 6
_SETUP: TypeAdapter[StudentSetup] = TypeAdapter(StudentSetup)


class LightGBMStudent:
    """``from_bundle`` for a checked bundle; ``read`` for its files alone, as training needs it."""

    def __init__(
        self,
        target: Target,
        setup: StudentSetup,
        featuriser: Featuriser,
        trees: Mapping[str, Sequence[lgb.Booster]],
        version: str,
        num_threads: int = 1,
    ) -> None:
        self._target, self._setup, self._featuriser, self._trees = target, setup, featuriser, trees
        self._version, self._num_threads = version, num_threads

    @classmethod
    def from_bundle(cls, bundle: Bundle, version: str, num_threads: int = 1) -> Self:
        """The student of a bundle that ``core.bundle.check`` has passed. Raises BadBundle."""
        return cls.read(bundle, read_manifest(bundle).target, version, num_threads)

    @classmethod
    def read(cls, files: Mapping[str, bytes], target: Target, version: str, num_threads: int = 1) -> Self:
        try:
            setup = _SETUP.validate_json(files["student.json"])
            trees = {model: _boosters(files, model, setup.bags) for model in models(setup)}
        except (KeyError, ValidationError, lgb.basic.LightGBMError) as error:
            raise BadBundle(f"the student cannot be read: {error}") from None
        return cls(target, setup, Featuriser.read(files), trees, version, num_threads)

    @property
    def version(self) -> str:
        return self._version

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes that training saw, in the order of ``scores``."""
        return self._setup.labels if isinstance(self._setup, ClassSetup) else ()

    @property
    def has_prior(self) -> bool:
        """Whether boosting started from a linear model on text."""
        return isinstance(self._setup, ClassSetup) and self._setup.prior is not None

    def answer(self, rows: Rows) -> ClassAnswers | ValueAnswers:
        matrix = self._featuriser.matrix(rows)
        if isinstance(self._setup, ClassSetup):
            return self._classes(self._setup, matrix)
        return self._values(self._setup, rows, matrix)

    def scores(self, rows: Rows) -> tuple[Floats, Floats]:
        """(n, classes) log-odds of the classes training saw: of the linear model alone, and of all."""
        assert isinstance(self._setup, ClassSetup)
        matrix = self._featuriser.matrix(rows)
        return paired(self._setup.start(self._featuriser, matrix)), paired(self._log_odds(self._setup, matrix))

    def explain(self, rows: Rows, top: int) -> list[Explanation]:
        """``pred_contrib`` of every column, summed over the columns of a field, plus what the linear
        model's scores gave. Of the positive class where there is one, else of the top class; of
        numbers in the unit the trees learn (see ``ValueSetup.to_learn``)."""
        matrix = self._featuriser.matrix(rows)
        if isinstance(self._setup, ValueSetup):
            chosen = np.zeros(len(rows), dtype=np.intp)
            return [self._explanation(rows, matrix, row, 0, None, top) for row in range(len(chosen))]
        labels = self._explained(self._classes(self._setup, matrix))
        return [
            self._explanation(rows, matrix, row, self._setup.labels.index(label), label, top)
            for row, label in enumerate(labels)
        ]

    def _classes(self, setup: ClassSetup, matrix: Floats32) -> ClassAnswers:
        assert isinstance(self._target, Classification)
        seen = setup.calibration.apply(paired(self._log_odds(setup, matrix)))
        every = np.zeros((len(matrix), len(self._target.classes)))
        every[:, [self._target.classes.index(label) for label in setup.labels]] = seen
        return ClassAnswers(self._target.classes, every, self._version)

    def _values(self, setup: ValueSetup, rows: Rows, matrix: Floats32) -> ValueAnswers:
        base = setup.base(rows[setup.relative_to].astype(np.float64)) if setup.relative_to else np.ones(len(rows))
        learned = [self._raw(model, matrix)[:, 0] for model in models(setup)]
        learned[0], learned[2] = learned[0] - setup.widen, learned[2] + setup.widen
        low, value, high = (setup.to_value(part, base) for part in learned)
        return ValueAnswers(value, np.minimum(low, value), np.maximum(high, value), self._version)

    def _log_odds(self, setup: ClassSetup, matrix: Floats32) -> Floats:
        return setup.start(self._featuriser, matrix) + self._raw("classes", matrix)

    def _raw(self, model: str, matrix: Floats32) -> Floats:
        """(n, scores): what the trees add, the mean of the bags."""
        return self._mean(model, matrix, pred_contrib=False)

    def _mean(self, model: str, matrix: Floats32, pred_contrib: bool) -> Floats:
        threads = 1 if len(matrix) <= SMALL else self._num_threads
        total: Floats | float = 0.0
        for booster in self._trees[model]:
            part = booster.predict(matrix, raw_score=True, pred_contrib=pred_contrib, num_threads=threads)
            total = total + np.asarray(part, dtype=np.float64).reshape(len(matrix), -1)
        return np.asarray(total / len(self._trees[model]))

    def _explained(self, answers: ClassAnswers) -> list[str]:
        assert isinstance(self._target, Classification)
        assert isinstance(self._setup, ClassSetup)
        if self._target.positive in self._setup.labels:
            return [str(self._target.positive)] * len(answers)
        return [answers.classes[best] for best in answers.best()]

    def _explanation(
        self, rows: Rows, matrix: Floats32, row: int, score: int, label: str | None, top: int
    ) -> Explanation:
        base, effects = self._effects(matrix[row : row + 1], score)
        ranked = sorted(effects, key=lambda name: (-abs(effects[name]), name))
        record = rows.record(row)
        shown = [
            Contribution(name, record[name], effects[name], self._terms(name, record[name], score))
            for name in ranked[:top]
        ]
        if rest := ranked[top:]:
            shown.append(Contribution(OTHER, None, float(sum(effects[name] for name in rest))))
        return Explanation(base, base + sum(effects.values()), tuple(shown), label, self._version)

    def _effects(self, matrix: Floats32, score: int) -> tuple[float, dict[str, float]]:
        """The base, and by field what it adds to one row's score. Of two classes the first has the
        second's effects, the other way round."""
        lone = isinstance(self._setup, ClassSetup) and len(self._setup.labels) == 2
        column, sign = (0, 1.0 if score else -1.0) if lone else (score, 1.0)
        model = models(self._setup)[len(models(self._setup)) // 2]
        width = matrix.shape[1] + 1
        added = self._mean(model, matrix, pred_contrib=True)[0, column * width : (column + 1) * width]
        edges = np.cumsum([0, *self._featuriser.widths()])
        names = self._featuriser.fields()
        effects = {name: float(added[edges[i] : edges[i + 1]].sum()) for i, name in enumerate(names)}
        base = float(added[-1])
        if isinstance(self._setup, ClassSetup) and self._setup.prior is not None:
            base += self._setup.prior.shift[column]
            for name, where in self._featuriser.score_columns().items():
                effects[name] += float(matrix[0, where][column]) * self._setup.prior.scale
        return sign * base, {name: sign * effect for name, effect in effects.items()}

    def _terms(self, name: str, value: object, score: int) -> tuple[str, ...]:
        field = self._featuriser.texts.get(name)
        if field is None or not field.scores or not isinstance(value, str):
            return ()
        return tuple(field.words(canonical(value), score if field.scores > 1 else 0, TERMS))


def models(setup: StudentSetup) -> tuple[str, ...]:
    """The trees of a student by name, those of the answer itself in the middle."""
    return ("classes",) if isinstance(setup, ClassSetup) else ("low", "median", "high")


def file_of(model: str, bag: int) -> str:
    return f"trees-{model}-{bag}.txt"


def _boosters(files: Mapping[str, bytes], model: str, bags: int) -> list[lgb.Booster]:
    return [lgb.Booster(model_str=files[file_of(model, bag)].decode()) for bag in range(bags)]
