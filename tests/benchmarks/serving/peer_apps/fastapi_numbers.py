"""FastAPI with the model in its process, as its documentation does it: pydantic checks, the Booster answers.

Run by uvicorn with uvloop and httptools; ``async`` endpoints, since a hop to a thread costs more than a row.
"""

from __future__ import annotations

import os
from typing import Any

import lightgbm as lgb
import numpy as np
import orjson
from fastapi import FastAPI, Response
from pydantic import BaseModel, create_model

BOOSTER = lgb.Booster(model_file=os.environ["BENCH_MODEL"])
NAMES = BOOSTER.feature_name()
Row: Any = create_model("Row", **dict.fromkeys(NAMES, (float, ...)))
app = FastAPI()


class Rows(BaseModel):
    instances: list[Row]


@app.post("/predict")
async def predict(row: Row) -> Response:
    return reply(answers([row])[0])


@app.post("/predict/batch")
async def predict_batch(rows: Rows) -> Response:
    return reply({"predictions": answers(rows.instances)})


def answers(rows: list[Any]) -> list[dict[str, Any]]:
    table = np.array([list(row.__dict__.values()) for row in rows])
    found = BOOSTER.predict(table, num_threads=1)
    return [{"label": "yes" if p > 0.5 else "no", "confidence": max(p, 1 - p)} for p in found.tolist()]


def reply(content: dict[str, Any]) -> Response:
    """Written once, past what FastAPI makes of a dictionary."""
    return Response(orjson.dumps(content), media_type="application/json")
