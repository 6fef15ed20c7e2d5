"""FastAPI with the model in its process, as its tutorial has it: a ``def`` endpoint, which runs in a thread, and what
it returns is checked and written by FastAPI. What most people have; ``fastapi_numbers.py`` is what it can be."""

from __future__ import annotations

import os
from typing import Any

import lightgbm as lgb
import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel, create_model

BOOSTER = lgb.Booster(model_file=os.environ["BENCH_MODEL"])
Row: Any = create_model("Row", **dict.fromkeys(BOOSTER.feature_name(), (float, ...)))
app = FastAPI()


class Answer(BaseModel):
    label: str
    confidence: float


@app.post("/predict")
def predict(row: Row) -> Answer:
    p = float(BOOSTER.predict(np.array([list(row.model_dump().values())]))[0])
    return Answer(label="yes" if p > 0.5 else "no", confidence=max(p, 1 - p))
