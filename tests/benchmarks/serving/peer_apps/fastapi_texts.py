"""FastAPI with scikit-learn's TF-IDF and LightGBM in its process."""

from __future__ import annotations

import os

import joblib
import orjson
from fastapi import FastAPI, Response
from pydantic import BaseModel

PIPELINE = joblib.load(os.environ["BENCH_MODEL"])
PIPELINE[-1].set_params(n_jobs=1)
CLASSES = PIPELINE.classes_.tolist()
app = FastAPI()


class Ticket(BaseModel):
    tech_raw_text: str
    solving: str = ""


@app.post("/predict")
async def predict(ticket: Ticket) -> Response:
    found = PIPELINE.predict_proba([f"{ticket.tech_raw_text} {ticket.solving}"])[0]
    best = int(found.argmax())
    answer = {"label": CLASSES[best], "confidence": float(found[best])}
    return Response(orjson.dumps(answer), media_type="application/json")
