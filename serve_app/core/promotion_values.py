"""What speaks against a challenger that answers numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from serve_app.core.answers import ValueAnswers
from serve_app.core.resampling import sums
from serve_app.core.ruling import Contest, Figures, Finding, Findings
from serve_app.core.use_case import Gate

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Losses:
    """By row: the mean of the pinball losses of low, value and high (R. Koenker, G. Bassett 1978); how far
    value is off; whether the interval holds the truth."""

    pinball: Floats
    error: Floats
    inside: npt.NDArray[np.bool_]


def against(gate: Gate, interval: float, contest: Contest, rng: np.random.Generator) -> tuple[Findings, Figures]:
    """``interval``: the share of true values that the interval is meant to hold."""
    answers = contest.challenger
    assert isinstance(answers, ValueAnswers)
    if not all(np.isfinite(each).all() for each in (answers.value, answers.low, answers.high)):
        return [Finding("not_finite", "some of its answers are not numbers", certain=True)], {}
    mine = _losses(answers, contest, interval)
    figures = {
        "gold_rows": float(len(contest.gold)),
        "gold_served": float(contest.gold.served().sum()),
        "mae": float(mine.error.mean()),
        "pinball": float(mine.pinball.mean()),
        "coverage": float(mine.inside.mean()),
        "width": float((answers.high - answers.low).mean()),
    }
    found = _constant(answers, contest)
    for more, numbers in (
        _coverage(gate, interval, mine, contest, rng),
        _baseline(gate, mine, contest, rng),
        _worse(gate, mine, contest, interval, rng),
    ):
        found, figures = [*found, *more], {**figures, **numbers}
    return found, figures


def _losses(answers: ValueAnswers, contest: Contest, interval: float) -> Losses:
    truth, tail = contest.gold.truth.astype(np.float64), (1 - interval) / 2
    parts = ((answers.low, tail), (answers.value, 0.5), (answers.high, 1 - tail))
    pinball = [np.maximum(level * (truth - value), (level - 1) * (truth - value)) for value, level in parts]
    inside = (answers.low <= truth) & (truth <= answers.high)
    return Losses(np.mean(pinball, axis=0), np.abs(answers.value - truth), inside)


def _constant(answers: ValueAnswers, contest: Contest) -> Findings:
    if len(answers) < 2 or np.ptp(answers.value) > 0 or np.ptp(contest.gold.truth) == 0:
        return []
    return [Finding("constant", f"it answers {answers.value[0]:g} to every row", certain=len(answers) >= 10)]


def _coverage(
    gate: Gate, interval: float, mine: Losses, contest: Contest, rng: np.random.Generator
) -> tuple[Findings, Figures]:
    missed = float(mine.inside.mean()) - interval
    if abs(missed) <= gate.coverage:
        return [], {}
    drawn = _means(np.stack([mine.inside.astype(np.float64)], axis=1), gate, contest, rng)[:, 0] - interval
    surely = float(np.quantile(drawn * np.sign(missed), 1 - gate.confidence)) > gate.coverage
    text = f"its interval holds {mine.inside.mean():.3f} of the true values; {interval} ± {gate.coverage} is allowed"
    return [Finding("coverage_off", text, certain=surely)], {}


def _baseline(gate: Gate, mine: Losses, contest: Contest, rng: np.random.Generator) -> tuple[Findings, Figures]:
    """Nearer to the truth than the feature that values are relative to, or than the median of all."""
    truth, given = contest.gold.truth.astype(np.float64), contest.gold.baseline
    base = np.full(len(truth), np.median(truth)) if given is None else given
    known = np.isfinite(base)
    if not known.any():
        return [], {}
    gain = np.where(known, np.abs(base - truth) - mine.error, 0.0)
    drawn = _means(gain[:, None], gate, contest, rng)[:, 0]
    low, high = np.quantile(drawn, (1 - gate.confidence, gate.confidence))
    figures = {
        "baseline_mae": float(np.abs(base - truth)[known].mean()),
        "mae_where_known": float(mine.error[known].mean()),
    }
    if low > 0:
        return [], figures
    text = (
        f"it is {figures['mae_where_known']:.4g} off on average, the baseline {figures['baseline_mae']:.4g}: "
        "it is not shown to be nearer"
    )
    return [Finding("worse_than_baseline", text, certain=bool(high < 0), undecided=bool(gain.mean() > 0))], figures


def _worse(
    gate: Gate, mine: Losses, contest: Contest, interval: float, rng: np.random.Generator
) -> tuple[Findings, Figures]:
    if not isinstance(contest.champion, ValueAnswers):
        return [], {}
    theirs = _losses(contest.champion, contest, interval)
    drawn = _means(np.stack((mine.pinball, theirs.pinball), axis=1), gate, contest, rng)
    low, high = np.quantile(_relative(drawn[:, 0], drawn[:, 1]), (1 - gate.confidence, gate.confidence))
    more = float(_relative(mine.pinball.mean(), theirs.pinball.mean()))
    figures = {
        "champion_pinball": float(theirs.pinball.mean()),
        "pinball_difference": more,
        "pinball_lower": float(low),
        "pinball_upper": float(high),
    }
    told = f"its pinball loss is {mine.pinball.mean():.4g}, the champion's {theirs.pinball.mean():.4g}"
    found, numbers = _ratchet(gate, mine, more, contest, interval)
    if more > gate.pinball and low > 0:
        text = f"{told} (allowed: {gate.pinball:.0%} more)"
        found = [Finding("worse_pinball", text, certain=bool(low > gate.pinball)), *found]
    elif high > gate.pinball:
        text = f"{told}: with {gate.confidence:.0%} confidence up to {high:.1%} more, and {gate.pinball:.0%} is allowed"
        found = [Finding("too_close", text, undecided=True), *found]
    return found, {**figures, **numbers}


def _ratchet(gate: Gate, mine: Losses, more: float, contest: Contest, interval: float) -> tuple[Findings, Figures]:
    """As for classes: only where it is a step down from the champion as well."""
    if not isinstance(contest.anchor, ValueAnswers):
        return [], {}
    anchor = float(_losses(contest.anchor, contest, interval).pinball.mean())
    figures = {"anchor_pinball": anchor}
    if more <= 0 or float(_relative(mine.pinball.mean(), anchor)) <= gate.pinball:
        return [], figures
    text = (
        f"its pinball loss is {mine.pinball.mean():.4g}, that of the best champion so far {anchor:.4g} "
        f"(allowed: {gate.pinball:.0%} more)"
    )
    return [Finding("worse_than_anchor", text)], figures


def _means(values: Floats, gate: Gate, contest: Contest, rng: np.random.Generator) -> Floats:
    """(resamples, columns), of rows or of groups drawn again."""
    drawn = sums(np.column_stack((values, np.ones(len(values)))), contest.gold.group, gate.resamples, rng)
    return np.asarray(drawn[:, :-1] / drawn[:, -1:])


def _relative(mine: npt.ArrayLike, theirs: npt.ArrayLike) -> Floats:
    """A loss of nothing at all cannot be relative to; then any more is a lot."""
    return np.asarray((np.asarray(mine) - theirs) / np.maximum(theirs, 1e-12), dtype=np.float64)
