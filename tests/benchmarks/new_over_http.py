"""The main job, as its user does it: a labelled table, ``understudy new``, and questions over HTTP.

    python -m tests.benchmarks.new_over_http [banking77] [polish_bankruptcy] [it_service_tickets]

Starts a whole Understudy, splits each real data set (the official split where it has one, else 80/20
by a fixed seed), makes a use case from the training rows and asks it every test row in batches.
Agreement with the labels is of the student's own answers; no teacher is configured.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.fakes.running import ROOT, Running, running

DATA = ROOT.parent / "shared" / "data"
BATCH = 500


@dataclass(frozen=True)
class Case:
    """``target``: the label's column; ``split``: the column that names the official split, if any."""

    file: str
    target: str
    positive: str | None = None


CASES = {
    "banking77": Case("banking77/banking77.parquet", "label"),
    "polish_bankruptcy": Case("polish_bankruptcy/year1.parquet", "bankrupt", "1"),
    "it_service_tickets": Case("it_service_tickets/tickets.parquet", "label"),
}


def main(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as started:
        print("| data | trained on | asked | accuracy | AUC | new (s) | rows/s over HTTP |", flush=True)
        print("|---|---|---|---|---|---|---|", flush=True)
        for name in names or list(CASES):
            print(_row(started, name, CASES[name]), flush=True)


def _row(started: Running, name: str, case: Case) -> str:
    train, test = _split(pd.read_parquet(DATA / case.file).drop_duplicates())
    train.to_parquet(started.folder / f"{name}.parquet")
    began = time.monotonic()
    done = started.command("new", name, "--from", f"{name}.parquet", "--target", case.target, timeout=1800)
    if done.returncode != 0:
        return f"| {name} | failed: {done.stderr.strip()[-300:]} |"
    made = time.monotonic() - began
    began = time.monotonic()
    answers = list(_ask(started, name, test.drop(columns=[case.target])))
    rate = len(answers) / (time.monotonic() - began)
    truth = test[case.target].astype(str).to_numpy()
    right = np.mean([answer["student"]["label"] == label for answer, label in zip(answers, truth, strict=True)])
    auc = _auc(answers, truth == case.positive) if case.positive else float("nan")
    return f"| {name} | {len(train):,} | {len(test):,} | {right:.4f} | {auc:.4f} | {made:.0f} | {rate:.0f} |"


def _split(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    if "split" in table.columns:
        return table[table["split"] == "train"].drop(columns="split"), table[table["split"] == "test"].drop(
            columns="split"
        )
    test = np.random.default_rng(0).random(len(table)) < 0.2
    return table[~test], table[test]


def _ask(started: Running, name: str, rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    instances = [{k: v for k, v in record.items() if v == v} for record in rows.to_dict("records")]
    with started.client() as client:
        for at in range(0, len(instances), BATCH):
            body = {"instances": instances[at : at + BATCH]}
            answer = client.post(f"/api/v1/predict/{name}/batch", json=body)
            answer.raise_for_status()
            yield from answer.json()["predictions"]


def _auc(answers: list[dict[str, Any]], truth: Any) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, [answer["prediction"]["score"] for answer in answers]))


if __name__ == "__main__":
    main(sys.argv[1:])
