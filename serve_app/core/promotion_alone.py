"""What speaks against a challenger whoever the champion is: rules over its own answers to gold."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from serve_app.core.promotion_marks import Case
from serve_app.core.resampling import calibrated_errors, chance_of_fewer, chance_of_more, standard_error
from serve_app.core.ruling import Figures, Finding, Findings

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

SURE = 0.8
"""Confidence from which a student is taken at its word by the usual threshold."""

_SMALLEST = 1e-9


def constant(case: Case) -> tuple[Findings, Figures]:
    """One answer, or one confidence for right and wrong: then nothing tells which rows to ask a teacher."""
    mine = case.challenger
    others = len(mine) - int(np.bincount(mine.truth).max())
    if others and len(np.unique(mine.best)) == 1:
        text = f"it answers {case.classes[mine.best[0]]!r} to every row"
        return [Finding("constant", text, certain=others >= case.gate.min_class)], {}
    if np.ptp(mine.confidence) < 1e-6 and not mine.right.all():
        text = f"it is {mine.confidence[0]:.3f} sure of every row, right or wrong"
        return [Finding("one_confidence", text, certain=len(mine) >= case.gate.min_class)], {}
    return [], {}


def diverged(case: Case) -> tuple[Findings, Figures]:
    """Sure of most rows, and wrong on most of those: what a softmax that diverged in training looks like."""
    sure = case.challenger.confidence >= SURE
    count, right = int(sure.sum()), int(case.challenger.right[sure].sum())
    if 2 * count < len(sure) or chance_of_fewer(right, count, 0.5) > 1 - case.gate.confidence:
        return [], {}
    text = f"it is at least {SURE} sure of {count} of {len(sure)} rows, and right on only {right} of them"
    return [Finding("diverged", text, certain=True)], {}


def overconfident(case: Case) -> tuple[Findings, Figures]:
    mine, most = case.challenger, case.gate.overconfidence + _believed(case)
    gap = float(mine.confidence.mean() - mine.right.mean())
    error = case.z * standard_error(mine.confidence - mine.right)
    figures = {"overconfidence": gap}
    if gap - case.alike * error <= most:
        return [], figures
    sure, right = mine.confidence.mean(), mine.right.mean()
    text = f"it is {sure:.3f} sure on average and {right:.3f} are right (allowed: {most:.3g})"
    return [Finding("overconfident", text, certain=gap - (1 + case.alike) * error > most)], figures


def miscalibrated(case: Case, rng: np.random.Generator) -> tuple[Findings, Figures]:
    """The error beyond what a calibrated student with these confidences shows by chance."""
    allowed = case.gate.ece + _believed(case)
    chance = calibrated_errors(case.challenger.confidence, case.gate.resamples, rng)
    usual, most = float(chance.mean()), float(np.quantile(chance, case.gate.confidence))
    slack = case.alike * case.z * standard_error(case.challenger.confidence - case.challenger.right)
    figures = {"ece_by_chance": usual}
    if case.ece - usual - slack <= allowed:
        return [], figures
    text = f"the calibration error is {case.ece:.3f}, of which {usual:.3f} would be chance (allowed: {allowed:.3g})"
    return [Finding("miscalibrated", text, certain=case.ece - most - slack > allowed)], figures


def majority(case: Case) -> tuple[Findings, Figures]:
    """Better than to say the most frequent class every time: by accuracy; or, where one class is so frequent
    that hardly any answer can differ from it, by log loss against the classes' shares while not shown to be
    less accurate."""
    mine, alpha = case.challenger, 1 - case.gate.confidence
    counts = np.bincount(mine.truth, minlength=len(case.classes))
    usual = mine.truth == counts.argmax()
    won, lost = int((mine.right & ~usual).sum()), int((~mine.right & usual).sum())
    shares = counts[mine.truth] / len(mine)
    gain = np.log(np.maximum(mine.chance, _SMALLEST)) - np.log(shares)
    least = float(gain.mean()) - case.z * standard_error(gain)
    figures = {
        "majority_accuracy": float(usual.mean()),
        "log_loss": float(-np.log(np.maximum(mine.chance, _SMALLEST)).mean()),
        "shares_log_loss": float(-np.log(shares).mean()),
    }
    worse = float(chance_of_more(lost, won)) <= alpha
    if float(chance_of_more(won, lost)) <= alpha or (least > 0 and not worse):
        return [], figures
    text = (
        f"it is not shown to do better than the most frequent class: {mine.right.mean():.3f} right against "
        f"{usual.mean():.3f}, log loss {figures['log_loss']:.3f} against {figures['shares_log_loss']:.3f}"
    )
    return [Finding("not_better_than_majority", text, certain=worse)], figures


def optimism(case: Case) -> tuple[Findings, Figures]:
    """A student that learned a teacher's mistakes is right on rows with the same mistakes, and wrong on gold:
    that much more is allowed."""
    held_out, right = case.contest.held_out.get("accuracy"), case.challenger.right
    if held_out is None:
        return [], {}
    gap, most = float(held_out - right.mean()), case.gate.optimism + case.contest.doubtful
    error = case.z * standard_error(right)
    figures = {"held_out_accuracy": float(held_out), "optimism": gap}
    if gap - case.alike * error <= most:
        return [], figures
    text = (
        f"{held_out:.3f} are right on its own held-out rows and {right.mean():.3f} on gold (allowed: {most:.3g} less): "
        "a feature that knows the label in training only, or labels that gold does not bear out"
    )
    return [Finding("leak", text, certain=gap - (1 + case.alike) * error > most)], figures


def served(case: Case) -> tuple[Findings, Figures]:
    """Rows from a file bring what training brought; rows that were asked live bring what is known when it is
    asked. A challenger that is good on the first alone has learned something that will not be there.
    People label hard rows more than easy ones, which the champion meets as well: its own gap is no fault
    of the challenger's."""
    served, right = case.contest.gold.served(), case.challenger.right
    if min(served.sum(), (~served).sum()) < case.gate.min_class:
        return [], {}
    z = case.z * (1 + case.alike)
    gap, least = _gap(right.astype(np.float64), served, z)
    figures = {"served_gap": gap}
    if case.champion is not None:
        beyond, beyond_least = _gap(right.astype(np.float64) - case.champion.right, served, z)
        figures["served_gap_beyond_champion"] = beyond
        least = min(least, beyond_least)
    if least <= case.gate.optimism:
        return [], figures
    text = (
        f"{right[~served].mean():.3f} are right on rows from files and {right[served].mean():.3f} on rows that "
        "were asked live: a feature that knows the label in files only"
    )
    return [Finding("leak", text, certain=True)], figures


def _believed(case: Case) -> float:
    """A confidence that is right about the labels a student learned from is too high by as much as those are
    wrong: of rows it is c sure of, c · doubtful agree with a mistake. That much more is allowed."""
    return case.contest.doubtful * float(case.challenger.confidence.mean())


def _gap(values: Floats, served: Mask, z: float) -> tuple[float, float]:
    """Mean on file rows less mean on served rows, and its lower bound."""
    gap = float(values[~served].mean() - values[served].mean())
    return gap, gap - z * float(np.hypot(standard_error(values[~served]), standard_error(values[served])))
