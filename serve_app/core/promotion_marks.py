"""Answers of classes beside the truth of gold, made ready for the rules of the gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from serve_app.core.answers import ClassAnswers
from serve_app.core.calibration import calibration_error
from serve_app.core.resampling import deviate
from serve_app.core.ruling import Contest
from serve_app.core.use_case import Gate

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Marked:
    """One student's answers beside the truth. Numbers are places among the target's classes; ``chance`` is
    the probability it gave to the true class."""

    truth: Index
    best: Index
    confidence: Floats
    chance: Floats

    @property
    def right(self) -> Mask:
        return np.asarray(self.best == self.truth)

    def __len__(self) -> int:
        return len(self.truth)


@dataclass(frozen=True, slots=True)
class Case:
    """All that the rules look at. ``z``: the normal deviate of the gate's confidence; ``alike``: what rows
    that are alike add to an error, in errors of rows that are not."""

    gate: Gate
    classes: tuple[str, ...]
    contest: Contest
    challenger: Marked
    champion: Marked | None
    anchor: Marked | None
    ece: float
    z: float

    @property
    def alike(self) -> float:
        return self.contest.gold.spread() - 1


def marked(gate: Gate, classes: tuple[str, ...], contest: Contest, answers: ClassAnswers) -> Case:
    """``classes``: the target's; every label and every answer is one of them."""

    def of(rival: object) -> Marked | None:
        return _marked(classes, contest, rival) if isinstance(rival, ClassAnswers) else None

    ece = calibration_error(answers.probabilities, _places(answers.classes, contest.gold.truth))
    own, z = _marked(classes, contest, answers), deviate(gate.confidence)
    return Case(gate, classes, contest, own, of(contest.champion), of(contest.anchor), ece, z)


def _marked(classes: tuple[str, ...], contest: Contest, answers: ClassAnswers) -> Marked:
    truth = _places(classes, contest.gold.truth)
    own = _places(classes, answers.classes)
    column = _places(answers.classes, contest.gold.truth)
    chance = np.where(column >= 0, answers.probabilities[np.arange(len(truth)), column], 0.0)
    return Marked(truth, own[answers.best()], answers.probabilities.max(axis=1), chance)


def _places(classes: Sequence[str], labels: Sequence[str] | npt.NDArray[np.object_]) -> Index:
    """-1 for a label that is not among the classes."""
    at = {label: place for place, label in enumerate(classes)}
    return np.array([at.get(label, -1) for label in labels], dtype=np.intp)
