"""From raw scores to probabilities that mean what they say.

Log-odds z (rows, classes) become probabilities by one of
    temperature  softmax(z / T)                    Guo et al. 2017, "On Calibration of Modern Neural Networks"
    vector       softmax(a·z + b), b one a class   the same
    isotonic     softmax(z), then a rising step-free curve a class, then rows scaled to sum 1
What is fitted is fitted elsewhere; here it is applied, row by row: the same row gives the same bits
in every batch.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from serve_app.core.config import Config

Floats = npt.NDArray[np.float64]

BINS = 15
"""Bins of the expected calibration error, each of the same width."""

_SMALLEST = 1e-9


class Scaling(Config):
    """``scale`` multiplies log-odds, ``shift`` (one a class, or none at all) is added."""

    kind: Literal["scaling"]
    method: Literal["none", "temperature", "vector"] = "none"
    scale: float = 1.0
    shift: tuple[float, ...] = ()

    def apply(self, scores: Floats) -> Floats:
        return softmax(scores * self.scale + (np.array(self.shift) if self.shift else 0.0))


class Isotonic(Config):
    """One curve a class: probability ``x`` as the model gives it -> ``y`` as it turned out."""

    kind: Literal["isotonic"]
    method: Literal["isotonic"] = "isotonic"
    x: tuple[tuple[float, ...], ...]
    y: tuple[tuple[float, ...], ...]

    def apply(self, scores: Floats) -> Floats:
        raw = softmax(scores)
        columns = [np.interp(raw[:, k], x, y) for k, (x, y) in enumerate(zip(self.x, self.y, strict=True))]
        return normalised(np.stack(columns, axis=1))


Calibration = Annotated[Scaling | Isotonic, Field(discriminator="kind")]


def softmax(scores: Floats) -> Floats:
    """Row by row; sums run in the order of the classes, so that no batch changes a bit."""
    shifted = np.ascontiguousarray(scores - scores.max(axis=1, keepdims=True))
    return normalised(np.exp(shifted))


def normalised(weights: Floats) -> Floats:
    """Rows scaled to sum to 1; nothing is ever quite impossible, nor quite certain."""
    kept = np.maximum(weights, _SMALLEST)
    return np.asarray(kept / np.cumsum(kept, axis=1)[:, -1:])


def log_loss(probabilities: Floats, truth: npt.NDArray[np.intp]) -> float:
    """Mean of -ln p(true class), in nats. ``truth``: (n,) column of the true class."""
    chosen = probabilities[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(chosen, _SMALLEST)).mean())


def calibration_error(probabilities: Floats, truth: npt.NDArray[np.intp], bins: int = BINS) -> float:
    """Expected calibration error of the top class (Guo et al. 2017): rows in ``bins`` bins of equal
    width by confidence; sum of (share of rows)·|accuracy - mean confidence|."""
    confidence = probabilities.max(axis=1)
    right = (probabilities.argmax(axis=1) == truth).astype(np.float64)
    place = np.minimum((confidence * bins).astype(np.intp), bins - 1)
    gaps = np.bincount(place, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(truth))
