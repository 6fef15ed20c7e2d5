"""BentoML: a service of one Booster, with its own batching (BENCH_BATCH) or without, BENCH_WORKERS processes."""

from __future__ import annotations

import os
from typing import Any

import bentoml
import lightgbm as lgb
import numpy as np
from pydantic import BaseModel, create_model

BOOSTER = lgb.Booster(model_file=os.environ["BENCH_MODEL"])
Row: Any = create_model("Row", **dict.fromkeys(BOOSTER.feature_name(), (float, ...)))


class Answer(BaseModel):
    label: str
    confidence: float


def answers(rows: list[Any]) -> list[Answer]:
    table = np.array([list(row.__dict__.values()) for row in rows])
    found = BOOSTER.predict(table, num_threads=1)
    return [Answer(label="yes" if p > 0.5 else "no", confidence=max(p, 1 - p)) for p in found.tolist()]


@bentoml.service(workers=int(os.environ["BENCH_WORKERS"]), traffic={"timeout": 60, "max_concurrency": 1000})
class Numbers:
    if os.environ.get("BENCH_BATCH"):

        @bentoml.api(batchable=True, max_batch_size=1000, max_latency_ms=1000)
        async def predict(self, instances: list[Row]) -> list[Answer]:
            return answers(instances)

    else:

        @bentoml.api
        async def predict(self, instances: list[Row]) -> list[Answer]:
            return answers(instances)
