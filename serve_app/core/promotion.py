"""The gate: may a challenger take the champion's place, by what both answer to the same gold rows?

    rule(gate, target, contest, rng) -> Ruling(promote | refuse | person, reasons, figures)

    classes   macro-F1: the difference to the champion, and its lower bound (paired bootstrap), within the
              margin; no class lost; not below the best champion so far; calibrated, not overconfident, not
              diverged, not constant; better than the most frequent class; no leak
    numbers   pinball loss likewise; the interval's coverage; better than the baseline

``refuse``: something is wrong. ``person``: nothing is known to be wrong, but gold cannot show that all is
right: it has too few rows (``too_little_gold``: then only what is certain even so refuses), or the two are too
close for it (``too_close``).

Codes: too_little_gold, too_close, worse_than_champion, worse_than_anchor, class_lost, miscalibrated,
overconfident, diverged, constant, one_confidence, not_finite, not_better_than_majority, leak, worse_pinball,
coverage_off, worse_than_baseline, no_answers; and passed.
"""

from __future__ import annotations

import numpy as np

from serve_app.core import promotion_classes, promotion_values
from serve_app.core.answers import NoStudent
from serve_app.core.ruling import Contest, Figures, Finding, Findings, Gold, Reason, Ruling
from serve_app.core.use_case import Classification, Gate, Target

__all__ = ["Contest", "Gold", "Reason", "Ruling", "rule"]


def rule(gate: Gate, target: Target, contest: Contest, rng: np.random.Generator) -> Ruling:
    """The same contest and generator give the same ruling. Every answer fits ``target``."""
    if isinstance(contest.challenger, NoStudent):
        return Ruling("refuse", (Reason("no_answers", "it answers nothing"),), {})
    if not len(contest.gold):
        needed = {"gold_rows": 0.0, "gold_needed": float(gate.min_gold)}
        return Ruling("person", (_little(gate, 0).reason(),), needed)
    if isinstance(target, Classification):
        found, figures = promotion_classes.against(gate, target.classes, contest, rng)
    else:
        found, figures = promotion_values.against(gate, target.interval, contest, rng)
    return _ruled(gate, contest, found, figures)


def _ruled(gate: Gate, contest: Contest, found: Findings, figures: Figures) -> Ruling:
    rows = len(contest.gold)
    if rows < gate.min_gold:
        return _of_little(gate, rows, found, {**figures, "gold_needed": float(gate.min_gold)})
    if wrong := [each for each in found if not each.undecided]:
        return Ruling("refuse", _reasons(wrong), figures)
    if found:
        return Ruling("person", _reasons(found), figures)
    return Ruling("promote", (_passed(rows, figures),), figures)


def _of_little(gate: Gate, rows: int, found: Findings, figures: Figures) -> Ruling:
    """What is certain refuses; what is not is told to the person."""
    if certain := [each for each in found if each.certain]:
        return Ruling("refuse", _reasons(certain), figures)
    return Ruling("person", _reasons([_little(gate, rows), *found]), figures)


def _little(gate: Gate, rows: int) -> Finding:
    text = f"{rows} gold rows, {gate.min_gold - rows} more are needed (gate.min_gold): only a person can promote"
    return Finding("too_little_gold", text, undecided=True)


def _reasons(found: Findings) -> tuple[Reason, ...]:
    return tuple(each.reason() for each in found)


def _passed(rows: int, figures: Figures) -> Reason:
    shown = {
        "macro-F1": ("macro_f1", "champion_macro_f1"),
        "pinball loss": ("pinball", "champion_pinball"),
    }
    name, (mine, theirs) = next((name, keys) for name, keys in shown.items() if keys[0] in figures)
    rival = f", the champion's {figures[theirs]:.4g}" if theirs in figures else ", and there is no champion yet"
    return Reason("passed", f"{name} {figures[mine]:.4g} on {rows} gold rows{rival}")
