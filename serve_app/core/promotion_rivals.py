"""What speaks against a challenger beside its champion, and beside the best champion so far."""

from __future__ import annotations

import numpy as np

from serve_app.core.promotion_marks import Case, Index, Marked, Mask
from serve_app.core.resampling import macro_f1, macro_f1_differences, shown_to_lose
from serve_app.core.ruling import Figures, Finding, Findings

SHOWN = 5
"""Classes that are named."""


def worse(case: Case, rng: np.random.Generator) -> tuple[Findings, Figures]:
    """Worse is what falls short by more than the margin and is shown to be worse at all: a student as good as
    the champion falls short of it by chance every other time."""
    if case.champion is None:
        return [], {}
    mine, theirs, gate = case.challenger, case.champion, case.gate
    score, champion = macro_f1(mine.truth, mine.best), macro_f1(mine.truth, theirs.best)
    drawn = macro_f1_differences(mine.truth, mine.best, theirs.best, gate.resamples, rng, case.contest.gold.group)
    low, high = (float(bound) for bound in np.quantile(drawn, (1 - gate.confidence, gate.confidence)))
    figures = {"macro_f1_difference": score - champion, "macro_f1_lower": low, "macro_f1_upper": high}
    told = f"macro-F1 is {score:.3f}, the champion's {champion:.3f}"
    if score - champion < -gate.macro_f1 and high < 0:
        text = f"{told} (allowed: {gate.macro_f1} less)"
        return [Finding("worse_than_champion", text, certain=high < -gate.macro_f1), *_ratchet(case)], figures
    if low < -gate.macro_f1:
        text = f"{told}: with {gate.confidence:.0%} confidence up to {-low:.3f} less, and {gate.macro_f1} is allowed"
        if (room := score - champion + gate.macro_f1) > 0:
            figures["gold_needed"] = _needed(len(mine), score - champion - low, room)
            text += f"; about {figures['gold_needed']:.0f} gold rows could tell"
        return [Finding("too_close", text, undecided=True), *_ratchet(case)], figures
    return _ratchet(case), figures


def _needed(rows: int, reach: float, room: float) -> float:
    """A bound comes nearer with the root of the rows."""
    return float(np.ceil(rows * (reach / max(room, 1e-3)) ** 2))


def _ratchet(case: Case) -> Findings:
    """Champions that each lose a little less than the margin must not go down step by step. A challenger that
    is no worse than the champion is no step down, wherever the anchor stands. The anchor is the best of many by
    this very gold, hence by its luck too: no bound is asked for on top."""
    if case.anchor is None or case.champion is None:
        return []
    truth, most = case.challenger.truth, case.gate.macro_f1
    mine, champion, anchor = (macro_f1(truth, each.best) for each in (case.challenger, case.champion, case.anchor))
    if mine >= champion or mine >= anchor - most:
        return []
    text = f"macro-F1 is {mine:.3f}, that of the best champion so far {anchor:.3f} (allowed: {most} less)"
    return [Finding("worse_than_anchor", text)]


def lost_classes(case: Case) -> tuple[Findings, Figures]:
    """A class is lost when its recall falls by more than the margin and the fall is no accident; against
    the champion and against the anchor, each with its share of the error."""
    rivals = [(name, r) for name, r in (("champion", case.champion), ("anchor", case.anchor)) if r is not None]
    found: Findings = []
    figures: Figures = {}
    for name, rival in rivals:
        lost, losses = _lost(case, rival, (1 - case.gate.confidence) / len(rivals))
        told = [_lost_text(case, name, rival, place) for place in lost]
        found += [Finding("class_lost", text, certain=True) for text in told[:SHOWN]]
        if len(told) > SHOWN:
            found.append(Finding("class_lost", f"and {len(told) - SHOWN} classes more", certain=True))
        if name == "champion":
            worst = sorted(losses, key=lambda place: -losses[place])[:SHOWN]
            figures = {f"recall_loss.{case.classes[place]}": losses[place] for place in worst if losses[place] > 0}
    return found, figures


def _lost(case: Case, rival: Marked, alpha: float) -> tuple[list[int], dict[int, float]]:
    """The classes lost, and by class judged how much recall fell."""
    mine, size = case.challenger, len(case.classes)
    rows = np.bincount(mine.truth, minlength=size)
    gone, gained = rival.right & ~mine.right, mine.right & ~rival.right
    judged = np.flatnonzero(rows >= case.gate.min_class)
    if not len(judged):
        return [], {}
    fallen = np.bincount(mine.truth[gone], minlength=size) - np.bincount(mine.truth[gained], minlength=size)
    fall = fallen[judged] / rows[judged]
    shown = shown_to_lose(_questions(case, gone)[judged], _questions(case, gained)[judged], alpha)
    lost = judged[(fall > case.gate.class_recall) & shown]
    return lost.tolist(), dict(zip(judged.tolist(), fall.tolist(), strict=True))


def _questions(case: Case, chosen: Mask) -> Index:
    """(classes,) how many different ones are among the chosen rows: rows that are alike count once."""
    truth, group = case.challenger.truth[chosen], case.contest.gold.group
    if group is not None:
        own = np.unique(group, return_inverse=True)[1][chosen]
        truth = np.unique(np.stack((truth, own)), axis=1)[0]
    return np.bincount(truth, minlength=len(case.classes))


def _lost_text(case: Case, name: str, rival: Marked, place: int) -> str:
    rows = case.challenger.truth == place
    before, after = rival.right[rows].mean(), case.challenger.right[rows].mean()
    return (
        f"recall of {case.classes[place]!r} falls from the {name}'s {before:.2f} to {after:.2f} "
        f"on {int(rows.sum())} gold rows (allowed: {case.gate.class_recall})"
    )
