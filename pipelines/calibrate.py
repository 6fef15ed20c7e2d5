"""Fits ``core.calibration`` on scores of rows that the model has not seen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression

from serve_app.core.calibration import Calibration, Isotonic, Scaling, log_loss, softmax
from serve_app.core.student_file import paired

Floats = npt.NDArray[np.float64]
Truth = npt.NDArray[np.intp]
Fit = Callable[[Floats, Truth], Calibration]


def none(scores: Floats, truth: Truth) -> Scaling:
    return Scaling(kind="scaling")


def temperature(scores: Floats, truth: Truth) -> Scaling:
    (scale,) = _least_loss(scores, truth, shifts=False)
    return Scaling(kind="scaling", method="temperature", scale=float(scale))


def vector(scores: Floats, truth: Truth) -> Scaling:
    scale, *shift = _least_loss(scores, truth, shifts=True)
    return Scaling(kind="scaling", method="vector", scale=float(scale), shift=tuple(map(float, shift)))


def isotonic(scores: Floats, truth: Truth) -> Isotonic:
    raw = softmax(scores)
    curves = [_rising(raw[:, k], (truth == k).astype(float)) for k in range(raw.shape[1])]
    return Isotonic(kind="isotonic", x=tuple(x for x, _ in curves), y=tuple(y for _, y in curves))


FITS: dict[str, Fit] = {"none": none, "temperature": temperature, "vector": vector, "isotonic": isotonic}


def calibrate(scores: Floats, truth: Truth, folds: Truth, method: str) -> tuple[Calibration, dict[str, float]]:
    """The calibration and, by method tried, the log loss on rows it was not fitted on. ``auto`` takes
    the method of least loss; ``scores``: (n, classes) log-odds of held-out rows."""
    names = list(FITS) if method == "auto" else [method]
    losses = {name: _cross_loss(FITS[name], scores, truth, folds) for name in names}
    best = min(losses, key=lambda name: losses[name])
    return FITS[best](scores, truth), losses


def prior(scores: Floats, truth: Truth) -> Scaling:
    """Scores of a linear model as log-odds: one scale, a shift for each score (one for two classes)."""
    fitted = vector(paired(scores), truth)
    if scores.shape[1] > 1:
        return fitted
    return fitted.model_copy(update={"shift": (fitted.shift[1] - fitted.shift[0],)})


def _cross_loss(fit: Fit, scores: Floats, truth: Truth, folds: Truth) -> float:
    """Half of the folds judges what the other half has fitted, and the other way round."""
    half = folds % 2 == 0
    losses = [_loss_of(fit, scores, truth, side) for side in (half, ~half)]
    return float(np.average(losses, weights=[(~half).sum(), half.sum()]))


def _loss_of(fit: Fit, scores: Floats, truth: Truth, side: npt.NDArray[np.bool_]) -> float:
    return log_loss(fit(scores[side], truth[side]).apply(scores[~side]), truth[~side])


def _least_loss(scores: Floats, truth: Truth, shifts: bool) -> Floats:
    """Scale (and shifts, held back a little) of least log loss, by L-BFGS with the exact gradient."""
    count, classes = scores.shape
    hot = np.zeros_like(scores)
    hot[np.arange(count), truth] = 1.0

    def loss(theta: Floats) -> tuple[float, Floats]:
        shift = theta[1:] if shifts else 0.0
        chances = softmax(scores * theta[0] + shift)
        gap = (chances - hot) / count
        slope = np.array([(gap * scores).sum(), *(gap.sum(axis=0) + 2e-3 * theta[1:] / classes if shifts else ())])
        penalty = 1e-3 * float((theta[1:] ** 2).sum()) / classes
        return log_loss(chances, truth) + penalty, slope

    start = np.array([1.0, *([0.0] * classes if shifts else [])])
    bounds = [(1e-3, 100.0), *([(-20.0, 20.0)] * (len(start) - 1))]
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x)


def _rising(x: Floats, y: Floats) -> tuple[tuple[float, ...], tuple[float, ...]]:
    curve = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(x, y)
    return tuple(map(float, curve.X_thresholds_)), tuple(map(float, curve.y_thresholds_))
