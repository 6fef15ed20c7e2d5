"""python mlflow_model.py <model.txt> <folder>: the Booster as an MLflow model."""

from __future__ import annotations

import sys

import lightgbm as lgb
import mlflow.lightgbm

if __name__ == "__main__":
    mlflow.lightgbm.save_model(lgb.Booster(model_file=sys.argv[1]), sys.argv[2], pip_requirements=["lightgbm"])
