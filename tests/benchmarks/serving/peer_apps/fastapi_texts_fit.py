"""python fastapi_texts_fit.py <tickets.csv> <asked.json> <model> <expected.json>: fits what ``fastapi_texts`` serves,
in the environment that serves it, and writes what it has to answer."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import joblib
from lightgbm import LGBMClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline


def text(row: dict[str, str]) -> str:
    return f"{row['tech_raw_text']} {row.get('solving', '')}"


def main(tickets: str, asked: str, model: str, expected: str) -> None:
    with Path(tickets).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    pipeline = make_pipeline(words, LGBMClassifier(n_estimators=100, num_leaves=15, random_state=7, verbosity=-1))
    pipeline.fit([text(row) for row in rows], [row["category"] for row in rows])
    joblib.dump(pipeline, model)
    found = pipeline.predict_proba([text(row) for row in json.loads(Path(asked).read_text(encoding="utf-8"))])
    answers = [[pipeline.classes_[row.argmax()], float(row.max())] for row in found]
    Path(expected).write_text(json.dumps(answers), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
