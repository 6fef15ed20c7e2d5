"""What growing trees takes and gives, whichever library grows them.

A bag is one model of a student. It holds one fold out: to stop early, and to be judged on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from serve_app.core.tfidf import Floats32

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

FEWEST_PATIENT = 5


@dataclass(frozen=True, slots=True)
class Sample:
    """``start``: (n, scores) raw scores that boosting begins from, None to begin from the mean."""

    matrix: Floats32
    target: npt.NDArray[Any]
    start: Floats | None

    def take(self, rows: Mask | npt.NDArray[np.intp]) -> Sample:
        return Sample(self.matrix[rows], self.target[rows], None if self.start is None else self.start[rows])


@dataclass(frozen=True, slots=True)
class Bag:
    """``text``: the model as its library writes it; ``held_out``: (rows held out, scores) of what it adds."""

    text: str
    held_out: Floats
    rounds: int


@dataclass(frozen=True, slots=True)
class Objective:
    """``scores``: how many a row has, one for two classes; ``level``: of the quantile that is learned."""

    kind: Literal["binary", "multiclass", "quantile"]
    scores: int = 1
    level: float = 0.5


@dataclass(frozen=True, slots=True)
class Growing:
    """``params``: the use case's own, in the words of the family's library; ``patience``: rounds without
    gain after which a model of one score stops; ``categorical``: columns that hold codes."""

    objective: Objective
    params: Mapping[str, Any]
    rounds: int
    patience: int
    categorical: Sequence[int]
    seed: int
    threads: int = 1

    def patient(self) -> int:
        """A round grows one tree a score, and the more scores there are, the sooner more trees only learn
        noise."""
        return max(FEWEST_PATIENT, round(self.patience / self.objective.scores**0.5))
