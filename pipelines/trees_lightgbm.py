"""LightGBM, one bag at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import lightgbm as lgb
import numpy as np

from pipelines.trees import Bag, Growing, Objective, Sample

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


def grow(seen: Sample, held_out: Sample, how: Growing) -> Bag:
    settings = _settings(how)
    train = _dataset(seen, settings, how.categorical)
    watch = _dataset(held_out, settings, how.categorical, train)
    stop = lgb.early_stopping(how.patient(), verbose=False)
    booster = lgb.train(settings, train, how.rounds, valid_sets=[watch], callbacks=[stop])
    text = booster.model_to_string(num_iteration=booster.best_iteration)
    # Read back what is kept: the text is the model, and what it answers is what will be served.
    kept = lgb.Booster(model_str=text)
    added = np.asarray(kept.predict(held_out.matrix, raw_score=True, num_threads=how.threads))
    return Bag(text, added.reshape(len(held_out.matrix), -1), booster.best_iteration)


def _settings(how: Growing) -> dict[str, Any]:
    fixed = {**_objective(how.objective), **FIXED, "num_threads": how.threads}
    # One score cannot diverge as softmax can.
    less = {"reg_lambda": 1.0} if how.objective.kind == "binary" else {}
    return {**STEADY, "seed": how.seed, **less, **how.params, **fixed}


def _objective(objective: Objective) -> dict[str, Any]:
    match objective.kind:
        case "binary":
            return {"objective": "binary"}
        case "multiclass":
            return {"objective": "multiclass", "num_class": objective.scores}
        case "quantile":
            return {"objective": "quantile", "alpha": objective.level}


def _dataset(sample: Sample, settings: Mapping[str, Any], categorical: Sequence[int], like: Any = None) -> lgb.Dataset:
    start = None if sample.start is None else sample.start.ravel(order="F")
    return lgb.Dataset(
        sample.matrix,
        sample.target,
        init_score=start,
        reference=like,
        categorical_feature=list(categorical),
        params=dict(settings),
        free_raw_data=True,
    )
