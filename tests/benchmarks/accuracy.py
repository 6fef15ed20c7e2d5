"""How good the default student is on public data, next to a linear model in the same run.

python -m tests.benchmarks.accuracy [--family xgboost] [it_service_tickets | banking77 | polish_bankruptcy] ...
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.table import Table

from pipelines.fit import Fitted, fit
from pipelines.labelled import LabelledRows, labelled_rows
from serve_app.core.use_case import UseCase

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SEED = 7

Index = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Dataset:
    """``splits``: the gold rows of each run; more than one is a cross-validation."""

    name: str
    frame: pd.DataFrame
    label: str
    positive: str | None
    splits: list[Index]


def it_service_tickets() -> Dataset:
    frame = pd.read_parquet(DATA / "it_service_tickets" / "tickets.parquet")
    gold = np.random.default_rng(SEED).permutation(len(frame))[: len(frame) // 5]
    return Dataset("it_service_tickets", frame, "label", None, [gold])


def banking77() -> Dataset:
    frame = pd.read_parquet(DATA / "banking77" / "banking77.parquet")
    return Dataset("banking77", frame[["text", "label"]], "label", None, [np.flatnonzero(frame["split"] == "test")])


def polish_bankruptcy() -> Dataset:
    from sklearn.model_selection import StratifiedKFold

    frame = pd.read_parquet(DATA / "polish_bankruptcy" / "year1.parquet").drop_duplicates(ignore_index=True)
    frame["bankrupt"] = np.where(frame["bankrupt"].astype(int) == 1, "yes", "no")
    folds = StratifiedKFold(5, shuffle=True, random_state=SEED).split(frame, frame["bankrupt"])
    return Dataset("polish_bankruptcy", frame, "bankrupt", "yes", [gold for _, gold in folds])


DATASETS: dict[str, Callable[[], Dataset]] = {f.__name__: f for f in (it_service_tickets, banking77, polish_bankruptcy)}


def use_case_of(dataset: Dataset, student: dict[str, object] | None = None) -> UseCase:
    """The default student; nothing is fitted to the data set."""
    columns = [name for name in dataset.frame if name != dataset.label]
    kinds = {name: "numeric" if dataset.frame[name].dtype.kind in "if" else "text" for name in columns}
    return UseCase.model_validate(
        {
            "name": dataset.name,
            "title": dataset.name,
            "fields": {name: {"kind": kind, "required": False} for name, kind in kinds.items()},
            "target": {
                "kind": "classification",
                "column": dataset.label,
                "classes": tuple(sorted(dataset.frame[dataset.label].unique())),
                "positive": dataset.positive,
            },
            "student": {"kind": "lightgbm", **(student or {})},
            "cascade": {"kind": "fixed"},
            "decision": {"kind": "label"},
        }
    )


def runs(dataset: Dataset, student: dict[str, object] | None = None, threads: int = 2) -> Iterator[dict[str, float]]:
    use_case = use_case_of(dataset, student)
    labelled: LabelledRows = labelled_rows(use_case, dataset.frame)
    for gold in dataset.splits:
        began = time.perf_counter()
        fitted = fit(use_case, labelled, gold, threads)
        assert isinstance(fitted, Fitted), fitted
        size = sum(map(len, fitted.files.values())) / 1e6
        yield {**fitted.metrics, "seconds": time.perf_counter() - began, "megabytes": size}


SHOWN = (
    "accuracy", "linear_accuracy", "auc", "macro_f1", "log_loss", "ece_uncalibrated", "ece", "rounds", "megabytes",
)  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.accuracy", description=__doc__)
    parser.add_argument("datasets", nargs="*", metavar="dataset", help=" | ".join(DATASETS))
    parser.add_argument("--family", choices=("lightgbm", "xgboost"), default="lightgbm")
    asked = parser.parse_args(arguments)
    table = Table("dataset", "rows", *SHOWN, "seconds", title=asked.family)
    for name in asked.datasets or list(DATASETS):
        dataset = DATASETS[name]()
        found = pd.DataFrame(runs(dataset, {"kind": asked.family}, threads=os.cpu_count() or 1))
        cells = [f"{found[key].mean():.4f}" if key in found else "" for key in SHOWN]
        table.add_row(name, str(len(dataset.frame)), *cells, f"{found['seconds'].sum():.0f}")
        if len(found) > 1:
            spread = [f"sd {found[key].std():.4f}" if key in found else "" for key in SHOWN]
            table.add_row("", f"{len(found)} folds", *spread, "")
    Console(width=200).print(table)


if __name__ == "__main__":
    main()
