"""How far the rows of now are from the rows a student learned from, feature by feature, and its answers too.

Population stability index, over bins with the shares e (when it was trained) and a (now):

    PSI = Σ (a - e)·ln(a / e)        S. Kullback, R. A. Leibler 1951 (the symmetric divergence J);
                                     N. Siddiqi 2006, "Credit Risk Scorecards": < 0.1 none, > 0.25 much

An empty bin would make it infinite. Both sides are smoothed by the same half row of the smaller sample,
so that a bin which is empty on both sides counts nothing. Without any drift PSI is not 0 but about
(bins - 1)·(1/n + 1/m) (B. Yurdakul 2018, "Statistical properties of population stability index").

    numbers      deciles of the rows learned from, what is below and above all of them, missing
    categories   the most frequent levels, all others, missing
    text         its length in characters, as a number
    date         its month, counted on, as a number: a date that moves with the calendar does drift
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from serve_app.core.answers import ClassAnswers, NoStudent, StudentAnswers, ValueAnswers
from serve_app.core.rows import Column, Rows
from serve_app.core.use_case import InputField, UseCase

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.float64]

FORMAT = 1
LEVELS = 20
DECILES = np.arange(1, 10) / 10


@dataclass(frozen=True, slots=True)
class Scores:
    """What a student answered: ``values`` (n,) its confidence, or the number it gave; ``labels`` (n,)
    the class it gave, None for numbers."""

    values: Floats
    labels: Column | None = None

    @classmethod
    def of(cls, answers: StudentAnswers) -> Scores | None:
        """None where there was no student."""
        match answers:
            case NoStudent():
                return None
            case ValueAnswers():
                return cls(answers.value)
            case ClassAnswers():
                names = np.array(answers.classes, dtype=object)
                return cls(answers.probabilities.max(axis=1), names[answers.best()])

    @classmethod
    def logged(cls, students: Sequence[Mapping[str, Any] | None]) -> Scores | None:
        """Of the ``student`` parts in the event log. Rows without one are left out; None if that is all."""
        there = [part for part in students if part is not None]
        if not there:
            return None
        if "label" not in there[0]:
            return cls(np.array([part["value"] for part in there], dtype=np.float64))
        labels = np.empty(len(there), dtype=object)
        labels[:] = [part["label"] for part in there]
        return cls(np.array([part["confidence"] for part in there], dtype=np.float64), labels)


@dataclass(frozen=True, slots=True)
class Psi:
    """``features``: name -> PSI; ``score``: of the confidence or the number answered; ``mix``: of how
    often each class is answered (None for numbers). ``score`` is None where no student answered."""

    features: Mapping[str, float] = field(default_factory=dict)
    score: float | None = None
    mix: float | None = None

    def worst(self) -> tuple[str, float]:
        """What moved most: a feature's name, ``(score)`` or ``(classes)``; ``("", 0)`` for nothing at all."""
        every = {**self.features, "(score)": self.score, "(classes)": self.mix}
        known = {name: value for name, value in every.items() if value is not None}
        return max(known.items(), key=lambda item: item[1], default=("", 0.0))


def reference(use_case: UseCase, rows: Rows, answers: StudentAnswers) -> dict[str, Any]:
    """What ``psi`` compares with, as JSON: shares of bins. ``rows`` are those learned from; ``answers``
    need not be to the same rows, and should be to rows that the student has not learned from, since
    it is surer of those it has."""
    made: dict[str, Any] = {
        "format": FORMAT,
        "rows": len(rows),
        "features": {name: _bins(_view(each, rows[name])) for name, each in use_case.features().items()},
    }
    scores = Scores.of(answers)
    if scores is not None:
        made |= {"answers": len(scores.values), "score": _bins(scores.values)}
        made["mix"] = None if scores.labels is None else _bins(scores.labels)
    return made


def psi(use_case: UseCase, reference: Mapping[str, Any], rows: Rows, scores: Scores | None) -> Psi:
    """Of every feature that ``reference`` and ``rows`` both have, and of ``scores`` (theirs need not be
    as many as the rows). Nothing at all for a reference of another format."""
    if reference.get("format") != FORMAT or not len(rows):
        return Psi()
    known = reference["features"]
    fields = {name: each for name, each in use_case.features().items() if name in known and name in rows.columns}
    features = {name: _index(known[name], reference["rows"], _view(each, rows[name])) for name, each in fields.items()}
    if scores is None or not len(scores.values) or "score" not in reference:
        return Psi(features)
    of, mix = reference["answers"], reference["mix"]
    mixed = _index(mix, of, scores.labels) if mix and scores.labels is not None else None
    return Psi(features, _index(reference["score"], of, scores.values), mixed)


def _view(each: InputField, column: Column) -> Column:
    """What is binned: float64 with NaN for missing, or objects with None."""
    match each.kind:
        case "numeric":
            return np.asarray(column, dtype=np.float64)
        case "text":
            return np.array([np.nan if text is None else len(text) for text in column], dtype=np.float64)
        case "date":
            return np.array([np.nan if day is None else _month(day) for day in column], dtype=np.float64)
        case _:
            return column


def _month(day: str) -> float:
    return int(day[:4]) * 12.0 + int(day[5:7])


def _bins(column: Column) -> dict[str, Any]:
    """The bins that this column makes, and its own shares of them."""
    made: dict[str, Any] = {"edges": _edges(column)} if column.dtype != object else {"levels": _levels(column)}
    return {**made, "shares": (_counts(made, column) / max(len(column), 1)).tolist()}


def _edges(values: Floats) -> list[float]:
    """Deciles between the least and the largest value, each once."""
    known = values[np.isfinite(values)]
    if not len(known):
        return []
    inner = np.quantile(known, DECILES, method="inverted_cdf")
    return [float(edge) for edge in np.unique([np.nextafter(known.min(), -np.inf), *inner, known.max()])]


def _levels(column: Column) -> list[str]:
    seen = Counter(value for value in column if value is not None)
    return [level for level, _ in sorted(seen.items(), key=lambda item: (-item[1], item[0]))[:LEVELS]]


def _counts(bins: Mapping[str, Any], column: Column) -> Counts:
    """Rows in each bin; the last is "missing", and the one before it, of levels, "other"."""
    if "edges" in bins:
        values = np.asarray(column, dtype=np.float64)
        size, missing = len(bins["edges"]) + 1, np.isnan(values)
        place = np.where(missing, size, np.searchsorted(bins["edges"], values, side="left"))
        return np.bincount(place, minlength=size + 1).astype(np.float64)
    at = {level: place for place, level in enumerate(bins["levels"])}
    size = len(at)
    place = np.array([size + 1 if value is None else at.get(value, size) for value in column], dtype=np.intp)
    return np.bincount(place, minlength=size + 2).astype(np.float64)


def _index(bins: Mapping[str, Any], rows: int, column: Column) -> float:
    """``rows``: how many the reference's shares are of."""
    then = np.asarray(bins["shares"], dtype=np.float64)
    now = _counts(bins, column) / len(column)
    half = 0.5 / max(min(rows, len(column)), 1)
    expected, actual = (then + half) / (1 + half * len(then)), (now + half) / (1 + half * len(now))
    return float(((actual - expected) * np.log(actual / expected)).sum())
