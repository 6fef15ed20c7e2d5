"""``student.json``: how trees, prior and calibration are put together to an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, PositiveInt, TypeAdapter

from serve_app.core.calibration import Calibration, Scaling
from serve_app.core.config import Config
from serve_app.core.features import Featuriser
from serve_app.core.tfidf import Floats32

Floats = npt.NDArray[np.float64]


class ClassSetup(Config):
    """``labels``: the classes that training saw, two or more, in the order of the scores. ``prior``
    turns the linear model's scores into the log-odds that boosting started from; None without text."""

    kind: Literal["classes"] = "classes"
    labels: Annotated[tuple[str, ...], Field(min_length=2)]
    bags: PositiveInt
    prior: Scaling | None
    calibration: Calibration

    def start(self, featuriser: Featuriser, matrix: Floats32) -> Floats:
        """(n, scores) log-odds before any tree; two classes have one score, that of the second."""
        scores = featuriser.scores(matrix)
        width = 1 if len(self.labels) == 2 else len(self.labels)
        if self.prior is None or scores is None:
            return np.zeros((len(matrix), width))
        return np.asarray(scores * self.prior.scale + np.array(self.prior.shift))


class ValueSetup(Config):
    """Three quantile models, ``low``, ``median`` and ``high``, of the target as ``to_learn`` has it.

    ``widen`` is added to both sides of the interval (conformalised quantile regression, Romano,
    Patterson and Candès 2019). ``usual_base`` stands in where ``relative_to`` is missing."""

    kind: Literal["values"] = "values"
    bags: PositiveInt
    quantiles: tuple[float, float, float]
    scale: Literal["linear", "log"]
    relative_to: str | None
    usual_base: float = 1.0
    widen: float = 0.0

    def to_learn(self, values: Floats, base: Floats) -> Floats:
        """The target as the trees see it: over ``base`` when relative, then its logarithm on log scale."""
        ratio = values / base if self.relative_to else values
        return np.log(ratio) if self.scale == "log" else ratio

    def to_value(self, learned: Floats, base: Floats) -> Floats:
        """The inverse of ``to_learn``."""
        ratio = np.exp(learned) if self.scale == "log" else learned
        return np.asarray(ratio * base if self.relative_to else ratio)

    def base(self, column: Floats) -> Floats:
        """``column`` of the feature that values are relative to, with no hole and nothing below 0."""
        return np.where(np.isfinite(column) & (column > 0), column, self.usual_base)


StudentSetup = Annotated[ClassSetup | ValueSetup, Field(discriminator="kind")]
_SETUP: TypeAdapter[StudentSetup] = TypeAdapter(StudentSetup)


def read_setup(files: Mapping[str, bytes]) -> StudentSetup:
    """Raises KeyError, ValidationError."""
    return _SETUP.validate_json(files["student.json"])


def paired(scores: Floats) -> Floats:
    """(n, classes) log-odds: a lone score is that of the second of two classes."""
    return np.concatenate((np.zeros_like(scores), scores), axis=1) if scores.shape[1] == 1 else scores
