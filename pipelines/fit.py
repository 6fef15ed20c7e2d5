"""Labelled rows to a student, in one process and without Ray.

    fit(use_case, labelled) = finish(use_case, parts, prepared, bags)
        part         gold rows aside
        prepare      features, out-of-fold scores of a linear model, folds
        grow         one model of trees a bag, each without one fold
        finish       calibrate on what the bags held out, judge on gold, pick golden rows

The same rows and seed give the same files, on any number of threads and workers.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any

import numpy as np

from pipelines.evaluate import of_classes, of_values
from pipelines.families import Family, NotInstalled, family
from pipelines.held_out import FILE as HELD_OUT
from pipelines.held_out import Bags, as_file, settle
from pipelines.labelled import LabelledRows
from pipelines.lesson import Prepared, grow, prepare
from pipelines.outcome import TrainFailure
from pipelines.split import Index, digest, split, take
from serve_app.adapters.boosted_student import BoostedStudent, models
from serve_app.core.answers import ClassAnswers, ValueAnswers
from serve_app.core.bundle import DataSummary, Golden, seal
from serve_app.core.calibration import calibration_error, softmax
from serve_app.core.drift import reference
from serve_app.core.use_case import Classification, UseCase

GOLDEN_ROWS = 16
FEWEST_ROWS = 20


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
    """``learn``: the rows that features, folds and calibration are learned from; ``gold``: those that judge,
    maybe none. ``data``: of all rows learned from, where they are more than ``learn``."""

    learn: LabelledRows
    gold: LabelledRows
    data: DataSummary | None = None


def fit(
    use_case: UseCase, labelled: LabelledRows, gold: Index | None = None, threads: int = 2
) -> Fitted | TrainFailure:
    """``gold``: which rows judge; None chooses ``retraining.gold_share`` of them."""
    try:
        made = family(use_case.student.kind)
    except NotInstalled as error:
        return TrainFailure(use_case.name, str(error))
    parts = part(use_case, labelled, gold)
    if isinstance(parts, TrainFailure):
        return parts
    prepared = prepare(use_case, parts.learn)
    bags = _grow_all(use_case, made, prepared, threads)
    return finish(use_case, made, parts, prepared, bags, threads)


def _grow_all(use_case: UseCase, made: Family, prepared: Prepared, threads: int) -> Bags:
    """Bags side by side, each on one thread: the libraries let go of the interpreter's lock, and threads
    of their own would mostly wait for one another."""

    def one(job: tuple[str, int]) -> Any:
        return grow(made, use_case.student, prepared, *job, prepared.seen(job[1]))

    with ThreadPoolExecutor(threads) as pool:
        every = jobs(prepared)
        return dict(zip(every, pool.map(one, every), strict=True))


def bundle(use_case: UseCase, fitted: Fitted, created_at: datetime) -> dict[str, bytes]:
    """The sealed artefact. Raises BadBundle for one that would be refused."""
    made = family(use_case.student.kind)
    return seal(
        fitted.files,
        family=made.name,
        use_case=use_case,
        metrics=fitted.metrics,
        calibration=fitted.calibration,
        data=fitted.data,
        libraries={name: version(name) for name in made.libraries},
        created_at=created_at,
        golden=fitted.golden,
    )


def part(use_case: UseCase, labelled: LabelledRows, gold: Index | None = None) -> Parts | TrainFailure:
    if gold is None:
        learn, judge = split(labelled, list(use_case.features()), gold_share(use_case, labelled))
    else:
        learn, judge = take(labelled, np.setdiff1d(np.arange(len(labelled)), gold)), take(labelled, gold)
    if not len(judge):
        return TrainFailure(use_case.name, f"{len(learn)} rows to learn from and none to judge by")
    return why_not(use_case, learn) or Parts(learn, judge)


def why_not(use_case: UseCase, learn: LabelledRows) -> TrainFailure | None:
    """Why nothing can be learned from these rows."""
    if len(learn) < FEWEST_ROWS:
        return TrainFailure(use_case.name, f"{len(learn)} rows to learn from; at least {FEWEST_ROWS} are needed")
    if isinstance(use_case.target, Classification) and len(set(learn.target)) < 2:
        return TrainFailure(use_case.name, f"every row to learn from is {learn.target[0]!r}; two classes are needed")
    return None


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


def finish(use_case: UseCase, made: Family, parts: Parts, prepared: Prepared, bags: Bags, threads: int) -> Fitted:
    settled = settle(use_case, prepared, bags)
    files = {
        **prepared.featuriser.files(),
        **{made.student.file_of(*job): bag.text.encode() for job, bag in bags.items()},
        "student.json": json.dumps(settled.setup.model_dump(mode="json")).encode(),
    }
    student = made.student.read(files, use_case.target, "candidate", threads)
    drift = reference(use_case, parts.learn.rows, settled.answers)
    held_out = {HELD_OUT: as_file(settled.answers)} if isinstance(settled.answers, ClassAnswers) else {}
    metrics = {
        **(_judge(use_case, student, parts.gold) if len(parts.gold) else {}),
        **settled.metrics,
        "rows_learned": float(parts.data.rows if parts.data else len(parts.learn)),
        "rows_gold": float(len(parts.gold)),
        "rounds": float(np.mean([bag.rounds for bag in bags.values()])),
    }
    return Fitted(
        {**files, "drift.json": json.dumps(drift).encode(), **held_out},
        metrics,
        settled.calibration,
        _golden(use_case, student, parts.gold if len(parts.gold) else parts.learn),
        parts.data or _summary(use_case, parts),
    )


def _judge(use_case: UseCase, student: BoostedStudent, gold: LabelledRows) -> dict[str, float]:
    answers = student.answer(gold.rows)
    if isinstance(answers, ValueAnswers):
        base = use_case.target.relative_to  # type: ignore[union-attr]
        baseline = gold.rows[base].astype(np.float64) if base else None
        return of_values(answers, gold.target.astype(np.float64), use_case.target.interval, baseline)  # type: ignore[union-attr]
    return {**of_classes(answers, gold.target, use_case.target.positive), **_without(student, answers, gold)}  # type: ignore[union-attr]


def _without(student: BoostedStudent, answers: ClassAnswers, gold: LabelledRows) -> dict[str, float]:
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


def _golden(use_case: UseCase, student: BoostedStudent, gold: LabelledRows) -> Golden:
    """Rows from all over ``gold``, with their exact answers."""
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
