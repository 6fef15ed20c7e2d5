"""LightGBM, one bag at a time. A bag holds one fold out: to stop early, and to be judged on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from serve_app.core.tfidf import Floats32

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

STEADY: Mapping[str, Any] = {
    "learning_rate": 0.1,
    "num_leaves": 7,
    "min_child_samples": 5,
    "reg_lambda": 5.0,
    "feature_fraction": 0.8,
    "cat_smooth": 10.0,
    "max_cat_to_onehot": 4,
}
"""L2 regularisation is what keeps multiclass softmax from diverging in silence; small trees, since
the linear model has done most of the work and tables are often small."""

FIXED: Mapping[str, Any] = {"deterministic": True, "force_col_wise": True, "verbosity": -1}
"""Never to be overridden: the same rows and seed give the same trees on any number of threads."""

FEWEST_PATIENT = 5


@dataclass(frozen=True, slots=True)
class Sample:
    """``start``: (n, scores) raw scores that boosting begins from, None to begin from the mean."""

    matrix: Floats32
    target: npt.NDArray[Any]
    start: Floats | None

    def take(self, rows: Mask) -> Sample:
        return Sample(self.matrix[rows], self.target[rows], None if self.start is None else self.start[rows])


@dataclass(frozen=True, slots=True)
class Bag:
    """``text``: the model as LightGBM writes it; ``held_out``: (rows held out, scores) of what it adds."""

    text: str
    held_out: Floats
    rounds: int


def grow(
    seen: Sample,
    held_out: Sample,
    params: Mapping[str, Any],
    *,
    rounds: int,
    patience: int,
    categorical: list[int],
    threads: int = 1,
) -> Bag:
    """``patience``: rounds without gain after which a model of one score stops. A round grows one tree
    a score, and the more scores there are, the sooner more trees only learn noise."""
    settings = {**STEADY, **params, **FIXED, "num_threads": threads}
    patience = max(FEWEST_PATIENT, round(patience / settings.get("num_class", 1) ** 0.5))
    train = _dataset(seen, settings, categorical)
    watch = _dataset(held_out, settings, categorical, train)
    stop = lgb.early_stopping(patience, verbose=False)
    booster = lgb.train(settings, train, rounds, valid_sets=[watch], callbacks=[stop])
    text = booster.model_to_string(num_iteration=booster.best_iteration)
    # Read back what is kept: the text is the model, and what it answers is what will be served.
    kept = lgb.Booster(model_str=text)
    added = np.asarray(kept.predict(held_out.matrix, raw_score=True, num_threads=threads))
    return Bag(text, added.reshape(len(held_out.matrix), -1), booster.best_iteration)


def _dataset(sample: Sample, settings: Mapping[str, Any], categorical: list[int], like: Any = None) -> lgb.Dataset:
    start = None if sample.start is None else sample.start.ravel(order="F")
    return lgb.Dataset(
        sample.matrix,
        sample.target,
        init_score=start,
        reference=like,
        categorical_feature=categorical,
        params=dict(settings),
        free_raw_data=True,
    )
