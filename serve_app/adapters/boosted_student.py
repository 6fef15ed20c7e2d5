"""A student of boosted trees, grown from where a linear model on the text leaves off; which library has
grown them is a family's business.

    features.json, features.npz   how a row becomes numbers
    student.json                  how trees, prior and calibration make an answer
    trees-<model>-<bag>.*         the family's own text format; the bags' raw scores are averaged
    certificate.json              what it may answer alone; arbitration.json: who is right where the teacher differs

Answers depend on the row alone, bit for bit: not on its batch, not on the number of threads.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Protocol, Self

import numpy as np
from pydantic import ValidationError

from serve_app.core.answers import ClassAnswers, Contribution, Explanation, ValueAnswers
from serve_app.core.bundle import read_manifest
from serve_app.core.errors import BadBundle
from serve_app.core.features import Featuriser
from serve_app.core.grounds import Grounds, grounds_of
from serve_app.core.ports import Bundle
from serve_app.core.rows import Rows
from serve_app.core.student_file import ClassSetup, Floats, StudentSetup, ValueSetup, paired, read_setup
from serve_app.core.text import canonical
from serve_app.core.tfidf import Floats32
from serve_app.core.use_case import Classification, Target

SMALL = 256
"""Batches up to this are predicted on one thread: starting more takes longer."""

OTHER = "(other)"
TERMS = 6


class Forest(Protocol):
    """The bags of one model. Both give one array a bag, in order; safe to be asked by several threads."""

    predictor: str
    """Who walks the trees: the library by its name, or ``compiled``."""

    def raw(self, matrix: Floats32, threads: int) -> Iterable[Floats]:
        """(n, scores): what the trees add."""

    def contributions(self, matrix: Floats32) -> Iterable[Floats]:
        """(n, scores, columns + 1): what each column adds, the base last; they sum to ``raw``."""


class BoostedStudent(ABC):
    """``from_bundle`` for a checked bundle; ``read`` for its files alone, as training needs it."""

    SUFFIX: ClassVar[str]
    """Of the files that trees are kept in."""

    def __init__(
        self,
        target: Target,
        setup: StudentSetup,
        featuriser: Featuriser,
        trees: Mapping[str, Forest],
        version: str,
        num_threads: int = 1,
    ) -> None:
        self._target, self._setup, self._featuriser, self._trees = target, setup, featuriser, trees
        self._version, self._num_threads = version, num_threads
        self._grounds: Grounds | None = None

    @classmethod
    def from_bundle(cls, bundle: Bundle, version: str, num_threads: int = 1) -> Self:
        """The student of a bundle that ``core.bundle.check`` has passed. Raises BadBundle."""
        student = cls.read(bundle, read_manifest(bundle).target, version, num_threads)
        student._grounds = grounds_of(bundle)
        return student

    @classmethod
    def read(cls, files: Mapping[str, bytes], target: Target, version: str, num_threads: int = 1) -> Self:
        try:
            setup = read_setup(files)
            texts = cls.texts(files, setup)
            trees = {model: cls._forest(each, setup, num_threads) for model, each in texts.items()}
        except (KeyError, ValidationError) as error:
            raise BadBundle(f"the student cannot be read: {error}") from None
        return cls(target, setup, Featuriser.read(files), trees, version, num_threads)

    @classmethod
    def texts(cls, files: Mapping[str, bytes], setup: StudentSetup) -> dict[str, list[bytes]]:
        """By model, one a bag. Raises KeyError."""
        return {model: [files[cls.file_of(model, bag)] for bag in range(setup.bags)] for model in models(setup)}

    @classmethod
    def file_of(cls, model: str, bag: int) -> str:
        return f"trees-{model}-{bag}{cls.SUFFIX}"

    @classmethod
    @abstractmethod
    def _forest(cls, texts: Sequence[bytes], setup: StudentSetup, num_threads: int) -> Forest:
        """One text a bag. Raises BadBundle for one that the library refuses."""

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

    @property
    def predictor(self) -> str:
        """Who walks the trees now."""
        return next(iter(self._trees.values())).predictor

    @property
    def trees(self) -> Mapping[str, Forest]:
        return self._trees

    def take_trees(self, trees: Mapping[str, Forest]) -> None:
        """The same trees in other hands, from the next call on: one that is under way keeps those it began with."""
        self._trees = trees

    def with_trees(self, trees: Mapping[str, Forest]) -> Self:
        """This student, which stays as it is, with the same trees in other hands."""
        other = copy.copy(self)
        other._trees = trees
        return other

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
        """What the trees add for every column, summed over the columns of a field, plus what the linear
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
        answers = class_answers(self._target, setup, paired(self._log_odds(setup, matrix)), self._version)
        return answers if self._grounds is None else replace(answers, grounds=self._grounds)

    def _values(self, setup: ValueSetup, rows: Rows, matrix: Floats32) -> ValueAnswers:
        trees = self._trees
        learned = [self._raw(trees[model], matrix)[:, 0] for model in models(setup)]
        return value_answers(setup, rows, learned, self._version)

    def _log_odds(self, setup: ClassSetup, matrix: Floats32) -> Floats:
        return setup.start(self._featuriser, matrix) + self._raw(self._trees["classes"], matrix)

    def _raw(self, forest: Forest, matrix: Floats32) -> Floats:
        """(n, scores): what the trees add, the mean of the bags."""
        threads = 1 if len(matrix) <= SMALL else self._num_threads
        return _mean(forest.raw(matrix, threads))

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
        added = _mean(self._trees[model].contributions(matrix))[0, column]
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


def class_answers(target: Classification, setup: ClassSetup, scores: Floats, version: str) -> ClassAnswers:
    """``scores``: (n, classes that training saw) log-odds; the others are never answered."""
    own = setup.calibration.apply(scores)
    if setup.labels == target.classes:
        return ClassAnswers(target.classes, own, version)
    every = np.zeros((len(scores), len(target.classes)))
    every[:, [target.classes.index(label) for label in setup.labels]] = own
    return ClassAnswers(target.classes, every, version)


def value_answers(setup: ValueSetup, rows: Rows, learned: Sequence[Floats], version: str) -> ValueAnswers:
    """``learned``: what the three models give, (n,) each."""
    base = setup.base(rows[setup.relative_to].astype(np.float64)) if setup.relative_to else np.ones(len(rows))
    widened = (learned[0] - setup.widen, learned[1], learned[2] + setup.widen)
    low, value, high = (setup.to_value(part, base) for part in widened)
    return ValueAnswers(value, np.minimum(low, value), np.maximum(high, value), version)


def models(setup: StudentSetup) -> tuple[str, ...]:
    """The trees of a student by name, those of the answer itself in the middle."""
    return ("classes",) if isinstance(setup, ClassSetup) else ("low", "median", "high")


def _mean(parts: Iterable[Floats]) -> Floats:
    every = list(parts)
    total: Floats | float = 0.0
    for part in every:
        total = total + part
    return np.asarray(total / len(every))
