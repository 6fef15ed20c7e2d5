"""Labelled rows to a student, in one process and without Ray.

    fit(use_case, labelled) = finish(use_case, gold, prepared, bags)
        split        gold rows aside
        prepare      features, out-of-fold scores of a linear model, folds
        grow         one LightGBM model a bag, each without one fold
        finish       calibrate on what the bags held out, judge on gold, pick golden rows

The same rows and seed give the same files, on any number of threads and workers.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.calibrate import calibrate
from pipelines.evaluate import of_classes, of_values
from pipelines.labelled import LabelledRows
from pipelines.lesson import Prepared, prepare
from pipelines.outcome import TrainFailure
from pipelines.split import Index, digest, split, take
from pipelines.trees import Bag
from serve_app.adapters.lightgbm_student import LightGBMStudent, file_of, models
from serve_app.core.answers import ClassAnswers, ValueAnswers
from serve_app.core.bundle import DataSummary, Golden, seal
from serve_app.core.calibration import calibration_error, softmax
from serve_app.core.student_file import ClassSetup, ValueSetup, paired
from serve_app.core.use_case import Classification, UseCase

FAMILY = "lightgbm"
LIBRARIES = ("lightgbm", "numpy", "scipy", "scikit-learn")
GOLDEN_ROWS = 16
FEWEST_ROWS = 20

Bags = Mapping[tuple[str, int], Bag]
"""By model and bag."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """``files``: all that the student is made of, still without a manifest."""

    files: Mapping[str, bytes]
    metrics: Mapping[str, float]
    calibration: Mapping[str, Any]
    golden: Golden
    data: DataSummary


@dataclass(frozen=True, slots=True)
class Parts:
    learn: LabelledRows
    gold: LabelledRows


def fit(
    use_case: UseCase, labelled: LabelledRows, gold: Index | None = None, threads: int = 2
) -> Fitted | TrainFailure:
    """``gold``: which rows judge; None chooses ``retraining.gold_share`` of them."""
    parts = part(use_case, labelled, gold)
    if isinstance(parts, TrainFailure):
        return parts
    prepared = prepare(use_case, parts.learn)
    bags = grow_all(use_case, prepared, jobs(prepared), threads)
    return finish(use_case, parts, prepared, bags, threads)


def grow_all(use_case: UseCase, prepared: Prepared, chosen: Sequence[tuple[str, int]], threads: int) -> Bags:
    """Bags side by side, each on one thread: LightGBM lets go of the interpreter's lock, and threads
    of its own would mostly wait for one another."""
    with ThreadPoolExecutor(threads) as pool:
        return dict(zip(chosen, pool.map(lambda job: prepared.grow(use_case, *job), chosen), strict=True))


def bundle(use_case: UseCase, fitted: Fitted, created_at: datetime) -> dict[str, bytes]:
    """The sealed artefact. Raises BadBundle for one that would be refused."""
    return seal(
        fitted.files,
        family=FAMILY,
        use_case=use_case,
        metrics=fitted.metrics,
        calibration=fitted.calibration,
        data=fitted.data,
        libraries={name: version(name) for name in LIBRARIES},
        created_at=created_at,
        golden=fitted.golden,
    )


def part(use_case: UseCase, labelled: LabelledRows, gold: Index | None = None) -> Parts | TrainFailure:
    if gold is None:
        learn, judge = split(labelled, list(use_case.features()), gold_share(use_case, labelled))
    else:
        learn, judge = take(labelled, np.setdiff1d(np.arange(len(labelled)), gold)), take(labelled, gold)
    if len(learn) < FEWEST_ROWS or not len(judge):
        found = f"{len(learn)} rows to learn from and {len(judge)} to judge by"
        return TrainFailure(use_case.name, f"{found}; at least {FEWEST_ROWS} and 1 are needed")
    if isinstance(use_case.target, Classification) and len(set(learn.target)) < 2:
        return TrainFailure(use_case.name, f"every row to learn from is {learn.target[0]!r}; two classes are needed")
    return Parts(learn, judge)


def gold_share(use_case: UseCase, labelled: LabelledRows) -> float:
    """Beyond ``retraining.gold_most`` rows more gold tells little, and the student learns from the rest.
    As a table grows rows may leave gold, but what was once learned from never enters it."""
    wanted = use_case.retraining
    if labelled.time is not None:  # of a panel the newest days are gold, however many items there are
        return wanted.gold_share
    return min(wanted.gold_share, wanted.gold_most / max(len(labelled), 1))


def jobs(prepared: Prepared) -> list[tuple[str, int]]:
    """(model, bag) of all that must be grown; each is independent of the others."""
    return [(model, bag) for model in models(prepared.setup) for bag in range(prepared.setup.bags)]


def finish(use_case: UseCase, parts: Parts, prepared: Prepared, bags: Bags, threads: int) -> Fitted:
    setup, calibration = _settle(use_case, prepared, bags)
    files = {
        **prepared.featuriser.files(),
        **{file_of(*job): bag.text.encode() for job, bag in bags.items()},
        "student.json": json.dumps(setup.model_dump(mode="json")).encode(),
    }
    student = LightGBMStudent.read(files, use_case.target, "candidate", threads)
    metrics = {
        **_judge(use_case, student, parts.gold),
        "rows_learned": float(len(parts.learn)),
        "rows_gold": float(len(parts.gold)),
        "rounds": float(np.mean([bag.rounds for bag in bags.values()])),
    }
    return Fitted(files, metrics, calibration, _golden(use_case, student, parts.gold), _summary(use_case, parts))


def _settle(use_case: UseCase, prepared: Prepared, bags: Bags) -> tuple[ClassSetup | ValueSetup, dict[str, Any]]:
    """The setup with what only held-out rows can tell, and a record of how that was done."""
    learned = {model: _held_out(prepared, bags, model) for model in models(prepared.setup)}
    target = prepared.sample.target
    if isinstance(prepared.setup, ValueSetup):
        widen = conformal(learned["low"][:, 0], learned["high"][:, 0], target, use_case.target.interval)  # type: ignore[union-attr]
        return prepared.setup.model_copy(update={"widen": widen}), {"method": "conformal", "widen": widen}
    start = 0.0 if prepared.sample.start is None else prepared.sample.start
    fitted, losses = calibrate(
        paired(start + learned["classes"]), target, prepared.fold, use_case.student.calibration
    )  # fmt: skip
    setup = prepared.setup.model_copy(update={"calibration": fitted})
    return setup, {"method": fitted.method, "held_out_log_loss": losses}


def conformal(low: npt.NDArray[np.float64], high: npt.NDArray[np.float64], truth: Any, share: float) -> float:
    """How much both sides of the interval move outwards so that it holds ``share`` of rows like these:
    the ceil((n + 1)·share)-th smallest of max(low - y, y - high). Negative where it was too wide."""
    misses = np.sort(np.maximum(low - truth, truth - high))
    rank = min(int(np.ceil((len(misses) + 1) * share)), len(misses))
    return float(misses[rank - 1])


def _held_out(prepared: Prepared, bags: Bags, model: str) -> npt.NDArray[np.float64]:
    """(n, scores): what the trees add to each row, of the bag that did not see it."""
    first = bags[model, 0].held_out
    whole = np.zeros((len(prepared.fold), first.shape[1]))
    for bag in range(prepared.setup.bags):
        whole[prepared.fold == bag] = bags[model, bag].held_out
    return whole


def _judge(use_case: UseCase, student: LightGBMStudent, gold: LabelledRows) -> dict[str, float]:
    answers = student.answer(gold.rows)
    if isinstance(answers, ValueAnswers):
        base = use_case.target.relative_to  # type: ignore[union-attr]
        baseline = gold.rows[base].astype(np.float64) if base else None
        return of_values(answers, gold.target.astype(np.float64), use_case.target.interval, baseline)  # type: ignore[union-attr]
    return {**of_classes(answers, gold.target, use_case.target.positive), **_without(student, answers, gold)}  # type: ignore[union-attr]


def _without(student: LightGBMStudent, answers: ClassAnswers, gold: LabelledRows) -> dict[str, float]:
    """What calibration and trees are good for: the error before calibration, the linear model alone."""
    linear, whole = student.scores(gold.rows)
    seen = np.isin(gold.target, student.labels)
    truth = np.array([student.labels.index(label) for label in gold.target[seen]], dtype=np.intp)
    if not len(truth):
        return {}
    before = {"ece_uncalibrated": calibration_error(softmax(whole[seen]), truth)}
    if not student.has_prior:
        return before
    return {**before, "linear_accuracy": float((linear[seen].argmax(axis=1) == truth).mean())}


def _golden(use_case: UseCase, student: LightGBMStudent, gold: LabelledRows) -> Golden:
    """Rows from all over gold, with their exact answers."""
    places = np.unique(np.linspace(0, len(gold) - 1, GOLDEN_ROWS).astype(np.intp))
    rows = gold.rows.take(places).select(list(use_case.features()))
    return Golden.of(rows, student.answer(rows))


def _summary(use_case: UseCase, parts: Parts) -> DataSummary:
    """Of the rows learned from."""
    learn = parts.learn
    classes = isinstance(use_case.target, Classification)
    return DataSummary(
        rows=len(learn),
        digest=digest(learn.rows.select(list(use_case.features())), learn.target),
        labels=dict(sorted(Counter(learn.target.tolist()).items())) if classes else {},
        since=None if learn.time is None else str(learn.time.min()),
        until=None if learn.time is None else str(learn.time.max()),
    )
