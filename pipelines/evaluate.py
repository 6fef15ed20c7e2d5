"""How good a student is on gold rows, which neither it nor its calibration has seen."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
from sklearn.metrics import f1_score, roc_auc_score

from serve_app.core.answers import ClassAnswers, ValueAnswers
from serve_app.core.calibration import calibration_error, log_loss

Metrics = dict[str, float]
Floats = npt.NDArray[np.float64]


def of_classes(answers: ClassAnswers, labels: npt.NDArray[np.object_], positive: str | None = None) -> Metrics:
    """accuracy, macro_f1 (over the classes in ``labels``), log_loss (nats), ece (15 bins of equal
    width, top class), recall.<class>, and auc for two classes. ``labels`` are among the classes."""
    truth = np.array([answers.classes.index(label) for label in labels], dtype=np.intp)
    best = answers.best()
    metrics = {
        "accuracy": float((best == truth).mean()),
        "macro_f1": float(f1_score(truth, best, labels=np.unique(truth), average="macro", zero_division=0)),
        "log_loss": log_loss(answers.probabilities, truth),
        "ece": calibration_error(answers.probabilities, truth),
    }
    for place in np.unique(truth):
        metrics[f"recall.{_plain(answers.classes[place])}"] = float((best[truth == place] == place).mean())
    return {**metrics, **_auc(answers, truth, positive)}


def of_values(answers: ValueAnswers, truth: Floats, interval: float, baseline: Floats | None = None) -> Metrics:
    """mae, median relative error, pinball (mean of the interval's two quantiles and the median),
    coverage (share of true values inside the interval), width (mean, in the target's unit), and
    mae_baseline: that of ``baseline``, the feature that values are relative to."""
    tail = (1 - interval) / 2
    parts = ((answers.low, tail), (answers.value, 0.5), (answers.high, 1 - tail))
    error = np.abs(answers.value - truth)
    metrics = {
        "mae": float(error.mean()),
        "median_relative_error": float(np.median(error / np.maximum(np.abs(truth), 1e-12))),
        "pinball": float(np.mean([pinball(truth, value, level) for value, level in parts])),
        "coverage": float(((answers.low <= truth) & (truth <= answers.high)).mean()),
        "width": float((answers.high - answers.low).mean()),
    }
    if baseline is not None:
        known = np.isfinite(baseline)
        metrics["mae_baseline"] = float(np.abs(baseline - truth)[known].mean()) if known.any() else 0.0
    return metrics


def pinball(truth: Floats, value: Floats, level: float) -> float:
    """Koenker and Bassett 1978: mean of max(level·(y - q), (level - 1)·(y - q))."""
    gap = truth - value
    return float(np.maximum(level * gap, (level - 1) * gap).mean())


def _auc(answers: ClassAnswers, truth: npt.NDArray[np.intp], positive: str | None) -> Metrics:
    if len(answers.classes) != 2 or len(np.unique(truth)) < 2:
        return {}
    column = answers.classes.index(positive) if positive else 1
    return {"auc": float(roc_auc_score(truth == column, answers.probabilities[:, column]))}


def _plain(name: str) -> str:
    """Stores of metrics take letters, digits and a few signs in a name."""
    return re.sub(r"[^\w\-. /]", "_", name)
