"""XGBoost, one bag at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xgboost as xgb

from pipelines.trees import Bag, Growing, Objective, Sample

STEADY: Mapping[str, Any] = {
    "eta": 0.1,
    "grow_policy": "lossguide",
    "max_leaves": 7,
    "max_depth": 0,
    "reg_lambda": 5.0,
    "colsample_bytree": 0.8,
    "max_cat_to_onehot": 4,
}
"""As steady as LightGBM's, in XGBoost's words."""

FIXED: Mapping[str, Any] = {"tree_method": "hist", "device": "cpu", "verbosity": 0}
"""Never to be overridden. Histograms are summed another way on another number of threads: a bag is
grown on one."""

LEAST_WEIGHT: Mapping[str, float] = {"binary": 0.1, "multiclass": 0.1, "quantile": 5.0}
"""The least sum of second derivatives in a leaf: of quantiles that is a number of rows, of classes
rows times p·(1 - p), which is small where the linear model is sure."""


def grow(seen: Sample, held_out: Sample, how: Growing) -> Bag:
    train = _matrix(seen, how)
    watch = _matrix(held_out, how, train)
    booster = xgb.train(
        _settings(how), train, how.rounds,
        evals=[(watch, "held_out")], early_stopping_rounds=how.patient(), verbose_eval=False,
    )  # fmt: skip
    rounds = booster.best_iteration + 1
    text = booster[:rounds].save_raw("json")
    # Read back what is kept: the text is the model, and what it answers is what will be served.
    kept = xgb.Booster()
    kept.load_model(text)
    return Bag(text.decode(), _added(kept, held_out, how), rounds)


def _settings(how: Growing) -> dict[str, Any]:
    fixed = {**_objective(how.objective), **FIXED, "nthread": 1}
    kind = how.objective.kind
    # One score cannot diverge as softmax can.
    own = {"min_child_weight": LEAST_WEIGHT[kind], **({"reg_lambda": 1.0} if kind == "binary" else {})}
    return {**STEADY, "seed": how.seed, **own, **how.params, **fixed}


def _objective(objective: Objective) -> dict[str, Any]:
    match objective.kind:
        case "binary":
            return {"objective": "binary:logistic", "eval_metric": "logloss"}
        case "multiclass":
            return {"objective": "multi:softprob", "eval_metric": "mlogloss", "num_class": objective.scores}
        case "quantile":
            return {"objective": "reg:quantileerror", "eval_metric": "quantile", "quantile_alpha": objective.level}


def _matrix(sample: Sample, how: Growing, like: xgb.DMatrix | None = None) -> xgb.DMatrix:
    return xgb.QuantileDMatrix(
        sample.matrix, sample.target, base_margin=sample.start, ref=like,
        feature_types=_types(sample, how), enable_categorical=True, nthread=1,
    )  # fmt: skip


def _added(booster: xgb.Booster, sample: Sample, how: Growing) -> Any:
    """(n, scores): with no start to begin from, XGBoost's own base score is in it."""
    begun = None if sample.start is None else np.zeros_like(sample.start)
    asked = xgb.DMatrix(
        sample.matrix, base_margin=begun, feature_types=_types(sample, how), enable_categorical=True, nthread=1
    )
    added = np.asarray(booster.predict(asked, output_margin=True), dtype=np.float64)
    return added.reshape(len(sample.matrix), -1)


def _types(sample: Sample, how: Growing) -> list[str]:
    codes = set(how.categorical)
    return ["c" if column in codes else "q" for column in range(sample.matrix.shape[1])]
