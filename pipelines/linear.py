"""Linear models on TF-IDF: out-of-fold scores for training, one projection for serving.

A row's scores come from a model that has not seen it; a new row's from the mean of the models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.decomposition import TruncatedSVD
from sklearn.linear_model import Ridge
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from serve_app.core.tfidf import Floats32

Folds = npt.NDArray[np.intp]

_ONE_AT_A_TIME = Lock()
"""liblinear draws from one random generator a process: two fits side by side give either one's luck
to the other, and no student the same twice."""


@dataclass(frozen=True, slots=True)
class Linear:
    """``weights``: (terms, scores); ``held_out``: (rows, scores), each row's from the model that did
    not see it. Intercepts are left out: whoever uses the scores fits a shift of its own."""

    weights: Floats32
    held_out: Floats32


def fit_linear(
    matrices: Sequence[sparse.csr_matrix], truth: npt.NDArray[Any], scores: int, folds: Folds, c: float, seed: int
) -> list[Linear]:
    """One model over all text fields, taken apart by field. ``truth``: class numbers, or a
    standardised target when its dtype is float."""
    whole = sparse.hstack(matrices, format="csr")
    edges = np.cumsum([0, *(matrix.shape[1] for matrix in matrices)])
    kept = [folds != fold for fold in range(int(folds.max()) + 1)]
    weights = [_weights(whole[rows], truth[rows], scores, c, seed) for rows in kept]
    return [
        _of_field(matrix, [each[start:stop] for each in weights], folds)
        for matrix, start, stop in zip(matrices, edges[:-1], edges[1:], strict=True)
    ]


def _of_field(matrix: sparse.csr_matrix, weights: Sequence[Floats32], folds: Folds) -> Linear:
    held_out = np.zeros((matrix.shape[0], weights[0].shape[1]), dtype=np.float32)
    for fold, each in enumerate(weights):
        held_out[folds == fold] = matrix[folds == fold] @ each
    mean = np.mean(np.stack(weights), axis=0, dtype=np.float64)
    return Linear(np.asarray(mean, dtype=np.float32), held_out)


def _weights(matrix: sparse.csr_matrix, truth: npt.NDArray[Any], scores: int, c: float, seed: int) -> Floats32:
    weights = np.zeros((matrix.shape[1], scores), dtype=np.float32)
    if truth.dtype.kind == "f" and matrix.shape[1]:
        weights[:, 0] = Ridge(alpha=1 / c, solver="lsqr").fit(matrix, truth).coef_
    if truth.dtype.kind == "f":
        return weights
    seen = np.unique(truth)
    if len(seen) < 2 or not matrix.shape[1]:
        return weights
    with _ONE_AT_A_TIME:
        model = LinearSVC(C=c, random_state=seed, dual=True, tol=1e-2, max_iter=500).fit(matrix, truth)
    columns = seen if scores > 1 else [0]
    if scores > 1 and len(seen) == 2:
        weights[:, seen] = np.stack((-model.coef_[0], model.coef_[0]), axis=1)
    else:
        weights[:, columns] = model.coef_.T
    return weights


def components(matrix: sparse.csr_matrix, count: int, seed: int) -> Floats32:
    """(terms, count or fewer): the leading right singular vectors."""
    possible = min(count, min(matrix.shape) - 1)
    if possible < 1:
        return np.zeros((matrix.shape[1], 0), dtype=np.float32)
    with threadpool_limits(1):  # BLAS rounds another way on another number of threads
        svd = TruncatedSVD(possible, algorithm="randomized", n_iter=4, random_state=seed).fit(matrix)
    return np.asarray(svd.components_.T, dtype=np.float32)
