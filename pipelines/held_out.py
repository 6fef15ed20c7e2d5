"""What rows tell that a bag has not seen: the calibration, the interval, and how good the student is.

Every row is held out by one bag, so that together the bags answer every row without having seen it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.calibrate import calibrate
from pipelines.evaluate import of_classes, of_values
from pipelines.lesson import Prepared
from pipelines.trees import Bag
from serve_app.adapters.boosted_student import class_answers, models, value_answers
from serve_app.core.answers import ClassAnswers, StudentAnswers
from serve_app.core.ports import Bundle
from serve_app.core.student_file import ClassSetup, ValueSetup, paired
from serve_app.core.use_case import Classification, UseCase

Floats = npt.NDArray[np.float64]
Bags = Mapping[tuple[str, int], Bag]
"""By model and bag."""

FILE = "held_out.json"
KEPT = 5000
"""Rows in it."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """``setup``: with what only held-out rows can tell; ``calibration``: a record of how that was done;
    ``answers``: to every row learned from, by a bag that had not seen it; ``metrics`` of those answers,
    with ``held_out_loss``: the log loss, calibrated on the other half of the folds, or the pinball loss."""

    setup: ClassSetup | ValueSetup
    calibration: dict[str, Any]
    answers: StudentAnswers
    metrics: dict[str, float]


def as_file(answers: ClassAnswers) -> bytes:
    """How sure the student was of which class on rows that it had not seen: what the grid of a certificate is
    made of while there are no live rows."""
    rows = np.unique(np.linspace(0, len(answers) - 1, min(len(answers), KEPT)).astype(np.intp))
    labels = [answers.classes[place] for place in answers.best()[rows]]
    confidence = answers.probabilities.max(axis=1)[rows]
    return json.dumps({"labels": labels, "confidence": [round(each, 6) for each in confidence.tolist()]}).encode()


def confidences(bundle: Bundle) -> dict[str, Floats]:
    """By class; nothing for a student of before."""
    kept = json.loads(bundle.get(FILE, b'{"labels": [], "confidence": []}'))
    labels, sure = np.array(kept["labels"], dtype=object), np.array(kept["confidence"], dtype=np.float64)
    return {str(name): sure[labels == name] for name in set(kept["labels"])}


def settle(use_case: UseCase, prepared: Prepared, bags: Bags) -> HeldOut:
    learned = {model: _held_out(prepared, bags, model) for model in models(prepared.setup)}
    if isinstance(prepared.setup, ValueSetup):
        return _settle_values(use_case, prepared, prepared.setup, learned)
    return _settle_classes(use_case, prepared, prepared.setup, learned["classes"])


def _settle_classes(use_case: UseCase, prepared: Prepared, setup: ClassSetup, added: Floats) -> HeldOut:
    assert isinstance(use_case.target, Classification)
    start = 0.0 if prepared.sample.start is None else prepared.sample.start
    scores = paired(start + added)
    fitted, losses = calibrate(scores, prepared.sample.target, prepared.fold, use_case.student.calibration)
    setup = setup.model_copy(update={"calibration": fitted})
    answers = class_answers(use_case.target, setup, scores, "held out")
    found = of_classes(answers, prepared.labelled.target)
    metrics = {f"held_out_{name}": found[name] for name in ("accuracy", "macro_f1", "ece")}
    loss = losses[fitted.method]
    return HeldOut(
        setup, {"method": fitted.method, "held_out_log_loss": losses}, answers, {**metrics, "held_out_loss": loss}
    )  # fmt: skip


def _settle_values(use_case: UseCase, prepared: Prepared, setup: ValueSetup, learned: Mapping[str, Floats]) -> HeldOut:
    interval: float = use_case.target.interval  # type: ignore[union-attr]
    low, value, high = (learned[model][:, 0] for model in models(setup))
    widen = conformal(low, high, prepared.sample.target, interval)
    setup = setup.model_copy(update={"widen": widen})
    answers = value_answers(setup, prepared.labelled.rows, [low, value, high], "held out")
    found = of_values(answers, prepared.labelled.target.astype(np.float64), interval)
    metrics = {f"held_out_{name}": found[name] for name in ("mae", "pinball", "coverage")}
    return HeldOut(
        setup, {"method": "conformal", "widen": widen}, answers, {**metrics, "held_out_loss": found["pinball"]}
    )  # fmt: skip


def conformal(low: Floats, high: Floats, truth: Any, share: float) -> float:
    """How much both sides of the interval move outwards so that it holds ``share`` of rows like these:
    the ceil((n + 1)·share)-th smallest of max(low - y, y - high). Negative where it was too wide."""
    misses = np.sort(np.maximum(low - truth, truth - high))
    rank = min(int(np.ceil((len(misses) + 1) * share)), len(misses))
    return float(misses[rank - 1])


def _held_out(prepared: Prepared, bags: Bags, model: str) -> Floats:
    """(n, scores): what the trees add to each row, of the bag that did not see it."""
    first = bags[model, 0].held_out
    whole = np.zeros((len(prepared.fold), first.shape[1]))
    for bag in range(prepared.setup.bags):
        whole[prepared.fold == bag] = bags[model, bag].held_out
    return whole
