"""Learns a ``Featuriser`` from training rows, and gives their own scores out of fold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.linear import components, fit_linear
from serve_app.core.features import CategoricalSetup, DateSetup, Featuriser, NumericSetup, Setup, TextSetup
from serve_app.core.rows import Column, Rows
from serve_app.core.text_features import TextField, canonical_column
from serve_app.core.tfidf import Floats32, Tfidf, learn
from serve_app.core.use_case import TextFeatures, UseCase

MAX_LEVELS = 1_000
"""Values of a categorical field that the student tells apart, the most frequent first."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """``truth``: class numbers, or a standardised target (float); ``scores``: columns the linear model
    has; ``folds``: (n,) which fold each row is held out in."""

    truth: npt.NDArray[Any]
    scores: int
    folds: npt.NDArray[np.intp]
    seed: int


def learn_features(use_case: UseCase, rows: Rows, lesson: Lesson) -> tuple[Featuriser, dict[str, Floats32]]:
    """The featuriser, and by text field the out-of-fold scores of ``rows``."""
    fields = use_case.features()
    texts = {name: canonical_column(rows[name]) for name, field in fields.items() if field.kind == "text"}
    learned, held_out = _learn_texts(use_case.student.text, texts, lesson)
    setups = tuple(_setup(name, field.kind, rows[name], learned) for name, field in fields.items())
    return Featuriser(setups, learned), held_out


def _learn_texts(
    options: TextFeatures, texts: Mapping[str, list[str]], lesson: Lesson
) -> tuple[dict[str, TextField], dict[str, Floats32]]:
    if not texts:
        return {}, {}
    tfidfs = {name: _learn_terms(options, column) for name, column in texts.items()}
    matrices = {name: tfidfs[name].matrix(column) for name, column in texts.items()}
    linears = fit_linear(
        list(matrices.values()),
        lesson.truth, lesson.scores, lesson.folds, options.linear_c, lesson.seed,
    )  # fmt: skip
    fields, held_out = {}, {}
    for (name, matrix), linear in zip(matrices.items(), linears, strict=True):
        reduced = components(matrix, options.components, lesson.seed)
        fields[name] = TextField(tfidfs[name], np.concatenate((linear.weights, reduced), axis=1), lesson.scores)
        held_out[name] = linear.held_out
    return fields, held_out


def _learn_terms(options: TextFeatures, texts: list[str]) -> Tfidf:
    short = sum(map(len, texts)) <= options.chars_up_to * max(len(texts), 1)
    return learn(texts, options.word_ngrams, options.char_ngrams if short else None, options.max_terms)


def _setup(name: str, kind: str, column: Column, texts: Mapping[str, TextField]) -> Setup:
    match kind:
        case "numeric":
            return NumericSetup(name=name)
        case "categorical":
            return CategoricalSetup(name=name, levels=_levels(column))
        case "date":
            return DateSetup(name=name)
        case _:
            learned = texts[name]
            return TextSetup(name=name, words=learned.tfidf.words, chars=learned.tfidf.chars, scores=learned.scores)


def _levels(column: Column) -> tuple[str, ...]:
    values, counts = np.unique([value for value in column if value is not None], return_counts=True)
    kept = np.sort(np.argsort(-counts, kind="stable")[:MAX_LEVELS])
    return tuple(map(str, values[kept]))
